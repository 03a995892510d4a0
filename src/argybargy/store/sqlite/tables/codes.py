"""Access codes, as digests, and the digests of revoked codes."""

from collections.abc import Iterable
from typing import Any, Final

import apsw
import attrs

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.store.sqlite.tables.cursors import delete_cursor_without_code
from argybargy.store.sqlite.tables.wake_hooks import delete_hook_without_code

_COLUMNS: Final = (
    "digest, room, name, capabilities, created_ms, expires_ms, client, model, role, "
    "presented"
)
_ROLE: Final = 8
"""Place of the role among the columns."""


def read_codes(connection: apsw.Connection) -> tuple[CodeRecord, ...]:
    """Read every code, oldest first."""
    rows: list[Any] = connection.execute(
        f"SELECT {_COLUMNS} FROM codes ORDER BY id"  # noqa: S608
    ).fetchall()
    return tuple(_from_row(row) for row in rows)


def _from_row(row: Any) -> CodeRecord:  # noqa: ANN401 - a row of APSW
    fields = list(row)
    fields[_ROLE] = Role(fields[_ROLE])
    return CodeRecord(*fields)


def read_code_digests(connection: apsw.Connection) -> frozenset[bytes]:
    """Read the digests of all codes, from a schema of any version."""
    rows = connection.execute("SELECT digest FROM codes")
    return frozenset(digest for (digest,) in rows)


def insert_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Store new codes."""
    sql = f"INSERT INTO codes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    connection.executemany(sql, [_to_row(code) for code in codes])


def _to_row(code: CodeRecord) -> tuple[Any, ...]:
    fields = list(attrs.astuple(code))
    fields[_ROLE] = code.role.value
    return tuple(fields)


def delete_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Delete codes, with cursors and hooks of their peers; record them as revoked."""
    for code in codes:
        connection.execute("DELETE FROM codes WHERE digest = ?", (code.digest,))
        insert_revoked(connection, [code.digest])
        delete_cursor_without_code(connection, code)
        delete_hook_without_code(connection, code)


def update_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Update capabilities and times of codes; unknown codes are ignored."""
    sql = """
        UPDATE codes SET capabilities = ?, created_ms = ?, expires_ms = ?
        WHERE digest = ?
    """
    rows = [
        (code.capabilities, code.created_ms, code.expires_ms, code.digest)
        for code in codes
    ]
    connection.executemany(sql, rows)


def insert_revoked(connection: apsw.Connection, digests: Iterable[bytes]) -> None:
    """Record codes as revoked, so that no import or restore brings them back."""
    sql = "INSERT OR IGNORE INTO revoked (digest) VALUES (?)"
    connection.executemany(sql, [(digest,) for digest in digests])


def read_revoked(
    connection: apsw.Connection, limit: int | None = None
) -> frozenset[bytes]:
    """Read the digests of revoked codes; empty in a schema without that table.

    Args:
        connection: The database.
        limit: Maximum number of digests; ``None`` reads all.
    """
    has_table = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'revoked'"
    ).get
    if not has_table:
        return frozenset()
    sql = "SELECT digest FROM revoked LIMIT ?"
    rows = connection.execute(sql, (-1 if limit is None else limit,))
    return frozenset(digest for (digest,) in rows)
