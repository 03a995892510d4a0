"""When a child of a cluster is started again, and when it is given up."""

import signal
from typing import Final

from argybargy.system.values import define

STEADY_SECONDS: Final = 10.0
"""A program that ran for so long has started."""
FAILURES_IN_A_ROW: Final = 5
"""Failed starts in a row before a program may be given up."""
PATIENCE_SECONDS: Final = 30.0
"""Time for which starts must have failed, too. A PostgreSQL whose first process was
killed cannot start before its other processes have ended; a node cannot without it."""
_PAUSES: Final = (0.25, 0.5, 1.0, 2.0)
"""Pauses before the next start, by failures in a row; the last one repeats."""
_KILLED: Final = frozenset({-signal.SIGTERM, -9})  # 9: Windows has no SIGKILL


@define
class Restarts:
    """Counts the failed starts of a program.

    Mutable state: their number since the program last ran, and when the first began.

    Attributes:
        patience_seconds: Time for which starts must have failed until it is given up.
    """

    patience_seconds: float = PATIENCE_SECONDS
    _failures: int = 0
    _failing_since: float = 0.0

    def pause_after(self, code: int, began: float, ended: float) -> float | None:
        """Return the pause before a program is started again; ``None`` to give it up.

        Args:
            code: What it has ended with. One that was killed has not failed by itself.
            began: When it was started, in seconds on any clock.
            ended: When it ended.
        """
        if code in _KILLED or ended - began >= STEADY_SECONDS:
            self._failures = 0
            return _PAUSES[0]
        if not self._failures:
            self._failing_since = began
        self._failures += 1
        is_late = ended - self._failing_since >= self.patience_seconds
        if is_late and self._failures >= FAILURES_IN_A_ROW:
            return None
        return _PAUSES[min(self._failures, len(_PAUSES)) - 1]
