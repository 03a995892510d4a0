"""A PostgreSQL server that several relays share: databases for proofs, and faults."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import attrs
import trio

from argybargy.system.values import define

_PREFIX: Final = "argybargy_torture_"
_CONNECT_SECONDS: Final = 10


class Power(Protocol):
    """Kills a server and starts it again; both block."""

    def kill(self) -> None:
        """Kill the server."""

    def start(self) -> None:
        """Start it again."""


@define(eq=False)
class SharedServer:
    """A server, and the databases that proofs have made on it.

    Mutable state: the databases, by the data directory of their first relay; the kills.

    Attributes:
        url: Address of a database on it, whose user may create others.
        power: Kills the server and starts it again; ``None`` if that is not possible.
        kills: How often proofs have killed something.
    """

    url: str = attrs.field(repr=False)
    power: Power | None = None
    kills: int = 0
    _databases: dict[Path, str] = attrs.field(factory=dict)

    async def kill(self) -> None:
        """Kill the server."""
        assert self.power is not None
        await trio.to_thread.run_sync(self.power.kill)

    async def start(self) -> None:
        """Start the server again."""
        assert self.power is not None
        await trio.to_thread.run_sync(self.power.start)

    def may_make_databases(self) -> bool:
        """Return whether its user may make databases; blocks.

        Raises:
            psycopg.Error: It cannot be reached.
            ImportError: psycopg is not installed.
        """
        with _connect(self.url) as connection:
            sql = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = user"
            (may_make,) = connection.execute(sql).fetchone()
        return bool(may_make)

    async def database(self, data: Path) -> str:
        """Return the URL of the database of a data directory, made on first use."""
        if data not in self._databases:
            name = f"{_PREFIX}{secrets.token_hex(6)}"
            statement = f'CREATE DATABASE "{name}" TEMPLATE template1'
            await trio.to_thread.run_sync(self._execute, [statement])
            self._databases[data] = name
        return self._url_of(self._databases[data])

    async def drop_all(self) -> None:
        """Drop the databases that were made."""
        statements = [
            f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
            for name in self._databases.values()
        ]
        self._databases.clear()
        await trio.to_thread.run_sync(self._execute, statements, abandon_on_cancel=True)

    def _url_of(self, database: str) -> str:
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"/{database}"))

    def _execute(self, statements: Sequence[str]) -> None:
        with _connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement)


def _connect(url: str) -> Any:  # noqa: ANN401 - of an extra that may be missing
    # Of the extra `postgres`, and only needed here.
    import psycopg  # noqa: PLC0415

    return psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)


@contextmanager
def locked_tables(url: str) -> Iterator[None]:
    """Let nobody write to rooms, and to what the relay tries for ``/ready``."""
    with _connect(url) as connection:
        connection.execute("BEGIN")
        connection.execute("LOCK TABLE rooms, probes IN EXCLUSIVE MODE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def dump(url: str) -> dict[str, bytes]:
    """Return the content of each table, in a format that shows bytes as they are."""
    found: dict[str, bytes] = {}
    with _connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE relkind = 'r' AND nspname = 'public' ORDER BY 1"
        ).fetchall()
        for (name,) in tables:
            with connection.cursor().copy(
                f'COPY "{name}" TO STDOUT (FORMAT BINARY)'
            ) as copy:
                found[name] = b"".join(map(bytes, copy))
    return found
