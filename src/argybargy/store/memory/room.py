"""One room of the memory store."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Self

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.message import Member, Message, Question, Receipt, SenderKind
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.state import (
    ReceiptKey,
    Room,
    RoomStatus,
    SavedLease,
    SavedRoom,
)
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
from argybargy.domain.search.query import Query, is_open_to
from argybargy.domain.seq_gaps import SeqGap, gaps_from, present_seqs
from argybargy.store.protocol import RoomSummary


@attrs.define(eq=False)
class StoredRoom:
    """What the memory store keeps of one room.

    Attributes:
        status: Open or closed; the name in its first spelling.
        created_ms: When the room came to be.
        version: How many commits it has seen.
        head: The newest seq.
        first: The oldest seq that may be read.
        fence: The newest fence.
        last_ms: The timestamp of the newest message.
        spoken_ms: When somebody last posted.
        messages: By seq, oldest first; those below `first` wait for the sweep.
        order: The place of each message among those of all rooms.
        claims: Live leases by seq.
        questions: Open questions by seq.
        receipts: What idempotency keys were used for, oldest first.
        members: Those who have posted, by folded name.
        holes: The numbers above `first` that no message has.
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

    @classmethod
    def empty(cls, name: str) -> Self:
        """Make the shelf of a room that does not exist."""
        return cls(RoomStatus(name), created_ms=0)

    def apply(self, room: Room, writes: Sequence[Write], order: int) -> int:
        """Take over the counters and the writes of a commit.

        Args:
            room: The room as decided.
            writes: What changed.
            order: How many messages there were in all rooms before.

        Returns:
            How many messages were added.
        """
        self.version += 1
        self.status = attrs.evolve(room.status, name=self.status.name)
        self.head, self.first, self.fence = room.head, room.first, room.fence
        self.last_ms, self.last_spoken_ms = room.last_ms, room.last_spoken_ms
        self.seq_gaps = room.seq_gaps
        for write in writes:
            _APPLY[type(write)](self, write)
        added = [each.message.seq for each in writes if isinstance(each, AppendMessage)]
        self.order.update({seq: order + place for place, seq in enumerate(added)})
        for rows in (self.claims, self.questions):
            for seq in [seq for seq in rows if seq < self.first]:
                del rows[seq]
        return len(added)

    def kept(self, after: int = 0) -> Iterator[Message]:
        """Yield the messages that may be read, oldest first."""
        start = max(after + 1, self.first)
        for seq in present_seqs(start, self.head + 1, gaps_from(start, self.seq_gaps)):
            yield self.messages[seq]

    def message(self, seq: int) -> Message | None:
        """Return one message that may be read, or ``None``."""
        return self.messages.get(seq) if seq >= self.first else None

    def newest_first(self) -> Iterator[Message]:
        """Yield the messages there are now, also while others come and go."""
        return reversed(list(self.messages.values()))

    def may_find(self, message: Message, query: Query, reader: PeerKey | None) -> bool:
        """Tell whether a search of a reader may find a message, its words aside."""
        if message.seq < self.first:
            return False
        if reader is not None and not message.is_visible_to(reader):
            return False
        question = self.questions.get(message.seq)
        return not query.is_open or is_open_to(message, question, reader)

    def summary(self) -> RoomSummary:
        """Show the room at a glance."""
        return RoomSummary(
            self.status,
            self.head,
            self.first,
            self.created_ms,
            self.last_ms,
            self.seq_gaps,
        )

    def saved(self, tail_messages: int) -> SavedRoom:
        """Show the room whole, with its newest messages."""
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
        )

    def sweep(self, limits: Limits) -> None:
        """Delete the messages below `first`, and receipts too old or too many."""
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


def _append_message(shelf: StoredRoom, write: AppendMessage) -> None:
    message = write.message
    shelf.messages[message.seq] = message
    if message.kind is not SenderKind.SYSTEM:
        known = shelf.members.get(message.sender_key)
        name = message.sender if known is None else known.name
        member = Member(name, message.kind, message.seq, message.at_ms)
        shelf.members[message.sender_key] = member


def _update_claim(shelf: StoredRoom, write: UpdateClaim) -> None:
    message = shelf.messages.get(write.seq)
    if message is not None:
        shelf.messages[write.seq] = write.apply_to(message)
    lease = write.lease
    if lease is None:
        shelf.claims.pop(write.seq, None)
    else:
        shelf.claims[write.seq] = SavedLease(
            lease.seq, lease.holder, lease.fence, lease.seconds
        )


def _open_question(shelf: StoredRoom, write: OpenQuestion) -> None:
    shelf.questions[write.question.seq] = write.question


def _close_question(shelf: StoredRoom, write: CloseQuestion) -> None:
    shelf.questions.pop(write.seq, None)


def _keep_receipt(shelf: StoredRoom, write: KeepReceipt) -> None:
    key = (write.peer, write.key)
    shelf.receipts.pop(key, None)  # so that it becomes the newest
    shelf.receipts[key] = write.receipt


def _forget_member(shelf: StoredRoom, write: ForgetMember) -> None:
    shelf.members.pop(write.peer, None)


def _leave_to_counters(_stored_room: StoredRoom, _write: GiveUp) -> None:
    """The oldest number kept comes with the room."""


def _leave_to_store(_stored_room: StoredRoom, _write: Audit) -> None:
    """The audit log is one for all rooms."""


_APPLY: Final[dict[type[Any], Callable[[StoredRoom, Any], None]]] = {
    AppendMessage: _append_message,
    UpdateClaim: _update_claim,
    OpenQuestion: _open_question,
    CloseQuestion: _close_question,
    KeepReceipt: _keep_receipt,
    ForgetMember: _forget_member,
    GiveUp: _leave_to_counters,
    Audit: _leave_to_store,
}
