"""Instants: the wall clock and the steady clock, read together."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from argybargy.system.values import frozen

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Era:
    """A period of this process between two settings of the wall clock.

    Attributes:
        began_ms: Start, on the count of the process.
        ended_ms: End, on the count of the process, exclusive.
        stepped_ms: The sum of all clock steps before the period.
    """

    began_ms: int
    ended_ms: int
    stepped_ms: int


@frozen
class Instant:
    """One instant on both clocks.

    Attributes:
        wall_ms: Milliseconds since 1970 UTC. For display and for values that must
            survive a restart: timestamps, the expiry of codes.
        steady_seconds: Seconds on a monotonic clock. For waiting: leases, rate windows,
            idle limits. It stops while the machine is suspended, so that a laptop does
            not wake up to expired leases.
        stepped_ms: The sum of all steps of the wall clock since the process began.
        eras: The periods before the last steps, oldest first; bounded by the clock.
    """

    wall_ms: int
    steady_seconds: float
    stepped_ms: int = 0
    eras: tuple[Era, ...] = ()

    @property
    def counted_ms(self) -> int:
        """Milliseconds since 1970 on the count of this process, without clock steps.

        For ages: the difference of two such values is the elapsed time, suspension
        included, even if the wall clock was set in between.
        """
        return self.wall_ms - self.stepped_ms

    def counted(self, wall_ms: int) -> int:
        """Convert a stored wall time to the count of this process; never after now.

        Assumes that this process stored it, if a period of its own fits, newest first.
        A time in the future was stored by a process with a wrong clock; it is taken as
        now.
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
        """Convert a counted time to the current wall clock."""
        return counted_ms + self.stepped_ms

    def wall_at(self, steady_seconds: float) -> int:
        """Convert a time on the steady clock to the current wall clock."""
        return self.wall_ms + round((steady_seconds - self.steady_seconds) * 1000)

    def steady_at(self, wall_ms: int) -> float:
        """Convert a time on the wall clock to the steady clock."""
        return self.steady_seconds + (wall_ms - self.wall_ms) / 1000

    def heard_at(self, at_ms: int, heard_ms: int | None) -> int:
        """Return the time of an event on the count of this process.

        Args:
            at_ms: Its time on the wall clock.
            heard_ms: Its counted time; ``None`` for an event of an earlier process.
        """
        return self.counted(at_ms) if heard_ms is None else heard_ms

    def age_seconds(self, at_ms: int, heard_ms: int | None) -> float:
        """Return the age of an event; for the arguments see :meth:`heard_at`."""
        return max(0, self.counted_ms - self.heard_at(at_ms, heard_ms)) / 1000


def parse_timestamp(text: str) -> int:
    """Parse RFC 3339 into milliseconds since 1970 UTC; no offset means UTC.

    Raises:
        ValueError: Not a timestamp, or outside the years 1 to 9999 in UTC.
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

    The offset is written ``+00:00``, because ``fromisoformat`` of Python before 3.11,
    which agents may use, rejects ``Z``.
    """
    seconds, milliseconds = divmod(wall_ms, 1000)
    return f"{_format_second(seconds)}.{milliseconds:03}+00:00"


@lru_cache(maxsize=64)
def _format_second(seconds: int) -> str:
    """Render whole seconds. Cached: messages of one second are rendered together."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment.replace(tzinfo=None).isoformat()
