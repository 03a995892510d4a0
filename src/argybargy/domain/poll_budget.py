"""Poll budget: the time an agent should keep polling a silent room."""

from argybargy.system.values import frozen


@frozen
class PollBudget:
    """The poll budget, included in every answer to a poll.

    Attributes:
        waited_seconds: Seconds since this peer last received or posted a message.
        room_quiet_seconds: Seconds since the last post in the room.
        idle_seconds: The smaller of the two.
        max_idle_seconds: The idle limit; 0 means none.
        seconds_left: Seconds until the idle limit; ``None`` without one.
        reason: ``room_closed``, ``idle_timeout``, or ``None``.
    """

    waited_seconds: float
    room_quiet_seconds: float
    idle_seconds: float
    max_idle_seconds: int
    seconds_left: float | None
    reason: str | None

    @property
    def should_exit(self) -> bool:
        """Whether the agent should stop polling."""
        return self.reason is not None


def poll_budget(
    waited_seconds: float,
    room_quiet_seconds: float,
    max_idle_seconds: int,
    *,
    is_closed: bool,
) -> PollBudget:
    """Compute the poll budget of a peer.

    The smaller of the two durations counts, so that any post keeps all peers polling,
    and a newcomer to a silent room is not dismissed at once.
    """
    waited = round(max(0.0, waited_seconds), 1)
    quiet = round(max(0.0, room_quiet_seconds), 1)
    idle = min(waited, quiet)
    left = round(max(0.0, max_idle_seconds - idle), 1) if max_idle_seconds else None
    reason = None
    if is_closed:
        reason = "room_closed"
    elif left == 0:
        reason = "idle_timeout"
    return PollBudget(waited, quiet, idle, max_idle_seconds, left, reason)
