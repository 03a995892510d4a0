"""What must not be left half done because a client went away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import trio

FINISH_SECONDS: Final = 60.0
"""How long a change that has begun may take to be finished, whoever asked for it."""


@contextmanager
def finishing() -> Iterator[None]:
    """Keep cancellation out until the block is done, or for a minute at the most.

    For changes in two places, the disk first and then memory: a request that is
    cancelled between them would leave the two apart.
    """
    deadline = trio.current_time() + FINISH_SECONDS
    with trio.CancelScope(shield=True, deadline=deadline) as scope:
        yield
    if scope.cancelled_caught:
        raise trio.TooSlowError
