"""A small pool of connections for reads."""

import contextlib
from collections.abc import AsyncIterator, Callable, Hashable
from typing import Concatenate, Final, ParamSpec, TypeVar

import attrs
import trio

from argybargy.store.errors import Corrupt, Refused
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.postgres.errors import RETRY_SECONDS

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 3
"""Connections in the pool."""
READ_SECONDS: Final = 4.0
"""Deadline of a read, including the wait for a connection."""
SNAPSHOT: Final = (
    "SET default_transaction_isolation = 'repeatable read'",
    "SET default_transaction_read_only = on",
)
"""Settings of a reader: all statements of a read see one moment."""


@attrs.define(eq=False)
class Readers:
    """Lends a connection for one read; waiting reads queue in order.

    Reads of one peer run one at a time, so that its parallel requests cannot occupy
    every connection.

    Mutable state: the idle connections, and a lock for each peer with a read in
    progress.
    """

    _idle: list[Link]
    _turns: trio.Semaphore = attrs.field(init=False, repr=False)
    _peers: dict[Hashable, trio.Lock] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        self._turns = trio.Semaphore(len(self._idle))

    async def read(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in one snapshot.

        Raises:
            Refused: PostgreSQL refused, or `READ_SECONDS` ran out.
            Corrupt: The database is damaged.
        """
        with trio.move_on_after(READ_SECONDS):
            return await self._read(work, *args, **kwargs)
        raise _too_slow()

    async def read_as(
        self,
        peer: Hashable,
        work: Callable[Concatenate[Connection, P], T],
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
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turns:
            link = self._idle.pop()
            try:
                return await link.run(_snapshot, work, *args, **kwargs)
            finally:
                self._idle.append(link)

    def close(self) -> None:
        """Close every connection. No read may be in progress."""
        for link in self._idle:
            link.close()


def _too_slow() -> Refused:
    return Refused(f"reading took over {READ_SECONDS:.0f} s", RETRY_SECONDS)


def _snapshot(
    connection: Connection,
    work: Callable[Concatenate[Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call ``work(connection, ...)`` in one transaction.

    Raises:
        Corrupt: A row cannot be decoded.
    """
    try:
        with connection.transaction():
            return work(connection, *args, **kwargs)
    except ValueError as error:  # from decoding a row: JSON or an enum
        raise Corrupt(
            "The PostgreSQL database is damaged; restore it from a backup. "
            f"({type(error).__name__}: {error})"
        ) from error
