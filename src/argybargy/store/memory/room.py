"""One room of the memory store."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.message import Member, Message, Question, Receipt, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.state import (
    ReceiptKey,
    Room,
    RoomStatus,
    SavedLease,
    SavedRoom,
)
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
from argybargy.domain.search.query import Query
from argybargy.domain.seq_gaps import SeqGap, gaps_from, present_seqs
from argybargy.store.protocol import RoomSummary
from argybargy.system.values import define


@define(eq=False)
class StoredRoom:
    """One room of the memory store.

    Attributes:
        status: Name in its first spelling, and whether the room is open or closed.
        created_ms: Creation time, in ms since the epoch.
        version: The number of commits.
        head: The newest seq.
        first: The oldest seq kept.
        fence: The newest fence.
        last_ms: Timestamp of the newest message.
        last_spoken_ms: Timestamp of the newest message that a peer or the operator
            posted.
        messages: By seq, oldest first; messages below `first` stay until the sweep.
        order: Position of each message among those of all rooms, by seq.
        claims: Live leases by seq.
        questions: Open questions by seq.
        receipts: Idempotency receipts, oldest first.
        members: The peers that have posted, by `PeerKey`.
        seq_gaps: Ranges of seqs above `first` without a message.
        is_deleted: Whether the room was deleted; its numbers are kept.
        nonce: The nonce of the newest commit.
    """

    status: RoomStatus
    created_ms: int
    version: int = 0
    head: int = 0
    first: int = 1
    fence: int = 0
    last_ms: int = 0
    last_spoken_ms: int = 0
    messages: dict[int, Message] = attrs.field(factory=dict)
    order: dict[int, int] = attrs.field(factory=dict)
    claims: dict[int, SavedLease] = attrs.field(factory=dict)
    questions: dict[int, Question] = attrs.field(factory=dict)
    receipts: dict[ReceiptKey, Receipt] = attrs.field(factory=dict)
    members: dict[PeerKey, Member] = attrs.field(factory=dict)
    seq_gaps: tuple[SeqGap, ...] = ()
    is_deleted: bool = False
    nonce: str = ""

    @classmethod
    def empty(cls, name: str) -> Self:
        """Return the state of a room that does not exist."""
        return cls(RoomStatus(name), created_ms=0)

    def apply(self, room: Room, writes: Sequence[Write], order: int) -> int:
        """Apply the counters and writes of a commit.

        Args:
            room: The room after the decision.
            writes: The changes, in order.
            order: The number of messages ever stored in all rooms before this.

        Returns:
            The number of messages added.
        """
        self.version += 1
        name = room.name if self.is_deleted else self.status.name
        self.status, self.is_deleted = (
            attrs.evolve(room.status, name=name),
            not room.exists,
        )
        self.created_ms = self.created_ms if self.is_deleted else room.created_ms
        self.head, self.first, self.fence = room.head, room.first, room.fence
        self.last_ms, self.last_spoken_ms = room.last_ms, room.last_spoken_ms
        self.seq_gaps = room.seq_gaps
        for write in writes:
            APPLY[type(write)](self, write)
        added = [each.message.seq for each in writes if isinstance(each, AppendMessage)]
        places = {seq: order + place for place, seq in enumerate(added)}
        self.order.update({seq: places[seq] for seq in places.keys() & self.messages})
        for rows in (self.claims, self.questions):
            for seq in [seq for seq in rows if seq < self.first]:
                del rows[seq]
        return len(added)

    def kept(self, after: int = 0) -> Iterator[Message]:
        """Yield the kept messages with a seq above `after`, oldest first."""
        start = max(after + 1, self.first)
        for seq in present_seqs(start, self.head + 1, gaps_from(start, self.seq_gaps)):
            yield self.messages[seq]

    def message(self, seq: int) -> Message | None:
        """Return one kept message, or ``None``."""
        return self.messages.get(seq) if seq >= self.first else None

    def newest_first(self) -> Iterator[Message]:
        """Iterate over a copy of the messages, so that the caller may await."""
        return reversed(list(self.messages.values()))

    def may_find(self, message: Message, query: Query, reader: PeerKey | None) -> bool:
        """Tell whether a message meets all conditions of a search but its words."""
        if message.seq < self.first:
            return False
        if reader is not None and not message.is_visible_to(reader):
            return False
        return not query.is_open or message.is_open

    def summary(self) -> RoomSummary:
        """Return the room's counters and status."""
        return RoomSummary(
            self.status,
            self.head,
            self.first,
            self.created_ms,
            self.last_ms,
            self.seq_gaps,
            version=self.version,
        )

    def saved(self, tail_messages: int) -> SavedRoom:
        """Return the saved state with its newest `tail_messages` messages."""
        return SavedRoom(
            status=self.status,
            version=self.version,
            head=self.head,
            first=self.first,
            fence=self.fence,
            created_ms=self.created_ms,
            last_ms=self.last_ms,
            last_spoken_ms=self.last_spoken_ms,
            messages=tuple(self.kept(self.head - tail_messages)),
            claimed=tuple(self.messages[seq] for seq in sorted(self.claims)),
            leases=tuple(self.claims[seq] for seq in sorted(self.claims)),
            questions=tuple(self.questions[seq] for seq in sorted(self.questions)),
            receipts=tuple(self.receipts.items()),
            members=tuple(sorted(self.members.items())),
            seq_gaps=self.seq_gaps,
            is_deleted=self.is_deleted,
        )

    def sweep(self, limits: Limits) -> None:
        """Delete messages below `first` and receipts past their retention."""
        for seq in [seq for seq in self.messages if seq < self.first]:
            del self.messages[seq], self.order[seq]
        times = [receipt.at_ms for receipt in self.receipts.values()]
        oldest_ms = max(times, default=0) - limits.idempotency_seconds * 1000
        if len(times) > limits.idempotency_keys_per_room:
            oldest_ms = max(oldest_ms, times[-limits.idempotency_keys_per_room])
        self.receipts = {
            key: receipt
            for key, receipt in self.receipts.items()
            if receipt.at_ms >= oldest_ms
        }


