"""Time as the rules see it: two clocks, taken together, never compared mixed."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import attrs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Era:
    """A time in the life of this process until the wall clock was set.

    Attributes:
        began_ms: From when on, as the process counts the time.
        ended_ms: Until when.
        stepped_ms: By how much the wall clock had been set by then.
    """

    began_ms: int
    ended_ms: int
    stepped_ms: int


@attrs.frozen
class Instant:
    """One instant on both clocks.

    Attributes:
        wall_ms: Milliseconds since 1970 UTC. For what people read and for what
            must survive a restart: timestamps, the expiry of codes.
        steady_seconds: Seconds on a clock that only ever goes forward at the pace
            of time. For waiting: leases, rate windows, idleness. It stands still
            while a laptop sleeps, so that nobody wakes up to be told to leave.
        stepped_ms: By how much the wall clock was set since the process began, and
            `wall_ms` with it.
        eras: The times before, oldest first, as far as they are remembered.
    """

    wall_ms: int
    steady_seconds: float
    stepped_ms: int = 0
    eras: tuple[Era, ...] = ()

    @property
    def counted_ms(self) -> int:
        """Milliseconds since 1970 as this process counts them: they are never set.

        For ages: the difference of two of them is the time that has passed, sleep
        included, whatever became of the wall clock in between.
        """
        return self.wall_ms - self.stepped_ms

    def counted(self, wall_ms: int) -> int:
        """Return a time that was stored as this process counts, never after now.

        It is taken for one of this process if it may be, newest first: the wall
        clock may have been set otherwise when it was stored. A time that is ahead
        even so was stored by a process whose clock was wrong: all that is known is
        that it has passed.
        """
        counted_ms = min(wall_ms, self.wall_ms) - self.stepped_ms
        if not self.eras or (
            wall_ms <= self.wall_ms and counted_ms >= self.eras[-1].ended_ms
        ):
            return counted_ms
        for era in reversed(self.eras):
            if era.began_ms <= wall_ms - era.stepped_ms < era.ended_ms:
                return wall_ms - era.stepped_ms
        return counted_ms

    def on_wall(self, counted_ms: int) -> int:
        """Return what the wall clock, as it is set now, says to a counted time."""
        return counted_ms + self.stepped_ms

    def heard_at(self, at_ms: int, heard_ms: int | None) -> int:
        """Return when something happened, as this process counts the time.

        Args:
            at_ms: When, on the wall clock.
            heard_ms: When, as this process has counted; ``None`` if it has not.
        """
        return self.counted(at_ms) if heard_ms is None else heard_ms

    def age_seconds(self, at_ms: int, heard_ms: int | None) -> float:
        """Return how long ago something happened, see :meth:`heard_at`."""
        return max(0, self.counted_ms - self.heard_at(at_ms, heard_ms)) / 1000


def parse_timestamp(text: str) -> int:
    """Read RFC 3339 as milliseconds since 1970 UTC; without an offset it is UTC.

    Raises:
        ValueError: It is none, or :func:`format_timestamp` could not render it: its
            offset takes it out of the years that there are.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def format_timestamp(wall_ms: int) -> str:
    """Render milliseconds since 1970 as RFC 3339 in UTC, to the millisecond.

    The offset is written ``+00:00`` and not ``Z``: Python before 3.11 cannot read
    the letter, and agents are written in whatever is at hand.
    """
    seconds, milliseconds = divmod(wall_ms, 1000)
    return f"{_format_second(seconds)}.{milliseconds:03}+00:00"


@lru_cache(maxsize=64)
def _format_second(seconds: int) -> str:
    """Render whole seconds. Kept: what is said in one second is rendered together."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment.replace(tzinfo=None).isoformat()
