"""One-use invites, as digests."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import apsw

from argybargy.domain.access_codes import is_key_id
from argybargy.domain.durations import MAX_LIFETIME_SECONDS
from argybargy.domain.invites import InviteEnd, InviteRecord
from argybargy.domain.limits import Limits
from argybargy.domain.names import is_name, is_peer_name
from argybargy.store.errors import Conflict
from argybargy.store.sqlite.column_rules import is_single_line

_COLUMNS: Final = (
    "digest, room, name, capabilities, client, created_ms, expires_ms, code_seconds, "
    "end, ended_ms, code_key_id"
)
_END: Final = 8
"""Position of the column `end`."""
_DIGEST_BYTES: Final = 32
_CHARS: Final = Limits().capabilities_chars
_ENDS: Final = frozenset({None, *(end.value for end in InviteEnd)})
_SAVE: Final = f"""
INSERT INTO invites ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET created_ms = excluded.created_ms,
    expires_ms = excluded.expires_ms, end = excluded.end,
    ended_ms = excluded.ended_ms, code_key_id = excluded.code_key_id
"""  # noqa: S608 - constants


def read_invites(connection: apsw.Connection) -> tuple[InviteRecord, ...]:
    """Read every invite, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM invites ORDER BY id"  # noqa: S608 - constants
    rows: list[Any] = connection.execute(sql).fetchall()
    return tuple(_from_row(row) for row in rows)


def _from_row(row: Any) -> InviteRecord:  # noqa: ANN401 - a row of APSW
    fields = list(row)
    if fields[_END] is not None:
        fields[_END] = InviteEnd(fields[_END])
    return InviteRecord(*fields)


def save_invites(connection: apsw.Connection, invites: Iterable[InviteRecord]) -> None:
    """Store invites; of known ones, update the times and the end."""
    connection.executemany(_SAVE, [_to_row(invite) for invite in invites])


def _to_row(invite: InviteRecord) -> tuple[Any, ...]:
    return (
        invite.digest,
        invite.room,
        invite.name,
        invite.capabilities,
        invite.client,
        invite.created_ms,
        invite.expires_ms,
        invite.code_seconds,
        None if invite.end is None else invite.end.value,
        invite.ended_ms,
        invite.code_key_id,
    )


def use_invite(connection: apsw.Connection, invite: InviteRecord) -> None:
    """Store the use of an open invite.

    Raises:
        Conflict: The stored invite is not open, or there is none.
    """
    sql = "SELECT count(*) FROM invites WHERE digest = ? AND end IS NULL"
    if not connection.execute(sql, (invite.digest,)).get:
        raise Conflict("this invite has ended already")
    save_invites(connection, [invite])


def delete_invites(
    connection: apsw.Connection, invites: Iterable[InviteRecord]
) -> None:
    """Delete invites; a deleted one is unknown."""
    sql = "DELETE FROM invites WHERE digest = ?"
    connection.executemany(sql, [(invite.digest,) for invite in invites])


def delete_all_invites(connection: apsw.Connection) -> None:
    """Delete every invite of a restored backup, which may have ended since."""
    connection.execute("DELETE FROM invites").fetchall()


def invalid_invites(
    connection: apsw.Connection, is_time: Callable[[int], bool], newest_ms: int
) -> Iterator[tuple[str, str]]:
    """Yield the position of each invalid row, with the invalid field.

    Args:
        connection: The database.
        is_time: Whether a time is one that the relay may have stored.
        newest_ms: The newest time that can be formatted.
    """
    rows: Iterator[Any] = connection.execute(
        f"SELECT id, {_COLUMNS} FROM invites"  # noqa: S608 - constants
    )
    for row_id, *row in rows:
        digest, room, name, capabilities, client, *rest = row
        created_ms, expires_ms, code_seconds, end, ended_ms, code_key_id = rest
        said = (capabilities, client)
        checks = (
            (len(digest) == _DIGEST_BYTES, "the digest"),
            (is_name(room) and (name == "" or is_peer_name(name)), "a name"),
            (all(is_single_line(text, _CHARS) for text in said), "what is said of it"),
            (is_time(created_ms) and created_ms <= expires_ms <= newest_ms, "a time"),
            (_is_lifetime(code_seconds), "the lifetime of its code"),
            (end in _ENDS and (end is None) == (ended_ms is None), "its end"),
            (ended_ms is None or is_time(ended_ms), "the time of its end"),
            (code_key_id == "" or is_key_id(code_key_id), "the id of its code"),
        )
        yield from (
            (f"row {row_id}", field) for is_valid, field in checks if not is_valid
        )


def _is_lifetime(seconds: float | None) -> bool:
    return seconds is None or 0 < seconds <= MAX_LIFETIME_SECONDS
