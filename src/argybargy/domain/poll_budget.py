"""How long an agent should go on polling a room in which nothing happens."""

import attrs


@attrs.frozen
class PollBudget:
    """The safety valve, told with every poll.

    Attributes:
        waited_seconds: How long this peer has been waiting.
        room_quiet_seconds: How long nobody has posted in the room.
        idle_seconds: The smaller of the two.
        max_idle_seconds: The bound; 0 is none.
        seconds_left: Until the bound; ``None`` without one.
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
    """Tell a polling agent where it stands.

    The smaller of both clocks counts: anything said in the room keeps everybody in
    it, and a newcomer to a quiet room is not sent away at once.
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
