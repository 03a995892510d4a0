"""Accepting that fails, said once in a while instead of at each attempt.

Without file descriptors Trio tries to accept again ten times a second, and logs each
attempt with a traceback: whoever opens enough connections would fill the disk with it.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import trio

from argybargy.http.isolation import Log

SAY_SECONDS: Final = 60.0
"""How much time lies between two lines about the same."""
_LOGGER: Final = "trio.serve_listeners"


@attrs.define(eq=False)
class RefusedAccepts:
    """Counts the attempts, and logs the first of them and then a sum.

    Mutable state: how many attempts failed since the last line, and when that was.
    """

    log: Log
    _since: int = 0
    _said_at: float = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a record of Trio's, and let it go no further.

        Trio calls this in the task that accepts, so there is a clock.
        """
        self._since += 1
        now = trio.current_time()
        if now - self._said_at >= SAY_SECONDS:
            self.log.error(
                "accepting_failed", reason=_reason(record), times=self._since
            )
            self._since, self._said_at = 0, now
        return False


def _reason(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, str(error.errno))
        return f"{name}: {os.strerror(error.errno)}"
    return record.getMessage()


@contextmanager
def counted_accepts(log: Log) -> Iterator[None]:
    """Have failed attempts to accept counted while the block runs."""
    logger, accepts = logging.getLogger(_LOGGER), RefusedAccepts(log)
    logger.addFilter(accepts.filter)
    try:
        yield
    finally:
        logger.removeFilter(accepts.filter)
