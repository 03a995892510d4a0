"""Sliding-window rate limit over the times of accepted attempts."""

import math
from bisect import bisect_right
from collections import deque

from argybargy.system.values import frozen


@frozen
class Admission:
    """The verdict on one attempt.

    Attributes:
        times: The new window; it includes this attempt if accepted.
        retry_after_seconds: Seconds until the next attempt can be accepted; 0 if this
            one was.
    """

    times: tuple[float, ...]
    retry_after_seconds: int = 0

    @property
    def is_accepted(self) -> bool:
        """Whether the attempt may go ahead."""
        return self.retry_after_seconds == 0


def admit(
    times: tuple[float, ...], now: float, limit: int, window_seconds: float
) -> Admission:
    """Check one attempt at `now` against the window.

    Only accepted attempts count, so that a rejection does not prolong the wait.

    Args:
        times: Times of accepted attempts in seconds on a steady clock, oldest first.
        now: The current time on the same clock.
        limit: Maximum attempts in the window; 0 means unlimited.
        window_seconds: Length of the window.

    Returns:
        The verdict. `retry_after_seconds` is exact, rounded up.
    """
    if limit <= 0:
        return Admission(())
    recent = times[bisect_right(times, now - window_seconds) :]
    if len(recent) < limit:
        return Admission((*recent, now))
    return Admission(recent, _wait_seconds(recent[-limit], now, window_seconds))


def admit_into(
    times: deque[float], now: float, limit: int, window_seconds: float, count: int = 1
) -> int:
    """Check one attempt like :func:`admit`, with a window that is modified in place.

    For large windows outside rooms, such as those of reads. One attempt may count as
    several, at most `limit`.

    Returns:
        Whole seconds to wait; 0 when accepted.
    """
    if limit <= 0:
        return 0
    while times and times[0] <= now - window_seconds:
        times.popleft()
    if len(times) + count <= limit:
        times.extend([now] * count)
        return 0
    return _wait_seconds(times[count - limit - 1], now, window_seconds)


def _wait_seconds(oldest: float, now: float, window_seconds: float) -> int:
    return max(1, math.ceil(oldest + window_seconds - now))
