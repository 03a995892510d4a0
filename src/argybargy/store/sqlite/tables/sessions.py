"""Sessions of the dashboard, as digests."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import apsw

from argybargy.domain.sessions import DEVICE_CHARS, SessionRecord, is_token_mark
from argybargy.store.sqlite.column_rules import is_single_line

_COLUMNS: Final = "digest, address, device, created_ms, expires_ms, used_ms, token_mark"
_ADDRESS_CHARS: Final = 64
_DIGEST_BYTES: Final = 32


def read_sessions(connection: apsw.Connection) -> tuple[SessionRecord, ...]:
    """Read every session, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM sessions ORDER BY id"  # noqa: S608 - constants
    rows: list[Any] = connection.execute(sql).fetchall()
    return tuple(SessionRecord(*row) for row in rows)


def insert_session(connection: apsw.Connection, session: SessionRecord) -> None:
    """Store a new session."""
    connection.execute(
        f"INSERT INTO sessions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
        (
            session.digest,
            session.address,
            session.device,
            session.created_ms,
            session.expires_ms,
            session.used_ms,
            session.token_mark,
        ),
    ).fetchall()


def update_sessions(
    connection: apsw.Connection, sessions: Iterable[SessionRecord]
) -> None:
    """Update the times of sessions; those that are not stored are ignored."""
    connection.executemany(
        """
        UPDATE sessions SET created_ms = ?, expires_ms = ?, used_ms = ?
        WHERE digest = ?
        """,
        [
            (each.created_ms, each.expires_ms, each.used_ms, each.digest)
            for each in sessions
        ],
    )


def delete_sessions(
    connection: apsw.Connection, sessions: Iterable[SessionRecord]
) -> None:
    """Delete sessions; those that are not stored are ignored."""
    sql = "DELETE FROM sessions WHERE digest = ?"
    connection.executemany(sql, [(session.digest,) for session in sessions])


def delete_all_sessions(connection: apsw.Connection) -> None:
    """Delete every session of a restored backup, which may have ended since."""
    connection.execute("DELETE FROM sessions").fetchall()


def check_session(
    row: tuple[Any, ...], is_time: Callable[[int], bool], newest_ms: int
) -> tuple[tuple[bool, str], ...]:
    """Return for each column of a row whether it is valid, and the column in words.

    Args:
        row: The columns, in the order of the table.
        is_time: Whether a time is one that the relay may have stored.
        newest_ms: The newest time that can be formatted.
    """
    digest, address, device, created_ms, expires_ms, used_ms, token_mark = row
    return (
        (len(digest) == _DIGEST_BYTES, "the digest"),
        (is_single_line(address, _ADDRESS_CHARS), "the address"),
        (is_single_line(device, DEVICE_CHARS), "the device"),
        (
            is_time(created_ms)
            and created_ms <= used_ms <= expires_ms <= newest_ms
            and is_time(used_ms),
            "a time",
        ),
        (is_token_mark(token_mark), "the mark of the token"),
    )
