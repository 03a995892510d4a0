"""A few connections that only read."""

import contextlib
from collections.abc import AsyncIterator, Callable, Hashable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.store.errors import Refused
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS, damaged
from argybargy.store.sqlite.loss import Loss

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2
READ_SECONDS: Final = 4.0


@attrs.define(eq=False)
class Readers:
    """Lends a connection for the time of one read.

    A peer reads once at a time: with many requests it would take every connection,
    and everybody else would stand in line behind it.

    Mutable state: the idle connections, and a lock for each peer that reads. A reader
    that finds no connection waits in line.
    """

    _idle: list[DatabaseThread]
    _turns: trio.Semaphore
    _peers: dict[Hashable, trio.Lock] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path, loss: Loss) -> "Readers":
        """Make `READERS` connections; each opens when it is first used."""
        connections = [DatabaseThread(path, Role.READER, loss) for _ in range(READERS)]
        return cls(connections, trio.Semaphore(READERS))

    async def read(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)``: all it reads is one snapshot.

        Raises:
            Refused: SQLite refused, or `READ_SECONDS` were not enough, waiting
                for a connection included.
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
        """Read like :meth:`read`, after the other reads of the same peer.

        Raises:
            Refused: As above; waiting for those others is included.
        """
        with trio.move_on_after(READ_SECONDS):
            async with self._turn_of(peer):
                return await self._read(work, *args, **kwargs)
        raise _too_slow()

    @contextlib.asynccontextmanager
    async def _turn_of(self, peer: Hashable) -> AsyncIterator[None]:
        """Hold the lock of a peer; the last one to use it takes it away."""
        lock = self._peers.setdefault(peer, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            # Handed on to the next in line, it is still locked.
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
        """Close every connection. Nothing may be reading any more."""
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
    """Call ``work(connection, ...)`` in a transaction that changes nothing.

    Raises:
        Corrupt: A row cannot be what the relay has written.
    """
    connection.execute("BEGIN")
    try:
        return work(connection, *args, **kwargs)
    except ValueError as error:  # of what decodes rows: JSON, UTF-8, the kind
        reason = f"{type(error).__name__}: {error}"
        raise damaged(connection.filename, reason) from error
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
