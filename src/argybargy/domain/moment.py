"""Time as the rules see it: two clocks, taken together, never compared mixed."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import attrs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class Moment:
    """One instant on both clocks.

    Attributes:
        wall_ms: Milliseconds since 1970 UTC. For what people read and for what
            must survive a restart: timestamps, the expiry of codes.
        steady_seconds: Seconds on a clock that only ever goes forward at the pace
            of time. For waiting: leases, rate windows, idleness. It stands still
            while a laptop sleeps, so that nobody wakes up to be told to leave.
    """

    wall_ms: int
    steady_seconds: float


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
