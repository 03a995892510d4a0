"""A store reduced to what writes mean: replayed one by one onto plain dicts."""

from collections.abc import Sequence

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Member, Message, Question, Receipt, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.state import Room, RoomStatus, SavedLease, SavedRoom
from argybargy.domain.room.writes import (
    AddAddressee,
    AppendMessage,
    Audit,
    ClearRoom,
    ForgetMember,
    KeepReceipt,
    MessageChange,
    OpenQuestion,
    ResolveQuestion,
    UpdateClaim,
    Write,
)


@attrs.define
class DurableRoom:
    """What a store would know of one room."""

    limits: Limits
    counters: Room
    version: int = 0
    messages: dict[int, Message] = attrs.field(factory=dict)
    leases: dict[int, SavedLease] = attrs.field(factory=dict)
    questions: dict[int, Question] = attrs.field(factory=dict)
    receipts: dict[tuple[PeerKey, str], Receipt] = attrs.field(factory=dict)
    members: dict[PeerKey, Member] = attrs.field(factory=dict)
    audits: list[Audit] = attrs.field(factory=list)

    def commit(self, room: Room, writes: Sequence[Write], now: Instant) -> None:
        """Replay writes; counters and status come from the room, as in any store.

        So there is nothing to replay of what is given up.
        """
        for write in writes:
            self._replay(write, now)
        self.counters = room
        self.version += 1
        for kept in (self.messages, self.leases, self.questions):
            for seq in [seq for seq in kept if seq < room.first]:
                del kept[seq]

    def _replay(self, write: Write, now: Instant) -> None:
        match write:
            case AppendMessage(message):
                self._append(message)
            case UpdateClaim() | ResolveQuestion() | AddAddressee():
                self._change(write)
            case OpenQuestion(question):
                self.questions[question.seq] = question
            case KeepReceipt(peer, key, receipt):
                self._keep(peer, key, receipt, now)
            case ForgetMember(peer):
                del self.members[peer]
            case ClearRoom():
                self.receipts, self.members = {}, {}
            case Audit():
                self.audits.append(write)

    def _append(self, message: Message) -> None:
        assert message.seq not in self.messages
        self.messages[message.seq] = message
        if message.kind is SenderKind.SYSTEM:
            return
        peer = message.sender_key
        known = self.members.get(peer)
        name = known.name if known else message.sender
        self.members[peer] = Member(name, message.kind, message.seq, message.at_ms)

    def _change(self, write: MessageChange) -> None:
        self.messages[write.seq] = write.apply_to(self.messages[write.seq])
        match write:
            case UpdateClaim():
                self._claim(write)
            case ResolveQuestion(seq):
                del self.questions[seq]
            case AddAddressee(seq, name):
                self.questions[seq] = self.questions[seq].with_addressee(peer_key(name))

    def _claim(self, write: UpdateClaim) -> None:
        self.leases.pop(write.seq, None)
        if write.lease is not None:
            lease = write.lease
            self.leases[write.seq] = SavedLease(
                lease.seq, lease.holder, lease.fence, lease.seconds
            )

    def _keep(self, peer: PeerKey, key: str, receipt: Receipt, now: Instant) -> None:
        self.receipts.pop((peer, key), None)
        while self.receipts:
            first, oldest = next(iter(self.receipts.items()))
            is_full = len(self.receipts) == self.limits.idempotency_keys_per_room
            age = now.age_seconds(oldest.at_ms, oldest.heard_ms)
            if not is_full and age <= self.limits.idempotency_seconds:
                break
            del self.receipts[first]
        self.receipts[peer, key] = receipt

    def restart(self, now: Instant) -> None:
        """Take over the times on the count of a new process."""
        self.receipts = {
            key: attrs.evolve(each, heard_ms=now.counted(each.at_ms))
            for key, each in self.receipts.items()
        }

    @property
    def status(self) -> RoomStatus:
        """Open or closed."""
        return self.counters.status

    def saved(self) -> SavedRoom:
        """Return what a relay would load."""
        seqs = sorted(self.messages)
        room = self.counters
        return SavedRoom(
            status=room.status,
            version=self.version,
            head=room.head,
            first=room.first,
            fence=room.fence,
            created_ms=room.created_ms,
            last_ms=room.last_ms,
            last_spoken_ms=room.last_spoken_ms,
            messages=tuple(
                self.messages[seq] for seq in seqs[-self.limits.tail_messages :]
            ),
            claimed=tuple(self.messages[seq] for seq in sorted(self.leases)),
            leases=tuple(self.leases.values()),
            questions=tuple(self.questions.values()),
            receipts=tuple(self.receipts.items()),
            members=tuple(self.members.items()),
            seq_gaps=room.seq_gaps,
            is_deleted=not room.exists,
        )
