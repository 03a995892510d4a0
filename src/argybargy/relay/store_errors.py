"""What a failing store means to whoever asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.store.errors import Busy, Full, Refused, StoreError, Unknown

_RETRY_SECONDS: Final = 1


@contextmanager
def translated() -> Iterator[None]:
    """Let a store's failure leave the block as an answer."""
    try:
        yield
    except StoreError as error:
        raise as_relay_error(error) from error


def as_relay_error(error: StoreError) -> RelayError:
    """Translate a store's failure into an answer: 503, and when to come back."""
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
    """Return an equal failure for one more asker.

    One that was raised keeps the frames of whoever it was raised to, and gathers more
    each time; a room that is set aside would hold on to every request it refuses.
    """
    return RelayError(failure.problem, **failure.facts)


@contextmanager
def shielded() -> Iterator[None]:
    """Keep cancellation out until the block is done.

    For changes in two places, the disk first and then memory: a request that is
    cancelled between them would leave the two apart.

    There is no deadline, since it would do the same: a write that has begun will be
    made or not, however long the disk takes over it, and memory has to follow. The
    store bounds everything else: it withdraws a write whose turn does not come, gives
    up a read after a few seconds, and answers whatever it has started. So a relay that
    is told to stop while its disk hangs waits for the disk, or to be killed.
    """
    with trio.CancelScope(shield=True):
        yield
