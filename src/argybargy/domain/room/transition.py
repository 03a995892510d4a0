"""A decision in the making: the only mutable thing in the domain.

It lives within one call of ``decide`` and never leaves it. Each method makes one
change to the room and names the write that makes the same change durable, so that
the two cannot drift apart.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

import attrs
from rpds import HashTrieMap

from argybargy.domain.damping import Exchange, Exchanges, Pair
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import (
    Lease,
    Message,
    Question,
    Receipt,
    Resolution,
    SenderKind,
)
from argybargy.domain.names import NOBODY, SYSTEM, PeerKey, peer_key
from argybargy.domain.room.commands import CommandResult, GiveUp
from argybargy.domain.room.state import ReceiptKey, Room, next_lease_deadline
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    CodesChanged,
    ForgetMember,
    KeepReceipt,
    LiftDampings,
    NoteExchange,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.domain.seq_gaps import SeqGap, first_kept, gaps_from, present_seqs
from argybargy.system.values import define, frozen

MAX_GIVEN_UP_BY_APPEND: Final = 64
"""Maximum messages that retention drops for one new message.

More than one is surplus only after the limit was lowered; later commands drop the rest.
"""


@frozen
class Decision:
    """The outcome of a command.

    Attributes:
        room: The new value of the room.
        writes: The writes that make it durable, in order.
        answer: The result for the caller.
    """

    room: Room
    writes: tuple[Write, ...]
    answer: CommandResult


@define
class Transition:
    """A decision in the making: a changed room and the writes so far.

    Rules change the room through these methods only, so that each change comes with
    its write.

    Attributes:
        room: The room with the changes so far.
        now: The time of the decision.
        limits: The limits of the relay.
        recalled: The message that the command refers to, if it is older than the tail.
        writes: The writes so far, in order.
    """

    room: Room
    now: Instant
    limits: Limits
    recalled: Message | None = None
    writes: list[Write] = attrs.field(factory=list)
    _is_own_copy: bool = attrs.field(default=False, init=False)
    _has_lost_first_lapse: bool = attrs.field(default=False, init=False)

    def decision(self, answer: CommandResult) -> Decision:
        """Return the finished decision. A room with writes exists from then on.

        Recomputes the next lease deadline from all leases only if the earliest lease
        was changed; otherwise the deadline is already right.
        """
        self.find_lease_deadline()
        if self.writes and not self.room.exists:
            self.change(exists=True)
        return Decision(self.room, tuple(self.writes), answer)

    def find_lease_deadline(self) -> None:
        """Find the next lease deadline again, if its lease was changed."""
        if self._has_lost_first_lapse:
            self._has_lost_first_lapse = False
            deadline = next_lease_deadline(self.room.leases.values())
            self.change(next_lease_deadline=deadline)

    def change(self, **fields: object) -> None:
        """Replace fields of the room that need no write of their own.

        The first change copies the room; later ones modify the copy in place. A post
        makes six changes; copying for each took a fifth of its time.
        """
        if not self._is_own_copy:
            self.room, self._is_own_copy = self.room.copy(), True
        assert fields.keys() <= self.room.__dict__.keys()
        self.room.__dict__.update(fields)

    def message(self, seq: int) -> Message | None:
        """Return a message of the tail or the command, unless dropped by retention."""
        message = self.room.messages.get(seq)
        if message is None and self.recalled is not None and self.recalled.seq == seq:
            message = self.recalled
        return message if seq >= self.room.first else None

    def audit(self, action: str, actor: str, detail: str = "") -> None:
        """Add a row to the audit log."""
        self.writes.append(
            Audit(self.now.wall_ms, action, actor, self.room.name, detail)
        )

    def append(self, message: Message, *, retains: bool = True) -> None:
        """Append a message, then apply retention and trim the tail.

        Args:
            message: The message.
            retains: Whether to apply retention; not for a commit of another node, which
                says itself from where messages are kept.
        """
        room = self.room
        self.change(
            head=message.seq,
            last_ms=message.at_ms,
            heard_ms=self.now.heard_at(message.at_ms, message.heard_ms),
            messages=room.messages.insert(message.seq, message),
            tail_bytes=room.tail_bytes + message.text_bytes,
        )
        self.writes.append(AppendMessage(message))
        if retains:
            self._retain(MAX_GIVEN_UP_BY_APPEND)
        self._trim_tail()

    def announce(
        self,
        event: str,
        to: tuple[str, ...],
        text: str,
        reply_to: int | None = None,
        *,
        not_before_ms: int = 0,
    ) -> None:
        """Append a system message, which asks nobody.

        Args:
            event: The event that it reports.
            to: The addressees.
            text: The text.
            reply_to: The message that it is about, if it is about one.
            not_before_ms: The least timestamp, besides that of the message before.
        """
        room = self.room
        self.append(
            Message(
                seq=room.head + 1,
                at_ms=max(self.now.wall_ms, room.last_ms, not_before_ms),
                sender=SYSTEM,
                kind=SenderKind.SYSTEM,
                to=to,
                text=text,
                expects=NOBODY,
                reply_to=reply_to,
                event=event,
                heard_ms=self.now.counted_ms,
            )
        )

    def go_on_after(self, seq: int) -> None:
        """Skip the seqs up to `seq`, so that the next message gets the one after.

        The tail restarts after the gap, since it must be contiguous. Claimed messages
        stay in memory.
        """
        room = self.room
        if seq <= room.head:
            return
        claimed = {each: room.messages[each] for each in room.leases}
        is_empty = room.head < room.first
        gap = SeqGap(room.head + 1, seq)
        self.change(
            head=seq,
            first=seq + 1 if is_empty else room.first,
            seq_gaps=() if is_empty else (*room.seq_gaps, gap),
            tail_first=seq + 1,
            tail_bytes=0,
            messages=HashTrieMap(claimed),
        )

    def give_up(self, most: int) -> None:
        """Drop the oldest messages beyond the retention limit.

        Args:
            most: Maximum messages to drop. Bounded, because the decision runs without
                yielding to other tasks.
        """
        before = self.room.first
        self._retain(most)
        self._trim_tail()
        if self.room.first != before:
            self.writes.append(GiveUp(self.room.first))

    def _retain(self, most: int) -> None:
        """Raise the oldest kept seq; the store deletes messages below it later.

        A dropped question loses its claim and is no longer open. No write is needed,
        because the store drops both by the same rule, `seq < first`.
        """
        room, keep = self.room, self.limits.messages_per_room
        end = first_kept(room.head, keep, room.seq_gaps) if keep else room.first
        if end > room.first:
            self._give_up_to(end, most)

    def follow_retention(self, first: int) -> None:
        """Drop the messages below `first`, as another node has done."""
        if first > self.room.first:
            self._give_up_to(first, None)
            self._trim_tail()

    def _give_up_to(self, end: int, most: int | None) -> None:
        """Drop the messages below `end`, or up to `most` of them."""
        room = self.room
        questions, messages = room.questions, room.messages
        surplus = present_seqs(room.first, end, room.seq_gaps)
        for seq in islice(surplus, most):
            self._set_lease(seq, None)
            questions = questions.discard(seq)
            if seq < room.tail_first:
                messages = messages.discard(seq)
        first = next(surplus, end)
        self.change(
            first=first,
            questions=questions,
            messages=messages,
            seq_gaps=gaps_from(first, room.seq_gaps),
        )

    def _trim_tail(self) -> None:
        """Evict the oldest messages from memory, except claimed ones."""
        room, limits = self.room, self.limits
        messages, total, first = room.messages, room.tail_bytes, room.tail_first
        while first < room.head and (
            first < room.first
            or room.head - first >= limits.tail_messages
            or total > limits.tail_bytes
        ):
            total -= messages[first].text_bytes
            if first not in room.leases:
                messages = messages.discard(first)
            first += 1
        if first != room.tail_first:
            self.change(messages=messages, tail_bytes=total, tail_first=first)

    def lease(self, message: Message, lease: Lease) -> None:
        """Grant or change the lease on a question."""
        self._claim(lease.seq, message, lease.holder, lease.fence, lease=lease)

    def finalize_claim(self, seq: int, holder: str, fence: int) -> None:
        """Make the claim of `holder` permanent."""
        message = self.room.messages.get(seq)
        self._claim(seq, message, holder, fence, is_claim_final=True)

    def unclaim(self, seq: int) -> None:
        """Remove the claim on a question."""
        self._claim(seq, self.room.messages.get(seq), None, 0)

    def _claim(
        self,
        seq: int,
        message: Message | None,
        holder: str | None,
        fence: int,
        *,
        lease: Lease | None = None,
        is_claim_final: bool = False,
    ) -> None:
        """Change a claim. `message` is ``None`` if it is older than the tail."""
        room, messages = self.room, self.room.messages.discard(seq)
        if message is not None and (seq >= room.tail_first or lease is not None):
            claimed = message.with_claim(holder, fence, is_claim_final=is_claim_final)
            messages = messages.insert(seq, claimed)
        self.change(messages=messages, fence=max(room.fence, fence))
        self._set_lease(seq, lease)
        self.writes.append(UpdateClaim(seq, holder, fence, is_claim_final, lease))

    def renew(self, lease: Lease) -> None:
        """Replace a lease by a later one of the same grant.

        On the only node of a store it is not written, because a restart renews every
        lease anyway. Other nodes have to know; so there it is written once the end
        moves by `renewal_share` of the term, and until then the end does not move.
        """
        share = self.limits.renewal_share
        if not share:
            self._set_lease(lease.seq, lease)
            return
        before = self.room.leases[lease.seq].lapses_at
        if lease.seconds and lease.lapses_at - before >= lease.seconds * share:
            self.lease(self.room.messages[lease.seq], lease)

    def _set_lease(self, seq: int, lease: Lease | None) -> None:
        room = self.room
        before = room.leases.get(seq)
        if before is not None and before.lapses_at <= room.next_lease_deadline:
            self._has_lost_first_lapse = True
        if lease is not None:
            next_lease_deadline = min(room.next_lease_deadline, lease.lapses_at)
            self.change(
                leases=room.leases.insert(lease),
                next_lease_deadline=next_lease_deadline,
            )
        elif before is not None:
            self.change(leases=room.leases.discard(seq))

    def open_question(self, question: Question) -> None:
        """Add an open question."""
        self.change(questions=self.room.questions.insert(question))
        self.writes.append(OpenQuestion(question))

    def add_addressee(self, seq: int, name: str) -> None:
        """Add an addressee to an open question, which may be older than the tail."""
        room = self.room
        message, messages = room.messages.get(seq), room.messages
        if message is not None:
            messages = messages.insert(seq, message.with_addressee(name))
        question = room.questions[seq].with_addressee(peer_key(name))
        self.change(questions=room.questions.insert(question), messages=messages)
        self.writes.append(AddAddressee(seq, name))

    def resolve(self, seq: int, resolution: Resolution) -> None:
        """End an open question. Its claim must be ended or made permanent as well."""
        room = self.room
        message, messages = room.messages.get(seq), room.messages
        if message is not None:
            messages = messages.insert(seq, message.with_resolution(resolution))
        self.change(questions=room.questions.discard(seq), messages=messages)
        self.writes.append(ResolveQuestion(seq, resolution))

    def forget_member(self, peer: PeerKey) -> None:
        """Remove a peer from the members."""
        room = self.room
        if peer in room.members:
            members, posts_at = room.members.discard(peer), room.posts_at.discard(peer)
            self.change(members=members, posts_at=posts_at)
            self.writes.append(ForgetMember(peer))

    def tell_codes_ended(self, key_ids: tuple[str, ...]) -> None:
        """Tell other nodes of ended codes. The room itself has no codes."""
        self.writes.append(CodesChanged(key_ids))

    def clear(self) -> None:
        """Delete the room; what is left has its numbers."""
        self.writes.append(ClearRoom(self.room.head))
        self.room, self._is_own_copy = Room.deleted(self.room, self.now), True

    def note_exchanges(self, exchanges: Exchanges, pairs: Iterable[Pair]) -> None:
        """Replace the exchanges, of which those of these pairs have changed.

        On the only node of a store nothing is written: no store keeps them.
        """
        self.change(exchanges=exchanges)
        if not self.limits.renewal_share:
            return
        for pair in pairs:
            exchange = exchanges.of(*pair)
            if exchange is not None:  # else there was no room for it
                exchange = exchange.shifted(-self.now.steady_seconds)
                self.writes.append(NoteExchange(pair, exchange))

    def follow_exchange(self, pair: Pair, exchange: Exchange) -> None:
        """Note the exchange of a pair as another node has done."""
        exchanges, now = self.room.exchanges, self.now.steady_seconds
        before = exchanges.of(*pair)
        if before is not None and now < before.until and exchange.until <= 0:
            exchanges = exchanges.noted_lift()
        most = self.limits.loop_pairs_per_room
        exchanges = exchanges.put(*pair, exchange.shifted(now), most)
        self.note_exchanges(exchanges, [pair])

    def lift_dampings(self, pairs: tuple[Pair, ...] | None = None) -> None:
        """Forget the exchanges of some pairs, or of all."""
        before = exchanges = self.room.exchanges
        for pair in (None,) if pairs is None else pairs:
            exchanges = exchanges.lift(pair)
        if exchanges is not before:
            self.change(exchanges=exchanges)
            self.writes.append(LiftDampings(pairs))

    def is_outdated(self, receipt: Receipt) -> bool:
        """Tell whether the receipt of an idempotency key has expired."""
        age = self.now.age_seconds(receipt.at_ms, receipt.heard_ms)
        return age > self.limits.idempotency_seconds

    def keep_receipt(self, key: ReceiptKey, receipt: Receipt) -> None:
        """Store a receipt, and evict expired and surplus ones, oldest first.

        A key that is used again after it has expired moves to the end of the order. It
        may have stood behind a fresh one, since times come from two clocks.
        """
        room, limits = self.room, self.limits
        receipts, order, first = room.receipts, room.receipt_order, room.receipt_first
        if key in receipts:
            receipts = receipts.discard(key)
            kept = (order[place] for place in range(first, first + len(order)))
            others = (each for each in kept if each != key)
            order = HashTrieMap(dict(enumerate(others, first)))
        while receipts and (
            self.is_outdated(receipts[order[first]])
            or len(receipts) >= limits.idempotency_keys_per_room
        ):
            receipts, order = receipts.discard(order[first]), order.discard(first)
            first += 1
        self.change(
            receipts=receipts.insert(key, receipt),
            receipt_order=order.insert(first + len(order), key),
            receipt_first=first,
        )
        self.writes.append(KeepReceipt(*key, receipt))
