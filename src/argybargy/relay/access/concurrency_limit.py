"""A limit on concurrent work of one peer, so that no peer blocks the others."""

import contextlib
from collections.abc import AsyncIterator, Hashable
from typing import Final

import attrs
import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.system.values import define

QUEUE_SECONDS: Final = 4.0
"""Longest wait of a request for earlier ones of the same peer."""
_RETRY_SECONDS: Final = 1


@define(eq=False)
class _Queue:
    """The requests of one peer: one runs, the others wait for the lock."""

    lock: trio.Lock = attrs.field(factory=trio.Lock)
    length: int = 0


@define(eq=False)
class ConcurrencyLimit:
    """Runs one request of each peer at a time; a few wait, more are refused.

    For a resource that serves requests in order of arrival. As every peer has at most
    one request there, a request waits for at most one of every other peer.

    Mutable state: the queues by peer; an empty one is dropped.

    Args:
        most: Requests of one peer at the same time, the running one included.
    """

    _most: int
    _queues: dict[Hashable, _Queue] = attrs.field(factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        """Run the block as the only one of its key.

        Raises:
            RelayError: ``busy``: too many requests of the key are under way, or the
                earlier ones took longer than `QUEUE_SECONDS`.
        """
        queue = self._queues.setdefault(key, _Queue())
        if queue.length >= self._most:
            raise _busy()
        queue.length += 1
        try:
            with trio.move_on_after(QUEUE_SECONDS) as waiting:
                await queue.lock.acquire()
            if waiting.cancelled_caught:
                raise _busy()
            # The deadline may pass just after the lock was acquired. Trio then does
            # not cancel, so the lock is ours exactly if nothing was caught.
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]


def _busy() -> RelayError:
    return RelayError(Problem.BUSY, retry_after=_RETRY_SECONDS)