def _append_message(stored: StoredRoom, write: AppendMessage) -> None:
    message = write.message
    stored.messages[message.seq] = message
    if message.kind is not SenderKind.SYSTEM:
        known = stored.members.get(message.sender_key)
        name = message.sender if known is None else known.name
        member = Member(name, message.kind, message.seq, message.at_ms)
        stored.members[message.sender_key] = member


def _update_claim(stored: StoredRoom, write: UpdateClaim) -> None:
    message = stored.messages.get(write.seq)
    if message is not None:
        stored.messages[write.seq] = write.apply_to(message)
    lease = write.lease
    if lease is None:
        stored.claims.pop(write.seq, None)
    else:
        stored.claims[write.seq] = SavedLease(
            lease.seq, lease.holder, lease.fence, lease.seconds, lease.expires_ms
        )


def _open_question(stored: StoredRoom, write: OpenQuestion) -> None:
    stored.questions[write.question.seq] = write.question


def _resolve_question(stored: StoredRoom, write: ResolveQuestion) -> None:
    stored.questions.pop(write.seq, None)
    message = stored.messages.get(write.seq)
    if message is not None:
        stored.messages[write.seq] = write.apply_to(message)


def _add_addressee(stored: StoredRoom, write: AddAddressee) -> None:
    message, question = stored.messages.get(write.seq), stored.questions.get(write.seq)
    if message is not None:
        stored.messages[write.seq] = write.apply_to(message)
    if question is not None:
        peer = peer_key(write.name)
        stored.questions[write.seq] = question.with_addressee(peer)


def _keep_receipt(stored: StoredRoom, write: KeepReceipt) -> None:
    key = (write.peer, write.key)
    stored.receipts.pop(key, None)  # a dict keeps the place of a replaced key
    stored.receipts[key] = write.receipt


def _forget_member(stored: StoredRoom, write: ForgetMember) -> None:
    stored.members.pop(write.peer, None)


def _clear_room(stored: StoredRoom, _write: ClearRoom) -> None:
    for rows in (stored.messages, stored.order, stored.claims, stored.questions):
        rows.clear()
    stored.receipts, stored.members = {}, {}


def _give_up(_stored: StoredRoom, _write: GiveUp) -> None:
    """Do nothing: `first` is one of the counters."""


def _audit(_stored: StoredRoom, _write: Audit) -> None:
    """Do nothing: the store keeps one audit log for all rooms."""


def _for_nodes(
    _stored: StoredRoom, _write: NoteExchange | LiftDampings | CodesChanged
) -> None:
    """Do nothing: only other nodes have to know."""


APPLY: Final[dict[type[Any], Callable[[StoredRoom, Any], None]]] = {
    AppendMessage: _append_message,
    UpdateClaim: _update_claim,
    OpenQuestion: _open_question,
    ResolveQuestion: _resolve_question,
    AddAddressee: _add_addressee,
    KeepReceipt: _keep_receipt,
    ForgetMember: _forget_member,
    ClearRoom: _clear_room,
    GiveUp: _give_up,
    NoteExchange: _for_nodes,
    LiftDampings: _for_nodes,
    CodesChanged: _for_nodes,
    Audit: _audit,
}
