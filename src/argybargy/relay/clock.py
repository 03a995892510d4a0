"""The one place that looks at a clock."""

import time
from typing import Protocol

import attrs
import trio

from argybargy.domain.moment import Moment


class Clock(Protocol):
    """Tells the time on both clocks at once."""

    def now(self) -> Moment:
        """Return this instant. The steady half is Trio's own clock."""
        ...


@attrs.define
class SystemClock:
    """The machine's clocks.

    The wall clock is not allowed to run backwards: a correction stops it until the
    time has caught up, so that an expired code stays expired.
    """

    _latest_ms: int = 0

    def now(self) -> Moment:
        """Return this instant."""
        wall_ms = int(time.time() * 1000)  # noqa: TID251  this is the one place
        self._latest_ms = max(self._latest_ms, wall_ms)
        return Moment(self._latest_ms, trio.current_time())
