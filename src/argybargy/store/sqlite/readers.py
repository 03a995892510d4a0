"""Pool of read-only connections."""

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
from typing_extensions import override

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.reader_pool import ReaderPool
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.errors import damaged
from argybargy.system.values import define

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 2
"""Connections in the pool."""


@define(eq=False)
class Readers(ReaderPool[DatabaseThread, apsw.Connection]):
    """The read-only connections to a SQLite database."""

    @classmethod
    def of(cls, path: Path, corruption: CorruptionSignal) -> "Readers":
        """Create `READERS` connections; each opens on first use."""
        connections = [
            DatabaseThread(path, Role.READER, corruption) for _ in range(READERS)
        ]
        return cls(connections)

    @override
    async def _run(
        self,
        lent: DatabaseThread,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await lent.run(snapshot, work, *args, **kwargs)

    async def aclose(self) -> None:
        """Close every connection. No read may be in progress."""
        for connection in self._idle:
            await connection.aclose()


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
