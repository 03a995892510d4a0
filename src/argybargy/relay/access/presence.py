"""Presence: the latest request of each peer, and its status, in memory only.

It is lost with the process and rebuilt from new requests: no promise depends on it. So
is what a peer says that it is doing: an old status would be worse than none.
"""

from collections.abc import Callable, Mapping
from math import inf

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.domain.roster import LastSeen
from argybargy.domain.seat import Listening, SeatLease

_FORGET_SECONDS = 24 * 3600
"""Absence after which a peer's record is dropped."""


@attrs.define
class PresenceRecord:
    """The record of one peer.

    Attributes:
        name: The peer's name as spelled in its code.
        seen_at: Its last request, on the steady clock.
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


@attrs.define
class Presence:
    """The records of all peers, by room.

    Mutable state: one dict of dicts, bounded by the peers that hold codes. Rooms are
    touched when a peer arrives, returns or is forgotten, and not for each request.
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
        if now - record.seen_at > self._online_seconds:
            record.waiting_since = now
            self._touch(peer.room)
        record.seen_at = now
        return False

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
        held = record.seat
        if held is not None and held.is_live(steady):
            if held.ear.session != lease.ear.session:
                until_ms = now.wall_ms + round((held.until - steady) * 1000)
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
        seats = (record.seat for record in records if record.seat is not None)
        return min((seat.until for seat in seats if seat.is_live(now)), default=inf)

    def state(self, peer: Peer, status: str, now: float) -> None:
        """Note what a peer says that it is doing."""
        record = self.record(peer, now)
        if record.status != status:
            record.status = status
            self._touch(peer.room)

    def status(self, peer: Peer) -> str:
        """Return what a peer says that it is doing; empty if it has not said."""
        record = self.find(peer)
        return "" if record is None else record.status

    def forget_calls(self, room: RoomKey) -> None:
        """Let every peer of a room be called to open questions again."""
        for record in self._rooms.get(room, {}).values():
            record.called_for = ""

    def is_online(self, peer: Peer, now: float) -> bool:
        """Tell whether a peer has made a request recently."""
        record = self.find(peer)
        return record is not None and now - record.seen_at <= self._online_seconds

    def online_peers(self, room: RoomKey, now: float) -> set[PeerKey]:
        """Return the keys of the online peers of a room."""
        oldest = now - self._online_seconds
        records = self._rooms.get(room, {})
        return {key for key, record in records.items() if record.seen_at >= oldest}

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
            ago = 0.0 if key in parked else round(now - record.seen_at, 1)
            is_online = ago <= self._online_seconds
            listening = Listening.of(
                record.seat,
                now,
                is_parked=key in parked,
                is_online=is_online,
                is_called=key in called,
            )
            found[key] = LastSeen(record.name, ago, is_online, listening, record.status)
        return found

    def seen_at(self, room: RoomKey) -> Mapping[PeerKey, float]:
        """Return the last request of each peer of a room, on the steady clock."""
        records = self._rooms.get(room, {})
        return {key: record.seen_at for key, record in records.items()}

    def forget(self, peer: Peer) -> None:
        """Drop the record of a dismissed peer."""
        self._rooms.get(peer.room, {}).pop(peer.name, None)
        self._touch(peer.room)

    def forget_room(self, room: RoomKey) -> None:
        """Drop the records of a deleted room."""
        self._rooms.pop(room, None)
        self._touch(room)

    def sweep(self, now: float) -> None:
        """Drop the records of peers absent for a day."""
        for room, records in list(self._rooms.items()):
            for key, record in list(records.items()):
                if now - record.seen_at > _FORGET_SECONDS:
                    del records[key]
                    self._touch(room)
            if not records:
                del self._rooms[room]
