"""Presence: the latest request of each peer, and its status, in memory only.

It is lost with the process and rebuilt from new requests: no promise depends on it. So
is what a peer says that it is doing: an old status would be worse than none.

Where several nodes share a store, each tells the others who is present at it, every two
seconds (see `argybargy.relay.nodes`). Two ears of one agent that take its seat at two
nodes at once see each other then, and the session that sorts first keeps it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.names import PeerKey, RoomKey, peer_key
from argybargy.domain.roster import LastSeen
from argybargy.domain.seat import Ear, Listening, SeatLease, SharedSeat
from argybargy.relay.access.elsewhere import Elsewhere, longer_lease
from argybargy.system.values import define

_FORGET_SECONDS = 24 * 3600
"""Absence after which a peer's record is dropped."""


@define
class PresenceRecord:
    """The record of one peer.

    Attributes:
        name: The peer's name as spelled in its code.
        seen_at: Its last request to this node, on the steady clock; minus infinity if
            it made none.
        waiting_since: Since when it has neither received nor posted a message, on the
            steady clock; polls slow down with it.
        given: The highest seq that its polls were answered up to.
        polls: The number of its polls so far.
        answered: The cursor of its last answer, see `argybargy.domain.cursors`.
        seat: The latest hold of an ear on the seat of the peer.
        status: What it says that it is doing; empty if it has not said.
        called_for: The capabilities that it was called to open questions for.
        was_told_closed: Whether a poll of several rooms has told it that this room is
            closed.
        elsewhere: Its presence at other nodes; ``None`` if it is at none.
    """

    name: str
    seen_at: float
    waiting_since: float
    given: int = 0
    polls: int = 0
    answered: int = 0
    seat: SeatLease | None = None
    status: str = ""
    called_for: str = ""
    was_told_closed: bool = False
    elsewhere: Elsewhere | None = None

    @property
    def latest_at(self) -> float:
        """The last request to any node, on the steady clock."""
        there = self.elsewhere
        return self.seen_at if there is None else max(self.seen_at, there.seen_at)

    @property
    def latest_status(self) -> str:
        """The newest statement of what it is doing, at any node."""
        there = self.elsewhere
        if there is None or there.seen_at < self.seen_at:
            return self.status
        return there.status or self.status

    @property
    def latest_seat(self) -> SeatLease | None:
        """The hold on its seat at any node; the one that ends later."""
        there = self.elsewhere
        return self.seat if there is None else longer_lease(self.seat, there.seat)

    def holder_elsewhere(self, ear: Ear, now: float) -> SeatLease | None:
        """Return the hold of another session at another node, if that one goes first.

        A holder here goes on, unless the other session sorts before it.
        """
        held = None if self.elsewhere is None else self.elsewhere.seat
        if held is None or not held.is_live(now) or held.ear.session == ear.session:
            return None
        mine = self.seat
        is_mine = mine is not None and mine.is_live(now)
        goes_on = is_mine and ear.session < held.ear.session
        return None if goes_on else held


