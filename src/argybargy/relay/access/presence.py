"""Who was here when: in memory, gone with the process, rebuilt as agents call in."""

from collections import deque
from collections.abc import Callable, Mapping

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey
from argybargy.domain.rate_limit import admit_into
from argybargy.domain.roster import LastSeen

_FORGET_SECONDS = 24 * 3600
"""How long a peer that no longer shows up is remembered."""


@attrs.define
class PresenceRecord:
    """What is known of one peer while the process lives.

    Attributes:
        name: As it is called.
        seen_at: Its last request, on the steady clock.
        waiting_since: Since when it has received and posted nothing.
        reads: The times of its immediate reads, while they count; most peers only
            ever park.
        claims: The same for its claims.
        given: Up to which seq its polls were answered.
    """

    name: str
    seen_at: float
    waiting_since: float
    reads: deque[float] | None = None
    claims: deque[float] | None = None
    given: int = 0


@attrs.define
class Presence:
    """All seats, by room and peer.

    The mutable state is one dict of dicts, bounded by the peers that hold codes.
    Whoever watches a room is told when somebody comes, or comes back, or is
    forgotten; a request of a peer that is here costs nothing more. That somebody
    has been silent for too long is for those to find out who look.

    Args:
        limits: What the relay allows.
        touch: Told the folded name of a room that may look different now.

    Attributes:
        operator_seen_at: When the operator last made a request in a session, on the
            steady clock.
    """

    limits: Limits
    _touch: Callable[[str], None]
    _rooms: dict[str, dict[PeerKey, PresenceRecord]] = attrs.field(factory=dict)
    operator_seen_at: float = float("-inf")

    def arrive(self, peer: Peer, name: str, now: float) -> bool:
        """Note a request of a peer.

        One that comes back after an absence starts waiting anew: its old clock
        would send it away at once.

        Returns:
            Whether this process sees the peer for the first time.
        """
        seats = self._rooms.setdefault(peer.room, {})
        seat = seats.get(peer.name)
        if seat is None:
            seats[peer.name] = PresenceRecord(name, seen_at=now, waiting_since=now)
            self._touch(peer.room)
            return True
        if now - seat.seen_at > self.limits.online_seconds:
            seat.waiting_since = now
            self._touch(peer.room)
        seat.seen_at = now
        return False

    def record(self, peer: Peer, now: float) -> PresenceRecord:
        """Return the seat of a peer, a new one if it has been forgotten meanwhile."""
        seats = self._rooms.setdefault(peer.room, {})
        seat = seats.get(peer.name)
        if seat is None:
            seat = seats[peer.name] = PresenceRecord(peer.name, now, now)
            self._touch(peer.room)
        return seat

    def is_online(self, peer: Peer, now: float) -> bool:
        """Tell whether a peer made a request a short while ago."""
        seat = self._rooms.get(peer.room, {}).get(peer.name)
        return seat is not None and now - seat.seen_at <= self.limits.online_seconds

    def is_operator_online(self, now: float) -> bool:
        """Tell whether the operator made a request in a session a short while ago."""
        return now - self.operator_seen_at <= self.limits.online_seconds

    def online_peers(self, room: str, now: float) -> set[str]:
        """Return the folded names of those in a room (folded) who are online."""
        oldest = now - self.limits.online_seconds
        seats = self._rooms.get(room, {})
        return {name for name, seat in seats.items() if seat.seen_at >= oldest}

    def admit_read(self, peer: Peer, now: float, reads: int = 1) -> None:
        """Count an immediate read, or a request that costs as much as several.

        Raises:
            RelayError: ``rate_limited``.
        """
        seat = self.record(peer, now)
        if seat.reads is None:
            seat.reads = deque()
        limit = self.limits.reads_per_window
        self._admit(seat.reads, now, limit, "reads", min(reads, limit))

    def admit_claim(self, peer: Peer, now: float) -> None:
        """Count an attempt to claim, won or lost.

        Raises:
            RelayError: ``rate_limited``.
        """
        seat = self.record(peer, now)
        if seat.claims is None:
            seat.claims = deque()
        self._admit(seat.claims, now, self.limits.claims_per_window, "claims")

    def _admit(
        self, times: deque[float], now: float, limit: int, what: str, count: int = 1
    ) -> None:
        window = self.limits.window_seconds
        retry_after = admit_into(times, now, limit, window, count)
        if retry_after:
            raise RelayError(
                Problem.RATE_LIMITED,
                limit=limit,
                what=what,
                window_seconds=window,
                retry_after=retry_after,
            )

    def rooms(self) -> tuple[str, ...]:
        """Return the folded names of the rooms where anybody was seen."""
        return tuple(sorted(self._rooms))

    def seen(
        self, room: str, parked: frozenset[PeerKey], now: float
    ) -> dict[PeerKey, LastSeen]:
        """Return who was seen in a room (folded), by folded name.

        Args:
            room: The room.
            parked: Folded names of those with a parked poll: they are online.
            now: The steady clock.
        """
        found = {}
        for key, seat in sorted(self._rooms.get(room, {}).items()):
            ago = 0.0 if key in parked else round(now - seat.seen_at, 1)
            is_online = ago <= self.limits.online_seconds
            found[key] = LastSeen(seat.name, ago, is_online)
        return found

    def seen_at(self, room: str) -> Mapping[PeerKey, float]:
        """Return when those seen in a room (folded) made their last request."""
        seats = self._rooms.get(room, {})
        return {key: seat.seen_at for key, seat in seats.items()}

    def forget(self, peer: Peer) -> None:
        """Drop the seat of a peer that was revoked."""
        self._rooms.get(peer.room, {}).pop(peer.name, None)
        self._touch(peer.room)

    def sweep(self, now: float) -> None:
        """Drop the seats of peers that stay away."""
        for room, seats in list(self._rooms.items()):
            for key, seat in list(seats.items()):
                if now - seat.seen_at > _FORGET_SECONDS:
                    del seats[key]
                    self._touch(room)
            if not seats:
                del self._rooms[room]
