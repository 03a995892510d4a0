"""The room as an immutable value: the input and output of the rules.

Its maps are persistent: a new version shares unchanged parts with the old one. The
room task decides on a new value while readers still use the old one, and a failed
commit needs no undo. Messages and cursor read from one value are always consistent.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Self

import attrs
from rpds import HashTrieMap

from argybargy.domain.damping import Exchanges
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.limits import Limits
from argybargy.domain.message import (
    Lease,
    Member,
    Message,
    Question,
    Receipt,
)
from argybargy.domain.names import PeerKey
from argybargy.domain.room.lease_index import Leases
from argybargy.domain.room.questions import OpenQuestions
from argybargy.domain.seq_gaps import SeqGap
from argybargy.system.values import frozen

_NEVER = float("inf")
_NO_LEASES = Leases()

ReceiptKey = tuple[PeerKey, str]
"""A peer and its idempotency key."""


def _size(collection: Sized) -> str:
    """Show the size of a collection in place of its content, as rooms are logged."""
    return f"<{len(collection)}>"


@frozen
class RoomStatus:
    """The open or closed status of a room, with the time and author of the closing."""

    name: str
    closed_at_ms: int | None = None
    closed_by: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the room is closed."""
        return self.closed_at_ms is not None

    @property
    def closed_at(self) -> str | None:
        """The time of closing as RFC 3339; ``None`` while open."""
        return (
            None if self.closed_at_ms is None else format_timestamp(self.closed_at_ms)
        )


@frozen
class SavedLease:
    """A stored lease, see :meth:`Room.restore`.

    Attributes:
        seq: The claimed message.
        holder: The claimer's name as it was spelled.
        fence: The fence of the grant.
        seconds: The term without renewal; ``None`` means unlimited.
        expires_ms: The deadline on the wall clock, as of the last written renewal;
            ``None`` if the store does not keep it.
    """

    seq: int
    holder: str
    fence: int
    seconds: int | None
    expires_ms: int | None = None


@frozen
class SavedRoom:
    """One room as loaded from a store.

    Attributes:
        status: Open or closed.
        version: The number of commits, which detects conflicting writers.
        head: The newest seq; 0 before the first message.
        first: The oldest seq within retention.
        fence: The newest fence granted.
        created_ms: Time of creation, in milliseconds since 1970 UTC.
        last_ms: Timestamp of the newest message, system messages included.
        last_spoken_ms: Time of the last post, creation or reopening.
        messages: The newest messages, oldest first.
        claimed: The messages under a lease, however old.
        leases: The live leases.
        questions: The open questions.
        receipts: The receipts of idempotency keys, oldest first.
        members: The peers and operators that have posted.
        seq_gaps: The gaps above `first`, oldest first.
        is_deleted: Whether the room was deleted, and only its numbers are left.
    """

    status: RoomStatus
    version: int
    head: int
    first: int
    fence: int
    created_ms: int
    last_ms: int
    last_spoken_ms: int
    messages: tuple[Message, ...] = ()
    claimed: tuple[Message, ...] = ()
    leases: tuple[SavedLease, ...] = ()
    questions: tuple[Question, ...] = ()
    receipts: tuple[tuple[ReceiptKey, Receipt], ...] = ()
    members: tuple[tuple[PeerKey, Member], ...] = ()
    seq_gaps: tuple[SeqGap, ...] = ()
    is_deleted: bool = False


