"""Access codes, and the cursors of those who hold them."""

from collections.abc import Iterable, Mapping
from typing import Final

import apsw
import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.names import fold

_COLUMNS: Final = (
    "digest, room, name, capabilities, created_ms, expires_ms, client, model"
)


def read_codes(connection: apsw.Connection) -> tuple[CodeRecord, ...]:
    """Read every code, oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM codes ORDER BY id")  # noqa: S608
    return tuple(CodeRecord(*row) for row in rows)


def insert_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Store new codes; only digests of them, as `CodeRecord` holds no more."""
    sql = f"INSERT INTO codes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    connection.executemany(sql, [attrs.astuple(code) for code in codes])


def delete_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Delete codes for good, and the cursors of peers that hold none any more."""
    for code in codes:
        connection.execute("DELETE FROM codes WHERE digest = ?", (code.digest,))
        insert_revoked(connection, [code.digest])
        connection.execute(
            """
            DELETE FROM cursors WHERE room = :room AND peer = :name
            AND NOT EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :name)
            """,
            {"room": code.room, "name": code.name},
        )


def retime_codes(connection: apsw.Connection, codes: Iterable[CodeRecord]) -> None:
    """Replace when codes were made and when they end."""
    sql = "UPDATE codes SET created_ms = ?, expires_ms = ? WHERE digest = ?"
    rows = [(code.created_ms, code.expires_ms, code.digest) for code in codes]
    connection.executemany(sql, rows)


def insert_revoked(connection: apsw.Connection, digests: Iterable[bytes]) -> None:
    """Remember codes that must not come back."""
    sql = "INSERT OR IGNORE INTO revoked (digest) VALUES (?)"
    connection.executemany(sql, [(digest,) for digest in digests])


def read_revoked(
    connection: apsw.Connection, limit: int | None = None
) -> frozenset[bytes]:
    """Read the codes that were deleted; none where the schema is older than that.

    Args:
        connection: The database.
        limit: Most of them; ``None`` is all.
    """
    has_table = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'revoked'"
    ).get
    if not has_table:
        return frozenset()
    sql = "SELECT digest FROM revoked LIMIT ?"
    rows = connection.execute(sql, (-1 if limit is None else limit,))
    return frozenset(digest for (digest,) in rows)


def read_cursors(connection: apsw.Connection, room: str) -> dict[str, int]:
    """Read the cursors of a room by folded peer."""
    return dict(
        connection.execute("SELECT peer, seq FROM cursors WHERE room = ?", (room,))
    )


def save_cursors(
    connection: apsw.Connection, cursors: Mapping[tuple[str, str], int]
) -> None:
    """Store the cursors of peers that hold a code; others have none to keep."""
    connection.executemany(
        """
        INSERT OR REPLACE INTO cursors (room, peer, seq)
        SELECT :room, :peer, :seq
        WHERE EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :peer)
        """,
        [
            {"room": room, "peer": fold(peer), "seq": seq}
            for (room, peer), seq in cursors.items()
        ],
    )
