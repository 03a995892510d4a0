"""A decision in the making: the only mutable thing in the domain.

It lives within one call of ``decide`` and never leaves it. Each method makes one
change to the room and names the write that makes the same change durable, so that
the two cannot drift apart.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

import attrs
from rpds import HashTrieMap

from argybargy.domain.addressing import answered, names_of_speaker
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Lease, Member, Message, Question, Receipt
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import CommandResult, GiveUp
from argybargy.domain.room.state import ReceiptKey, Room, next_lease_deadline
from argybargy.domain.room.writes import (
    AppendMessage,
    Audit,
    CloseQuestion,
    ForgetMember,
    KeepReceipt,
    OpenQuestion,
    UpdateClaim,
    Write,
)
from argybargy.domain.seq_gaps import SeqGap, first_kept, gaps_from, present_seqs

MAX_GIVEN_UP_BY_APPEND: Final = 64
"""Messages that one new message makes retention give up. It is one at a time unless
the limit was lowered; then the rest follows with later commands."""


@attrs.frozen
class Decision:
    """What a command comes to.

    Attributes:
        room: The room afterwards.
        writes: What makes that durable, in order.
        answer: What the asker is told.
    """

    room: Room
    writes: tuple[Write, ...]
    answer: CommandResult


@attrs.define
class Transition:
    """A room being changed, and the writes so far.

    Attributes:
        room: The room as changed so far.
        now: The time of the decision.
        limits: What the relay allows.
        recalled: A message older than the tail that the command speaks of.
        writes: What makes the changes durable, in order.
    """

    room: Room
    now: Instant
    limits: Limits
    recalled: Message | None = None
    writes: list[Write] = attrs.field(factory=list)
    _is_own_copy: bool = attrs.field(default=False, init=False)
    _has_lost_first_lapse: bool = attrs.field(default=False, init=False)

    def decision(self, answer: CommandResult) -> Decision:
        """Finish. A room that anything is written about exists from then on.

        The room knows when its next lease runs out, whatever was done to leases;
        it looks through them only when the first to run out was among those.
        """
        if self._has_lost_first_lapse:
            self.change(
                next_lease_deadline=next_lease_deadline(self.room.leases.values())
            )
        if self.writes and not self.room.exists:
            self.change(exists=True)
        return Decision(self.room, tuple(self.writes), answer)

    def change(self, **fields: object) -> None:
        """Replace fields of the room that need no write of their own.

        The first change makes a copy that nobody else has; until the decision is
        handed out, it may be changed in place. A post makes six changes, and a copy
        for each was a fifth of what it costs.
        """
        if not self._is_own_copy:
            self.room, self._is_own_copy = self.room.copy(), True
        assert fields.keys() <= self.room.__dict__.keys()
        self.room.__dict__.update(fields)

    def message(self, seq: int) -> Message | None:
        """Return a kept message, if the tail or the command brought it along."""
        message = self.room.messages.get(seq)
        if message is None and self.recalled is not None and self.recalled.seq == seq:
            message = self.recalled
        return message if seq >= self.room.first else None

    def audit(self, action: str, actor: str, detail: str = "") -> None:
        """Record who did what."""
        self.writes.append(
            Audit(self.now.wall_ms, action, actor, self.room.name, detail)
        )

    def append(self, message: Message) -> None:
        """Add a message at the head, and let retention take the oldest."""
        room = self.room
        self.change(
            head=message.seq,
            last_ms=message.at_ms,
            heard_ms=self.now.heard_at(message.at_ms, message.heard_ms),
            messages=room.messages.insert(message.seq, message),
            tail_bytes=room.tail_bytes + message.text_bytes,
        )
        self.writes.append(AppendMessage(message))
        self._retain(MAX_GIVEN_UP_BY_APPEND)
        self._trim_tail()

    def go_on_after(self, seq: int) -> None:
        """Leave out the numbers up to `seq`: the next message comes right after.

        The tail begins anew, as it never reaches over a hole. What claims are on
        stays in memory.
        """
        room = self.room
        if seq <= room.head:
            return
        claimed = {each: room.messages[each] for each in room.leases}
        is_empty = room.head < room.first
        hole = SeqGap(room.head + 1, seq)
        self.change(
            head=seq,
            first=seq + 1 if is_empty else room.first,
            seq_gaps=() if is_empty else (*room.seq_gaps, hole),
            tail_first=seq + 1,
            tail_bytes=0,
            messages=HashTrieMap(claimed),
        )

    def give_up(self, most: int) -> None:
        """Give up the oldest messages beyond what retention keeps.

        Never many at once: nothing else is served meanwhile.

        Args:
            most: How many messages to give up now.
        """
        before = self.room.first
        self._retain(most)
        self._trim_tail()
        if self.room.first != before:
            self.writes.append(GiveUp(self.room.first))

    def _retain(self, most: int) -> None:
        """Move the oldest kept seq up; the store deletes what is below it later.

        A question that retention takes is neither claimed nor open any more. The
        store drops its rows by the same rule, `seq < first`.
        """
        room, keep = self.room, self.limits.messages_per_room
        end = first_kept(room.head, keep, room.seq_gaps) if keep else room.first
        if end <= room.first:
            return
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
        """Let go of the oldest messages held in memory, but never of a claimed one."""
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
        """Let somebody hold a question until the lease runs out."""
        self._claim(message, lease.holder, lease.fence, lease=lease)

    def settle(self, message: Message, holder: str, fence: int) -> None:
        """Let the claim of `holder` stand for good."""
        self._claim(message, holder, fence, is_claim_final=True)

    def unclaim(self, message: Message) -> None:
        """Let nobody hold a question."""
        self._claim(message, None, 0)

    def _claim(
        self,
        message: Message,
        holder: str | None,
        fence: int,
        *,
        lease: Lease | None = None,
        is_claim_final: bool = False,
    ) -> None:
        room, seq = self.room, message.seq
        now_claimed = message.with_claim(holder, fence, is_claim_final=is_claim_final)
        keeps = seq >= room.tail_first or lease is not None
        self.change(
            messages=room.messages.insert(seq, now_claimed)
            if keeps
            else room.messages.discard(seq),
            fence=max(room.fence, fence),
        )
        self._set_lease(seq, lease)
        self.writes.append(UpdateClaim(seq, holder, fence, is_claim_final, lease))

    def renew(self, lease: Lease) -> None:
        """Replace a lease by a later one of the same grant.

        There is nothing to write down: a restart renews every lease anyway.
        """
        self._set_lease(lease.seq, lease)

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
        """Remember that somebody waits; of too many, the longest wait is given up."""
        asked = self.room.questions.asked_by(question.asker)
        surplus = len(asked) + 1 - self.limits.open_questions_per_peer
        self.close_questions(asked[: max(0, surplus)])
        self.change(questions=self.room.questions.insert(question))
        self.writes.append(OpenQuestion(question))

    def close_questions(self, seqs: Sequence[int]) -> None:
        """Forget open questions, in this order."""
        if seqs:
            self.change(questions=self.room.questions.discard(*seqs))
            self.writes.extend(map(CloseQuestion, seqs))

    def forget_member(self, peer: PeerKey) -> None:
        """Remove a peer from those who have posted."""
        if peer in self.room.members:
            self.change(members=self.room.members.discard(peer))
            self.writes.append(ForgetMember(peer))

    def is_outdated(self, receipt: Receipt) -> bool:
        """Tell whether an idempotency key was used too long ago to count."""
        age = self.now.age_seconds(receipt.at_ms, receipt.heard_ms)
        return age > self.limits.idempotency_seconds

    def keep_receipt(self, key: ReceiptKey, receipt: Receipt) -> None:
        """Remember a key, and forget keys that are too old or too many.

        A key that is used again after it was outdated moves to the end of the order. An
        outdated key may stand behind a fresh one: times come from two clocks.
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


def close_answered_questions(transition: Transition, message: Message) -> None:
    """Close the questions that a message answers."""
    names = names_of_speaker(message.sender, message.kind)
    questions = transition.room.questions
    transition.close_questions(
        answered(questions, names, message.audience_keys, message.reply_to)
    )


def record_speaker(
    transition: Transition, message: Message, quiet_since: float
) -> None:
    """Note who has spoken, and when.

    Args:
        transition: The room.
        message: What was said.
        quiet_since: When that was on the steady clock, in seconds.
    """
    members = transition.room.members
    known = members.get(message.sender_key)
    name = known.name if known else message.sender
    heard_ms = transition.now.heard_at(message.at_ms, message.heard_ms)
    member = Member(name, message.kind, message.seq, message.at_ms, heard_ms)
    transition.change(
        # A timestamp may be ahead of the clock, and the silence since would be none.
        last_spoken_ms=min(message.at_ms, transition.now.wall_ms),
        quiet_since=quiet_since,
        members=members.insert(message.sender_key, member),
    )


def open_question(transition: Transition, message: Message) -> None:
    """Note that whoever has said this waits for an answer."""
    expects = peer_key(message.expects)
    transition.open_question(
        Question(message.seq, message.sender_key, expects, message.audience_keys)
    )
