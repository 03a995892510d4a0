"""Translate store failures to refusals, log them, and shield changes to the disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.relay.clock import Clock
from argybargy.store.errors import Busy, Full, Refused, StoreError, Unknown
from argybargy.system.logs import get_logger
from argybargy.system.values import define

log = get_logger(__name__)

_RETRY_SECONDS: Final = 1
REPEAT_SECONDS: Final = 60.0
"""Shortest time between two log events about the same kind of failure."""


@define(eq=False)
class FailureLog:
    """Logs store failures at most once a minute, with the number since the last event.

    On a full disk every refused request would log a line, and requests that are refused
    count toward no rate limit.

    Attributes:
        clock: The relay's clock.
        event: The name of the log event.
        noted: Called with each failure.
    """

    clock: Clock
    event: str
    noted: Callable[[], None] = lambda: None
    _times: int = 0
    _silent_until: float = float("-inf")

    def note(self, room: str, error: StoreError) -> None:
        """Count a failure, and log it unless one was logged within the last minute."""
        now = self.clock.now().steady_seconds
        self._times += 1
        self.noted()
        if now < self._silent_until:
            return
        log.warning(self.event, room=room, reason=str(error), times=self._times)
        self._times, self._silent_until = 0, now + REPEAT_SECONDS


@contextmanager
def translated() -> Iterator[None]:
    """Translate a store's failure within the block.

    Raises:
        RelayError: See :func:`as_relay_error`.
    """
    try:
        yield
    except StoreError as error:
        raise as_relay_error(error) from error


def as_relay_error(error: StoreError) -> RelayError:
    """Return the refusal for a store's failure: a 503 that says when to retry."""
    if isinstance(error, Unknown):
        return RelayError(Problem.STORAGE_UNKNOWN, retry_after=_RETRY_SECONDS)
    if isinstance(error, Busy):
        return RelayError(Problem.BUSY, retry_after=error.retry_after_seconds)
    if isinstance(error, Full):
        return RelayError(Problem.STORAGE_FULL, retry_after=error.retry_after_seconds)
    seconds = (
        error.retry_after_seconds if isinstance(error, Refused) else _RETRY_SECONDS
    )
    return RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=seconds)


def copy_of(failure: RelayError) -> RelayError:
    """Return an equal failure, to raise in one more task.

    A raised exception keeps the frames it passed through, and gains more each time it
    is raised. One shared by all requests of a failed room would keep all of them.
    """
    return RelayError(failure.problem, **failure.facts)


@contextmanager
def shielded() -> Iterator[None]:
    """Shield the block from cancellation.

    For a change to the disk and then to memory: cancelled in between, a request would
    leave memory behind the disk.

    There is no deadline, although shields usually need one: it would cancel at the
    same wrong place. A write that was handed to the disk happens or not, however long
    that takes, and memory has to follow. Everything else in a shield is bounded by
    the store, which withdraws writes that wait too long, times out reads, and answers
    every job it starts. So a relay told to stop while its disk hangs waits for the
    disk, or to be killed.
    """
    with trio.CancelScope(shield=True):
        yield
