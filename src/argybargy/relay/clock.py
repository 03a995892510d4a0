"""The one place that looks at a clock, and that judges what the wall clock says.

A wall clock may be set, rightly or by mistake, at any time. So the relay counts the
time itself: from what the wall clock said at first, along a clock that nobody can
set. What the wall clock says is compared with that at each look.
"""

import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

import attrs
import structlog
import trio

from argybargy.domain.instant import Era, Instant

log = structlog.get_logger(__name__)

DRIFT_MS: Final = 1_000
"""Two clocks may drift apart by so much between two looks; more is a step."""
SETTLE_SECONDS: Final = 60.0
"""How long a step has to last before the relay believes it."""
ERAS_KEPT: Final = 8
"""Steps of which the relay remembers when they were."""
_LOG_SECONDS: Final = 10.0
"""A clock that steps all the time does not fill the log."""


class Clock(Protocol):
    """Tells the time on both clocks at once."""

    def now(self) -> Instant:
        """Return this instant. The steady half is Trio's own clock."""
        ...


@attrs.frozen
class _Step:
    """A step of the wall clock that is not believed yet.

    Attributes:
        ms: By how much the wall clock differs from the time that was counted.
        since: When that was first seen, in seconds that have elapsed.
    """

    ms: int
    since: float


@attrs.define
class SettledClock:
    """A wall clock that is believed only once it has settled.

    Small differences are followed, but never backwards: the time stands still until
    the wall clock has caught up, for :data:`DRIFT_MS` at most. A larger one is a
    step. It is logged once, and has to last for :data:`SETTLE_SECONDS` before the
    time changes by it, forwards or backwards: until then the time is counted on.

    Args:
        wall: Seconds since 1970 UTC, as the machine has them.
        elapsed: Seconds on a clock that nobody sets, and that goes on while the
            machine sleeps: otherwise each sleep looks like a step.
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
        """Return this instant."""
        wall_ms, elapsed = round(self.wall() * 1000), self.elapsed()
        elapsed_ms = round(elapsed * 1000)
        if self._start_ms is None:
            self._start_ms = wall_ms - elapsed_ms
            self._era_began_ms = wall_ms
        difference_ms = wall_ms - elapsed_ms - self._start_ms
        if abs(difference_ms) <= DRIFT_MS:
            self._start_ms += difference_ms
            self._forget_step()
        elif self._has_settled(difference_ms, elapsed):
            self._start_ms += difference_ms
            self._believe(difference_ms)
        self._latest_ms = max(self._latest_ms, self._start_ms + elapsed_ms)
        return Instant(
            self._latest_ms, trio.current_time(), self._stepped_ms, self._eras
        )

    def _believe(self, step_ms: int) -> None:
        counted_ms = self._latest_ms - self._stepped_ms
        era = Era(self._era_began_ms, counted_ms + 1, self._stepped_ms)
        self._eras = (*self._eras, era)[-ERAS_KEPT:]
        self._era_began_ms = era.ended_ms
        self._stepped_ms += step_ms
        self._latest_ms = 0  # what was told before it is no bound any more
        self._step = None
        log.warning("clock step believed", seconds=step_ms / 1000)

    def _has_settled(self, difference_ms: int, elapsed: float) -> bool:
        """Tell whether a step has lasted long enough; take note of a new one."""
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

    def _forget_step(self) -> None:
        if self._step is not None:
            log.info("clock step taken back", seconds=self._step.ms / 1000)
            self._step = None


def system_clock() -> SettledClock:
    """Return the clock of the machine."""
    return SettledClock(time.time, _elapsed)  # noqa: TID251  this is the one place


if sys.platform == "linux":

    def _elapsed() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def _elapsed() -> float:
        # Python's own monotonic clock stands still while a Mac sleeps.
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:

    def _elapsed() -> float:
        return time.monotonic()  # noqa: TID251  this is the one place
