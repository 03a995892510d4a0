"""The relay's clock: wall time that survives a wrong wall clock.

A wall clock can be set at any time, rightly or by mistake. So the relay takes the wall
time once and counts on from there along a monotonic clock, and compares the result
with the wall clock at each reading. This is the only module that reads a clock.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import attrs
import trio

from argybargy.domain.instant import Era, Instant
from argybargy.system.logs import get_logger
from argybargy.system.values import define, frozen

log = get_logger(__name__)

DRIFT_MS: Final = 1_000
"""The largest drift between two readings; a larger difference is a step."""
SETTLE_SECONDS: Final = 60.0
"""Time that a step has to last before the relay follows it."""
ERAS_KEPT: Final = 8
"""Steps whose times are remembered, to convert stored times; the newest stay."""
_LOG_SECONDS: Final = 10.0
"""Pause between log lines about a clock that keeps stepping."""


class Clock(Protocol):
    """A source of instants."""

    def now(self) -> Instant:
        """Return the current instant; its steady half is Trio's own clock."""
        ...


@frozen
class _Step:
    """A step of the wall clock that is not followed yet.

    Attributes:
        ms: Difference of the wall clock from the counted time.
        since: First reading of it, in elapsed seconds.
    """

    ms: int
    since: float


@define
class SettledClock:
    """A wall clock that is followed only once it has settled.

    Drift is followed, but never backwards: the time stands still until the wall clock
    has caught up, for :data:`DRIFT_MS` at most. A larger difference is a step. It is
    logged, and has to last for :data:`SETTLE_SECONDS` before the time changes by it,
    forwards or backwards; until then the time is counted on.

    Args:
        wall: Seconds since 1970 UTC by the machine's wall clock.
        elapsed: Seconds on a monotonic clock that includes suspended time: without
            that, each sleep of a laptop would look like a step.
    """

    wall: Callable[[], float]
    elapsed: Callable[[], float]
    _start_ms: int | None = attrs.field(default=None, init=False)
    _latest_ms: int = attrs.field(default=0, init=False)
    _stepped_ms: int = attrs.field(default=0, init=False)
    _eras: tuple[Era, ...] = attrs.field(default=(), init=False)
    _era_began_ms: int = attrs.field(default=0, init=False)
    _step: _Step | None = attrs.field(default=None, init=False)
    _logged_at: float = attrs.field(default=float("-inf"), init=False)

    def now(self) -> Instant:
        """Return the current instant."""
        wall_ms, elapsed = round(self.wall() * 1000), self.elapsed()
        elapsed_ms = round(elapsed * 1000)
        if self._start_ms is None:
            self._start_ms = wall_ms - elapsed_ms
            self._era_began_ms = wall_ms
        difference_ms = wall_ms - elapsed_ms - self._start_ms
        if abs(difference_ms) <= DRIFT_MS:
            self._start_ms += difference_ms
            if self._step is not None:
                self._forget_step(self._step)
        elif self._has_settled(difference_ms, elapsed):
            self._start_ms += difference_ms
            self._follow_step(difference_ms)
        self._latest_ms = max(self._latest_ms, self._start_ms + elapsed_ms)
        return Instant(
            self._latest_ms, trio.current_time(), self._stepped_ms, self._eras
        )

    def _follow_step(self, step_ms: int) -> None:
        counted_ms = self._latest_ms - self._stepped_ms
        era = Era(self._era_began_ms, counted_ms + 1, self._stepped_ms)
        self._eras = (*self._eras, era)[-ERAS_KEPT:]
        self._era_began_ms = era.ended_ms
        self._stepped_ms += step_ms
        self._latest_ms = 0  # times before the step are no lower bound after it
        self._step = None
        log.warning("clock step believed", seconds=step_ms / 1000)

    def _has_settled(self, difference_ms: int, elapsed: float) -> bool:
        """Tell whether the step has lasted long enough; note a new one."""
        if self._step is None or abs(self._step.ms - difference_ms) > DRIFT_MS:
            self._step = _Step(difference_ms, elapsed)
            if elapsed - self._logged_at >= _LOG_SECONDS:
                self._logged_at = elapsed
                log.warning(
                    "clock stepped",
                    seconds=difference_ms / 1000,
                    believed_after_seconds=SETTLE_SECONDS,
                )
        return elapsed - self._step.since >= SETTLE_SECONDS

    def _forget_step(self, step: _Step) -> None:
        log.info("clock step taken back", seconds=step.ms / 1000)
        self._step = None


def system_clock() -> SettledClock:
    """Return a clock over the machine's own."""
    return SettledClock(time.time, _elapsed)  # noqa: TID251  this is the one place


if sys.platform == "linux":
    _elapsed = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
elif sys.platform == "darwin":
    # Python's own monotonic clock stops while a Mac sleeps.
    _elapsed = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
else:
    _elapsed = time.monotonic  # noqa: TID251  this is the one place