@define
class Presence:
    """The records of all peers, by room.

    Mutable state: one dict of dicts, bounded by the peers that hold codes, and a set of
    those at other nodes. Rooms are touched when a peer arrives, returns or is
    forgotten, and not for each request.
    A peer goes offline by the passage of time; readers of the overview compute that
    (see `RoomOutline.holds_until`).

    Args:
        online_seconds: How long after a request a peer counts as online.
        touch: Called with the key of a room whose overview may have changed.
        called: Returns the peers of a room whose wake hook the relay calls.
    """

    _online_seconds: float
    _touch: Callable[[RoomKey], None]
    _called: Callable[[RoomKey], frozenset[PeerKey]]
    _rooms: dict[RoomKey, dict[PeerKey, PresenceRecord]] = attrs.field(factory=dict)
    _elsewhere: set[Peer] = attrs.field(factory=set)

    def arrive(self, peer: Peer, name: str, now: float) -> bool:
        """Note a request of a peer.

        One that returns after an absence starts waiting anew: the budget of its polls
        would otherwise be used up at once.

        Returns:
            Whether this process sees the peer for the first time.
        """
        records = self._rooms.setdefault(peer.room, {})
        record = records.get(peer.name)
        if record is None:
            records[peer.name] = PresenceRecord(name, seen_at=now, waiting_since=now)
            self._touch(peer.room)
            return True
        if now - record.latest_at > self._online_seconds:
            record.waiting_since = now
            self._touch(peer.room)
        is_first = record.seen_at == -inf
        record.seen_at = now
        return is_first

    def record(self, peer: Peer, now: float) -> PresenceRecord:
        """Return the record of a peer, a new one if it has been dropped meanwhile."""
        records = self._rooms.setdefault(peer.room, {})
        record = records.get(peer.name)
        if record is None:
            record = records[peer.name] = PresenceRecord(peer.name, now, now)
            self._touch(peer.room)
        return record

    def find(self, peer: Peer) -> PresenceRecord | None:
        """Return the record of a peer, if there is one."""
        return self._rooms.get(peer.room, {}).get(peer.name)

    def take_seat(self, peer: Peer, lease: SeatLease, now: Instant) -> None:
        """Give the seat of a peer to an ear.

        Raises:
            RelayError: ``seat_taken``, while an ear of another session holds it.
        """
        steady = now.steady_seconds
        record = self.record(peer, steady)
        held = record.holder_elsewhere(lease.ear, steady) or record.seat
        if held is not None and held.is_live(steady):
            if held.ear.session != lease.ear.session:
                until_ms = now.wall_at(held.until)
                raise RelayError(
                    Problem.SEAT_TAKEN,
                    held_by=held.ear.label,
                    held_until=format_timestamp(until_ms),
                )
            is_shown = held.ear.waker is lease.ear.waker
        else:
            is_shown = False
        record.seat = lease
        if not is_shown:
            self._touch(peer.room)

    def leave_seat(self, peer: Peer, lease: SeatLease, now: float) -> None:
        """Shorten a lease whose poll was cancelled, if it is still the newest."""
        record = self.find(peer)
        if record is not None and record.seat is lease:
            record.seat = lease.left_alone(now)
            self._touch(peer.room)

    def next_seat_end(self, room: RoomKey, now: float) -> float:
        """Return when the next seat of a room becomes free; infinity without one."""
        records = self._rooms.get(room, {}).values()
        seats = (record.latest_seat for record in records)
        return min(
            (seat.until for seat in seats if seat is not None and seat.is_live(now)),
            default=inf,
        )

    def state(self, peer: Peer, status: str, now: float) -> None:
        """Note what a peer says that it is doing."""
        record = self.record(peer, now)
        if record.status != status:
            record.status = status
            self._touch(peer.room)

    def status(self, peer: Peer) -> str:
        """Return what a peer says that it is doing; empty if it has not said."""
        record = self.find(peer)
        return "" if record is None else record.latest_status

    def forget_calls(self, room: RoomKey) -> None:
        """Let every peer of a room be called to open questions again."""
        for record in self._rooms.get(room, {}).values():
            record.called_for = ""

    def is_online(self, peer: Peer, now: float) -> bool:
        """Tell whether a peer has made a request recently."""
        record = self.find(peer)
        return record is not None and now - record.latest_at <= self._online_seconds

    def online_peers(self, room: RoomKey, now: float) -> set[PeerKey]:
        """Return the keys of the online peers of a room."""
        oldest = now - self._online_seconds
        records = self._rooms.get(room, {})
        return {key for key, record in records.items() if record.latest_at >= oldest}

    def rooms(self) -> tuple[RoomKey, ...]:
        """Return the keys of the rooms with a record, sorted."""
        return tuple(sorted(self._rooms))

    def seen(
        self, room: RoomKey, parked: frozenset[PeerKey], now: float
    ) -> dict[PeerKey, LastSeen]:
        """Return the peers seen in a room, by key, sorted.

        Args:
            room: The room.
            parked: The peers with a parked poll: they are online however long it waits.
            now: The time, on the steady clock.
        """
        found, called = {}, self._called(room)
        for key, record in sorted(self._rooms.get(room, {}).items()):
            ago = 0.0 if key in parked else round(now - record.latest_at, 1)
            is_online = ago <= self._online_seconds
            listening = Listening.of(
                record.latest_seat,
                now,
                is_parked=key in parked,
                is_online=is_online,
                is_called=key in called,
            )
            status = record.latest_status
            found[key] = LastSeen(record.name, ago, is_online, listening, status)
        return found

    def seen_at(self, room: RoomKey) -> Mapping[PeerKey, float]:
        """Return the last request of each peer of a room, on the steady clock."""
        records = self._rooms.get(room, {})
        return {key: record.latest_at for key, record in records.items()}

    def forget(self, peer: Peer) -> None:
        """Drop the record of a dismissed peer."""
        self._rooms.get(peer.room, {}).pop(peer.name, None)
        self._touch(peer.room)

    def forget_room(self, room: RoomKey) -> None:
        """Drop the records of a deleted room."""
        self._rooms.pop(room, None)
        self._touch(room)

    # -- other nodes -----------------------------------------------------------

    def here(self) -> Iterator[tuple[tuple[RoomKey, PeerKey], PresenceRecord]]:
        """Yield the peers that have made a request to this node."""
        for room, records in self._rooms.items():
            for key, record in records.items():
                if record.seen_at > -inf:
                    yield (room, key), record

    def see_elsewhere(self, seats: Iterable[SharedSeat], now: Instant) -> None:
        """Note who is present at the other nodes; everybody else is not."""
        found = dict[Peer, Elsewhere]()
        names = dict[Peer, str]()
        for seat in seats:
            peer, there = Peer(seat.room, peer_key(seat.name)), Elsewhere.of(seat, now)
            known = found.get(peer)
            found[peer] = there if known is None else there.merged(known)
            names[peer] = seat.name
        for peer in self._elsewhere - found.keys():
            self._leave_elsewhere(peer)
        for peer, there in found.items():
            record = self._rooms.setdefault(peer.room, {}).setdefault(
                peer.name, PresenceRecord(names[peer], -inf, now.steady_seconds)
            )
            was_online = self.is_online(peer, now.steady_seconds)
            looks_same = there.looks_like(record.elsewhere)
            record.elsewhere = there
            if not (looks_same and was_online):
                self._touch(peer.room)
        self._elsewhere = set(found)

    def _leave_elsewhere(self, peer: Peer) -> None:
        record = self.find(peer)
        if record is None:
            return
        record.elsewhere = None
        if record.seen_at == -inf:
            del self._rooms[peer.room][peer.name]
        self._touch(peer.room)

    def parked_elsewhere(self, room: RoomKey) -> frozenset[PeerKey]:
        """Return the peers of a room with a parked poll at another node."""
        return self._those(room, lambda there: there.is_parked)

    def listening_elsewhere(self, room: RoomKey) -> frozenset[PeerKey]:
        """Return the peers of a room whom a message wakes at another node."""
        return self._those(room, lambda there: there.is_listening)

    def is_listening_elsewhere(self, peer: Peer) -> bool:
        """Tell whether a message to a peer wakes it at another node."""
        record = self.find(peer)
        there = None if record is None else record.elsewhere
        return there is not None and there.is_listening

    def _those(
        self, room: RoomKey, is_one: Callable[[Elsewhere], bool]
    ) -> frozenset[PeerKey]:
        if not self._elsewhere:
            return frozenset()
        return frozenset(
            key
            for key, record in self._rooms.get(room, {}).items()
            if record.elsewhere is not None and is_one(record.elsewhere)
        )

    def keep_only(self, is_known: Callable[[Peer], bool]) -> None:
        """Drop the records of peers whose code has ended at another node."""
        for room, records in list(self._rooms.items()):
            for key in [each for each in records if not is_known(Peer(room, each))]:
                del records[key]
                self._touch(room)

    def sweep(self, now: float) -> None:
        """Drop the records of peers absent for a day."""
        for room, records in list(self._rooms.items()):
            for key, record in list(records.items()):
                if now - record.latest_at > _FORGET_SECONDS:
                    del records[key]
                    self._touch(room)
            if not records:
                del self._rooms[room]
