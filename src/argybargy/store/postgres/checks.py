"""Checks of a server before a relay relies on it."""

import secrets
import time
from typing import Final

from argybargy.store.errors import Incompatible
from argybargy.store.postgres.connection import Connection, connect

OLDEST: Final = 150_000
"""The oldest version, as PostgreSQL numbers them."""
_PER_MAJOR: Final = 10_000
HEAR_SECONDS: Final = 3.0
"""Longest wait for the notification of a check."""


def check_server(connection: Connection, *, needs_fsync: bool = True) -> str:
    """Check version and settings of a server; return its version.

    Args:
        connection: A connection with the settings that the writer uses.
        needs_fsync: Whether the server must survive a loss of power. Only tests run
            without.

    Raises:
        Incompatible: The server is too old, read-only, or could lose what it has
            acknowledged.
    """
    version = check_version(connection)
    if _setting(connection, "server_encoding") != "UTF8":
        raise Incompatible(
            "The PostgreSQL database has another encoding than UTF8. Create one with "
            "CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0."
        )
    if _setting(connection, "transaction_read_only") == "on":
        raise Incompatible(
            "This PostgreSQL server is a read-only standby. Name the primary."
        )
    if needs_fsync:
        _check_durability(connection)
    return version


def check_notifications(connection: Connection, url: str) -> None:
    """Check that a notification of another connection arrives.

    A pooler in transaction mode, such as pgbouncer, gives each statement to any
    connection of its own, so that nobody listens.

    Args:
        connection: A connection that listens meanwhile.
        url: Address of the database, to notify from another connection.

    Raises:
        Incompatible: None has arrived.
    """
    channel = f"argybargy_check_{secrets.token_hex(8)}"
    connection.execute(f"LISTEN {channel}")
    try:
        with connect(url) as other:
            other.execute("SELECT pg_notify(%s, '')", (channel,))
            # To its end: a generator that is left holds the connection.
            heard = list(connection.notifies(timeout=HEAR_SECONDS, stop_after=1))
            if not heard:
                raise Incompatible(
                    "Notifications of PostgreSQL do not arrive: there is a pooler in "
                    "transaction mode, such as pgbouncer, before it. Name the address "
                    "of the server itself, or let it pool by session."
                )
    finally:
        connection.execute(f"UNLISTEN {channel}")


def measure_clock(connection: Connection) -> float:
    """Return by how many seconds the server's clock is ahead of this machine's."""
    began = time.time()  # noqa: TID251 - a reading of the machine's clock
    sql = "SELECT extract(epoch FROM clock_timestamp())::float8"
    row = connection.execute(sql).fetchone()
    ended = time.time()  # noqa: TID251 - the same
    assert row is not None, "a query without a table returns one row"
    return float(row[0]) - (began + ended) / 2


def check_version(connection: Connection) -> str:
    """Check and return the version of a server.

    Raises:
        Incompatible: It is too old.
    """
    number = int(_setting(connection, "server_version_num"))
    version = _setting(connection, "server_version").split()[0]
    if number < OLDEST:
        raise Incompatible(
            f"PostgreSQL {version} is too old: Argybargy needs "
            f"{OLDEST // _PER_MAJOR} or newer."
        )
    return version


def _check_durability(connection: Connection) -> None:
    for name in ("fsync", "full_page_writes"):
        if _setting(connection, name) != "on":
            raise Incompatible(
                f"PostgreSQL runs with {name}=off and would lose messages that were "
                f"acknowledged. Set {name} = on in postgresql.conf."
            )
    if _setting(connection, "synchronous_commit") == "off":
        raise Incompatible(
            "PostgreSQL runs with synchronous_commit=off and would lose messages that "
            "were acknowledged. Set it to on for this user or database."
        )


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""
