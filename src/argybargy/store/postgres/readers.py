"""A small pool of connections for reads."""

from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from typing_extensions import override

from argybargy.store.errors import Corrupt
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.reader_pool import ReaderPool
from argybargy.system.values import define

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 3
"""Connections in the pool."""
SNAPSHOT: Final = (
    "SET default_transaction_isolation = 'repeatable read'",
    "SET default_transaction_read_only = on",
)
"""Settings of a reader: all statements of a read see one moment."""


@define(eq=False)
class Readers(ReaderPool[Link, Connection]):
    """The connections to PostgreSQL for reads."""

    @override
    async def _run(
        self,
        lent: Link,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        return await lent.run(_snapshot, work, *args, **kwargs)

    def close(self) -> None:
        """Close every connection. No read may be in progress."""
        for link in self._idle:
            link.close()


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
