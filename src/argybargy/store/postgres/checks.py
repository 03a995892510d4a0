"""Checks of a server before a relay relies on it."""

from typing import Final

from argybargy.store.errors import Incompatible
from argybargy.store.postgres.connection import Connection

OLDEST: Final = 150_000
"""The oldest version, as PostgreSQL numbers them."""
_PER_MAJOR: Final = 10_000


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
