"""A pool of connections for reads, shared fairly among peers."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

import attrs
import trio

from argybargy.store.errors import Refused
from argybargy.system.values import define

C = TypeVar("C")
L = TypeVar("L")
P = ParamSpec("P")
T = TypeVar("T")

READ_SECONDS: Final = 4.0
"""Deadline of a read, including the wait for a connection."""
_RETRY_SECONDS: Final = 1


@define(eq=False)
class ReaderPool(ABC, Generic[L, C]):
    """Lends a connection for one read; waiting reads queue in order.

    Reads of one peer run one at a time, so that its parallel requests cannot occupy
    every connection.

    Mutable state: the idle connections, and a lock for each peer with a read in
    progress.
    """

    _idle: list[L]
    _turns: trio.Semaphore = attrs.field(init=False, repr=False)
    _peers: dict[Hashable, trio.Lock] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        self._turns = trio.Semaphore(len(self._idle))

    @abstractmethod
    async def _run(
        self,
        lent: L,
        work: Callable[Concatenate[C, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in one snapshot, on a lent connection."""

    async def read(
        self,
        work: Callable[Concatenate[C, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in one snapshot.

        Raises:
            Refused: The engine refused, or `READ_SECONDS` ran out.
            Corrupt: The database is damaged.
        """
        with trio.move_on_after(READ_SECONDS):
            return await self._read(work, *args, **kwargs)
        raise _too_slow()

    async def read_as(
        self,
        peer: Hashable,
        work: Callable[Concatenate[C, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call :meth:`read` after the earlier reads of the same peer.

        Raises:
            Refused: As :meth:`read`; the wait for earlier reads counts.
            Corrupt: The database is damaged.
        """
        with trio.move_on_after(READ_SECONDS):
            async with self._turn_of(peer):
                return await self._read(work, *args, **kwargs)
        raise _too_slow()

    @contextlib.asynccontextmanager
    async def _turn_of(self, peer: Hashable) -> AsyncIterator[None]:
        """Hold the lock of a peer, and delete it after its last use."""
        lock = self._peers.setdefault(peer, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            # trio hands a released lock to the next waiter: then it is still locked.
            if not lock.locked():
                self._peers.pop(peer, None)

    async def _read(
        self,
        work: Callable[Concatenate[C, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turns:
            lent = self._idle.pop()
            try:
                return await self._run(lent, work, *args, **kwargs)
            finally:
                self._idle.append(lent)


def _too_slow() -> Refused:
    return Refused(f"reading took over {READ_SECONDS:.0f} s", _RETRY_SECONDS)
