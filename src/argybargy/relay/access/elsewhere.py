"""The presence of a peer at the other nodes of a shared store."""

from typing import Self

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.seat import Ear, SeatLease, SharedSeat
from argybargy.domain.wake_policy import WakePolicy
from argybargy.system.values import frozen


@frozen
class Elsewhere:
    """The presence of a peer at the other nodes.

    Attributes:
        seen_at: Its last request there, on the steady clock.
        is_parked: Whether a poll of it is parked there.
        is_listening: Whether a message to it wakes one of these.
        status: What it said last that it is doing.
        seat: The hold of an ear on its seat.
        policy: What ends the wait of its polls there.
    """

    seen_at: float
    is_parked: bool
    is_listening: bool
    status: str
    seat: SeatLease | None
    policy: WakePolicy

    @classmethod
    def of(cls, shared: SharedSeat, now: Instant) -> Self:
        """Return the presence at one node."""
        ear = Ear.parse(shared.ear)
        seat = None
        if ear is not None:
            seat = SeatLease(ear, now.steady_at(shared.held_ms), shared.policy)
        seen_at = min(now.steady_at(shared.seen_ms), now.steady_seconds)
        return cls(
            seen_at,
            shared.is_parked,
            shared.is_listening,
            shared.status,
            seat,
            shared.policy,
        )

    def merged(self, other: Self) -> Self:
        """Return the presence at two places."""
        newest = self if self.seen_at >= other.seen_at else other
        listening = self if self.is_listening else other
        return attrs.evolve(
            newest,
            is_parked=self.is_parked or other.is_parked,
            is_listening=self.is_listening or other.is_listening,
            seat=longer_lease(self.seat, other.seat),
            policy=listening.policy,
        )

    def looks_like(self, other: Self | None) -> bool:
        """Tell whether it shows as another one does, but for the time of requests."""
        return other is not None and self == attrs.evolve(
            other, seen_at=self.seen_at, policy=self.policy
        )


def longer_lease(one: SeatLease | None, other: SeatLease | None) -> SeatLease | None:
    """Return the lease that ends later."""
    if one is None or other is None:
        return one or other
    return one if one.until >= other.until else other
