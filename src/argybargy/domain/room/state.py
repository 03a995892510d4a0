"""A room as a value: everything the rules look at, and nothing else.

The maps are persistent (a new version shares what did not change), so a whole room
is one immutable value: the room task decides on a new one while everybody else
still reads the old one, and a failed commit leaves nothing to undo. Rows and cursor
read from one such value cannot disagree.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Self

import attrs
from rpds import HashTrieMap

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
from argybargy.domain.room.leases import Leases
from argybargy.domain.room.questions import OpenQuestions
from argybargy.domain.seq_gaps import SeqGap

_NEVER = float("inf")
_NO_LEASES = Leases()

ReceiptKey = tuple[PeerKey, str]
"""The folded name of a peer, and its idempotency key."""


def _size(collection: Sized) -> str:
    """Show how much is in a collection, not what: rooms end up in log lines."""
    return f"<{len(collection)}>"


@attrs.frozen
class RoomStatus:
    """Whether a room is open, and if not, since when and by whom."""

    name: str
    closed_at_ms: int | None = None
    closed_by: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether agents have been dismissed."""
        return self.closed_at_ms is not None

    @property
    def closed_at(self) -> str | None:
        """When it was closed, for people."""
        return (
            None if self.closed_at_ms is None else format_timestamp(self.closed_at_ms)
        )


@attrs.frozen
class SavedLease:
    """A claim as the store keeps it: without deadlines, see :meth:`Room.restore`."""

    seq: int
    holder: str
    fence: int
    seconds: int | None


@attrs.frozen
class SavedRoom:
    """What a store knows of one room.

    Attributes:
        status: Open or closed.
        version: How many commits the room has seen.
        head: The newest seq; 0 before the first message.
        first: The oldest seq that retention has kept.
        fence: The newest fence granted.
        created_ms: When the room came to be.
        last_ms: The timestamp of the newest message, system messages included.
        spoken_ms: When somebody last posted, or the room was made or reopened.
        messages: The newest messages, oldest first.
        claimed: The messages that live claims are on, wherever they stand.
        leases: The live claims.
        questions: The unanswered questions.
        receipts: The remembered idempotency keys, oldest first.
        members: Those who have posted.
        holes: The numbers above `first` that no message has, oldest first.
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


@attrs.frozen(slots=False)
class Room:
    """One room between two commands.

    Without slots, so that :meth:`copy` is one copy of a dict: every decision makes
    one, and ``attrs.evolve`` takes seven times as long for this many attributes.

    Attributes:
        status: Open or closed.
        version: How many commits the store has seen.
        exists: Whether anything was ever written about it.
        head: The newest seq.
        first: The oldest seq kept.
        tail_first: The oldest seq from which on `messages` has no holes.
        tail_bytes: Bytes of text in that tail.
        fence: The newest fence granted.
        created_ms: When the room came to be.
        last_ms: The timestamp of the newest message.
        heard_ms: When that came in, as this process counts the time.
        spoken_ms: When somebody last posted, on the wall clock.
        quiet_since: The same on the steady clock.
        lapse_at: When the next lease runs out, on the steady clock; infinite when
            none does.
        messages: By seq: the tail, and whatever older message a live claim is on.
        leases: Live claims by seq.
        questions: Unanswered questions by seq.
        receipts: What idempotency keys were used for.
        receipt_order: The same keys by the order of their arrival.
        receipt_first: The number of the oldest of them.
        members: Those who have posted, by folded name.
        posts_at: Times of the accepted posts in each peer's current window.
        holes: The numbers above `first` that no message has, oldest first; all of
            them below `tail_first`.
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

    @property
    def name(self) -> str:
        """What the room is called."""
        return self.status.name

    def copy(self) -> Self:
        """Return an equal room that is another object."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def at_version(self, version: int) -> Self:
        """Return the same room as the store has it after that many commits."""
        copied = self.copy()
        copied.__dict__["version"] = version
        return copied

    @classmethod
    def new(cls, name: str, now: Instant) -> Self:
        """Make the value of a room that does not exist yet."""
        return cls(
            status=RoomStatus(name),
            created_ms=now.wall_ms,
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
        """Bring a stored room back to life.

        Every lease starts its term anew: the relay does not write down each poll
        that renews one, so after a restart it cannot know who was still there, and
        a holder that is will be back within seconds. One of the `known` leases goes
        on as it was: a room that is read again has forgotten nobody's silence.
        """
        messages = _tail(saved, limits)
        leases = Leases.of(
            _revive(lease, now, known.get(lease.seq)) for lease in saved.leases
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
        """Return the live claims of a peer, by its name in any spelling.

        In the order of the questions: that of a persistent map differs from one
        process to the next, and what is decided must not.
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


def _revive(saved: SavedLease, now: Instant, known: Lease | None) -> Lease:
    if known is not None and (known.fence, known.seconds) == (
        saved.fence,
        saved.seconds,
    ):
        return known
    return Lease.granted(saved.seq, saved.holder, saved.fence, saved.seconds, now)


def next_lease_deadline(leases: Iterable[Lease]) -> float:
    """Return when the first of some leases runs out, on the steady clock."""
    return min((lease.lapses_at for lease in leases), default=_NEVER)
