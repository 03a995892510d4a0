"""Pool of read-only connections."""

import contextlib
from collections.abc import AsyncIterator, Callable, Hashable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Refused
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS, damaged

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2
"""Connections in the pool."""
READ_SECONDS: Final = 4.0
"""Deadline of a read, including the wait for a connection."""


@attrs.define(eq=False)
class Readers:
    """Lends a connection for one read; waiting reads queue in order.

    Reads of one peer run one at a time, so that its parallel requests cannot occupy
    every connection.

    Mutable state: the idle connections, and a lock for each peer with a read in
    progress.
    """

    _idle: list[DatabaseThread]
    _turns: trio.Semaphore
    _peers: dict[Hashable, trio.Lock] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path, corruption: CorruptionSignal) -> "Readers":
        """Create `READERS` connections; each opens on first use."""
        connections = [
            DatabaseThread(path, Role.READER, corruption) for _ in range(READERS)
        ]
        return cls(connections, trio.Semaphore(READERS))

    async def read(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in one snapshot.

        Raises:
            Refused: SQLite refused, or `READ_SECONDS` ran out.
            Corrupt: The database is damaged.
        """
        with trio.move_on_after(READ_SECONDS):
            return await self._read(work, *args, **kwargs)
        raise _too_slow()

    async def read_as(
        self,
        peer: Hashable,
        work: Callable[Concatenate[apsw.Connection, P], T],
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
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turns:
            connection = self._idle.pop()
            try:
                return await connection.run(snapshot, work, *args, **kwargs)
            finally:
                self._idle.append(connection)

    async def aclose(self) -> None:
        """Close every connection. No read may be in progress."""
        for connection in self._idle:
            await connection.aclose()


def _too_slow() -> Refused:
    return Refused(f"reading took over {READ_SECONDS:.0f} s", RETRY_SECONDS)


def snapshot(
    connection: apsw.Connection,
    work: Callable[Concatenate[apsw.Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call ``work(connection, ...)`` in a read transaction.

    Raises:
        Corrupt: A row cannot be decoded.
    """
    connection.execute("BEGIN")
    try:
        return work(connection, *args, **kwargs)
    except ValueError as error:  # from decoding a row: JSON, UTF-8 or an enum
        reason = f"{type(error).__name__}: {error}"
        raise damaged(connection.filename, reason) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
