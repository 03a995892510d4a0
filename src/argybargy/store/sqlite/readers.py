"""A few connections that only read."""

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.store.errors import Refused
from argybargy.store.sqlite.connection import Connection, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2
READ_SECONDS: Final = 4.0


@attrs.define(eq=False)
class Readers:
    """Lends a connection for the time of one read.

    Mutable state: the idle connections. Whoever finds none waits in line.
    """

    _idle: list[Connection]
    _turns: trio.Semaphore

    @classmethod
    def of(cls, path: Path) -> "Readers":
        """Make `READERS` connections; each opens when it is first used."""
        connections = [Connection(path, Role.READER) for _ in range(READERS)]
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
        """
        with trio.move_on_after(READ_SECONDS):
            async with self._turns:
                connection = self._idle.pop()
                try:
                    return await connection.run(snapshot, work, *args, **kwargs)
                finally:
                    self._idle.append(connection)
        raise Refused(f"reading took over {READ_SECONDS:.0f} s", RETRY_SECONDS)

    async def aclose(self) -> None:
        """Close every connection. Nothing may be reading any more."""
        for connection in self._idle:
            await connection.aclose()


def snapshot(
    connection: apsw.Connection,
    work: Callable[Concatenate[apsw.Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call ``work(connection, ...)`` in a transaction that changes nothing."""
    connection.execute("BEGIN")
    try:
        return work(connection, *args, **kwargs)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