@frozen(slots=False)
class Room:
    """The state of one room between two commands.

    Has no slots, so that :meth:`copy` copies one dict. Every decision makes a copy,
    and ``attrs.evolve`` takes seven times as long for this many attributes.

    Attributes:
        status: Open or closed.
        version: The number of commits in the store.
        exists: Whether the room exists; not before its first write, nor after it was
            deleted. A deleted room stays closed until it is created again.
        head: The newest seq; 0 before the first message.
        first: The oldest seq within retention.
        tail_first: The oldest seq of the tail, which is contiguous up to `head`.
        tail_bytes: Bytes of text in the tail.
        fence: The newest fence granted.
        created_ms: Time of creation, in milliseconds since 1970 UTC.
        last_ms: Timestamp of the newest message.
        heard_ms: The same time on this process's own count.
        last_spoken_ms: Time of the last post, creation or reopening, on the wall clock.
        quiet_since: The same on the steady clock, in seconds.
        next_lease_deadline: The earliest deadline of a lease, on the steady clock;
            infinite without one.
        messages: The tail, and older messages under a lease, by seq.
        leases: The live leases, by seq.
        questions: The open questions, by seq.
        receipts: The receipts of idempotency keys. With the next two attributes it is
            a queue from which the oldest are evicted.
        receipt_order: Their keys, by number of arrival.
        receipt_first: The number of the oldest key.
        members: The peers and operators that have posted.
        posts_at: Times of the accepted posts in each peer's rate limit window.
        seq_gaps: The gaps above `first`, oldest first; all below `tail_first`.
        exchanges: The turns of pairs of agents; in memory only.
    """

    status: RoomStatus
    version: int = 0
    exists: bool = False
    head: int = 0
    first: int = 1
    tail_first: int = 1
    tail_bytes: int = 0
    fence: int = 0
    created_ms: int = 0
    last_ms: int = 0
    heard_ms: int = attrs.field(default=0, eq=False)
    last_spoken_ms: int = 0
    quiet_since: float = 0.0
    next_lease_deadline: float = _NEVER
    messages: HashTrieMap[int, Message] = attrs.field(factory=HashTrieMap, repr=_size)
    leases: Leases = attrs.field(factory=Leases, repr=_size)
    questions: OpenQuestions = attrs.field(factory=OpenQuestions, repr=_size)
    receipts: HashTrieMap[ReceiptKey, Receipt] = attrs.field(
        factory=HashTrieMap, repr=_size
    )
    receipt_order: HashTrieMap[int, ReceiptKey] = attrs.field(
        factory=HashTrieMap, repr=_size
    )
    receipt_first: int = 0
    members: HashTrieMap[PeerKey, Member] = attrs.field(factory=HashTrieMap, repr=_size)
    posts_at: HashTrieMap[PeerKey, tuple[float, ...]] = attrs.field(
        factory=HashTrieMap, repr=_size
    )
    seq_gaps: tuple[SeqGap, ...] = ()
    exchanges: Exchanges = attrs.field(factory=Exchanges, eq=False, repr=_size)

    @property
    def name(self) -> str:
        """The name of the room as first spelled."""
        return self.status.name

    @property
    def is_empty(self) -> bool:
        """Whether the room has no messages."""
        return self.head < self.first

    def copy(self) -> Self:
        """Return a shallow copy."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def at_version(self, version: int) -> Self:
        """Return a copy with another version."""
        copied = self.copy()
        copied.__dict__["version"] = version
        return copied

    def with_memory_of(self, earlier: Self) -> Self:
        """Return a copy with what no store has: exchanges and counted posts."""
        copied = self.copy()
        copied.__dict__["exchanges"] = earlier.exchanges
        copied.__dict__["posts_at"] = earlier.posts_at
        return copied

    @classmethod
    def new(cls, name: str, now: Instant) -> Self:
        """Return the value of a room that does not exist yet."""
        return cls(
            status=RoomStatus(name),
            created_ms=now.wall_ms,
            last_spoken_ms=now.wall_ms,
            quiet_since=now.steady_seconds,
        )

    @classmethod
    def deleted(cls, last: SavedRoom | Self, now: Instant) -> Self:
        """Return the value of a deleted room, which keeps the numbers of `last`.

        Its time of creation is now: that of the room that may be created in its place.
        """
        return cls(
            status=last.status,
            version=last.version,
            head=last.head,
            first=last.head + 1,
            tail_first=last.head + 1,
            fence=last.fence,
            created_ms=now.wall_ms,
            last_ms=last.last_ms,
            heard_ms=now.counted(last.last_ms),
            last_spoken_ms=now.wall_ms,
            quiet_since=now.steady_seconds,
        )

    @classmethod
    def restore(
        cls,
        saved: SavedRoom,
        now: Instant,
        limits: Limits,
        known: Leases = _NO_LEASES,
    ) -> Self:
        """Build a room from its stored form.

        On the only node of a store, restarts the term of every lease, because renewals
        are not stored: after a restart the relay cannot know when a holder last polled.
        A lease that is in `known`, from an earlier load by this process, keeps its
        deadline. Where nodes write renewals, a lease ends when the store says.
        """
        if saved.is_deleted:
            return cls.deleted(saved, now)
        messages = _tail(saved, limits)
        leases = Leases.of(
            _restore_lease(lease, now, known.get(lease.seq), limits.renewal_share)
            for lease in saved.leases
        )
        held = {each.seq: each for each in (*saved.claimed, *messages)}
        order = dict(enumerate(key for key, _ in saved.receipts))
        silence = max(0.0, (now.wall_ms - saved.last_spoken_ms) / 1000)
        return cls(
            status=saved.status,
            version=saved.version,
            exists=True,
            head=saved.head,
            first=saved.first,
            tail_first=saved.head + 1 - len(messages),
            tail_bytes=sum(message.text_bytes for message in messages),
            fence=saved.fence,
            created_ms=saved.created_ms,
            last_ms=saved.last_ms,
            heard_ms=now.counted(saved.last_ms),
            last_spoken_ms=saved.last_spoken_ms,
            quiet_since=now.steady_seconds - silence,
            next_lease_deadline=next_lease_deadline(leases.values()),
            messages=HashTrieMap(held),
            leases=leases,
            questions=OpenQuestions.of(saved.questions),
            receipts=HashTrieMap(
                {
                    key: attrs.evolve(each, heard_ms=now.counted(each.at_ms))
                    for key, each in saved.receipts
                }
            ),
            receipt_order=HashTrieMap(order),
            members=HashTrieMap(
                {
                    key: attrs.evolve(each, heard_ms=now.counted(each.last_ms))
                    for key, each in saved.members
                }
            ),
            seq_gaps=saved.seq_gaps,
        )

    def leases_of(self, peer: str) -> list[Lease]:
        """Return the leases of a peer, by its name in any spelling, in order of seq.

        Sorted, because decisions must be reproducible and the order of a persistent
        map differs between processes.
        """
        return self.leases.held_by(peer)


def _tail(saved: SavedRoom, limits: Limits) -> tuple[Message, ...]:
    floor = saved.seq_gaps[-1].last if saved.seq_gaps else 0
    whole = tuple(each for each in saved.messages if each.seq > floor)
    kept = whole[-limits.tail_messages :]
    total = sum(message.text_bytes for message in kept)
    start = 0
    while total > limits.tail_bytes and start < len(kept) - 1:
        total -= kept[start].text_bytes
        start += 1
    return kept[start:]


def _restore_lease(
    saved: SavedLease, now: Instant, known: Lease | None, share: float
) -> Lease:
    mine = saved.seq, saved.holder, saved.fence, saved.seconds
    if share and saved.expires_ms is not None:
        return Lease(*mine, 0.0, saved.expires_ms).received(now, share)
    if known is not None and (known.fence, known.seconds) == (
        saved.fence,
        saved.seconds,
    ):
        return known
    return Lease.granted(*mine, now, late_share=share)


def next_lease_deadline(leases: Iterable[Lease]) -> float:
    """Return the earliest deadline of some leases on the steady clock."""
    return min((lease.lapses_at for lease in leases), default=_NEVER)
