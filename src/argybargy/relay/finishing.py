"""What must not be left half done because a client went away."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


@contextmanager
def finishing() -> Iterator[None]:
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
