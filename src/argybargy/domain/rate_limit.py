"""A sliding window, as a rule over the times of what was accepted."""

import math
from bisect import bisect_right
from collections import deque

import attrs


@attrs.frozen
class Admission:
    """Whether one more is allowed.

    Attributes:
        times: The window with this attempt in it, if it was accepted.
        retry_after_seconds: How long until one more is; 0 when accepted.
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
    """Judge one attempt at `now` against the accepted ones before it.

    Only accepted attempts count, so that being refused does not prolong the wait.

    Args:
        times: When the accepted ones were, in seconds on a steady clock, oldest
            first; at most `limit` of them.
        now: The same clock.
        limit: How many the window holds; 0 refuses nothing.
        window_seconds: How long it is.

    Returns:
        The window afterwards. A refusal says how many whole seconds are really
        left until the oldest one leaves it.
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
    """Judge one attempt like :func:`admit`, in a window that is changed in place.

    For windows that are no part of a room: those of reads are large. One attempt may
    count as several, at most `limit`.

    Returns:
        How many whole seconds to wait; 0 when accepted.
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
