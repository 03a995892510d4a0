"""The database of the first Argybargy, as it is read: nothing in it is changed.

Its tables are ``messages``, ``codes``, and in later versions ``rooms`` and ``audit``;
`_COLUMNS` says what is read of them. Numbers of messages are per room, from 1 up.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from argybargy.store.errors import Corrupt, Incompatible

FILE_NAME: Final = "argybargy.db"
_BUSY_MS: Final = 5_000
_ROW_BYTES: Final = 16 * 1024 * 1024
"""Longest row that is read: far longer than any that an import takes."""

_COLUMNS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "messages": {
        "room": None,
        "seq": None,
        "ts": None,
        "sender": None,
        "recipient": None,
        "text": None,
        "expects_reply": "'none'",
        "claimed_by": "NULL",
    },
    "codes": {
        "code": None,
        "display": None,
        "name": None,
        "room": None,
        "capabilities": "''",
        "created": None,
        "expires": "NULL",
    },
    "rooms": {"room": None, "status": None, "closed_at": "NULL", "closed_by": "NULL"},
    "audit": {
        "id": None,
        "ts": None,
        "action": None,
        "actor": "''",
        "room": "''",
        "detail": "''",
    },
}
"""What is read of each table; with what stands for it in versions that lack it."""
_NEEDED: Final = ("messages", "codes")


class _UnfitRowError(Exception):
    """A row lacks what every row of its kind has."""


def _text(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise _UnfitRowError(field.name)


def _text_or_none(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        _text(_, field, value)


def _number(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, int):
        raise _UnfitRowError(field.name)


@attrs.frozen
class OriginalMessage:
    """A message. `recipient` and `expects_reply` are whatever the sender wrote."""

    room: str = attrs.field(validator=_text)
    seq: int = attrs.field(validator=_number)
    ts: str = attrs.field(validator=_text)
    sender: str = attrs.field(validator=_text)
    recipient: str = attrs.field(validator=_text)
    text: str = attrs.field(validator=_text)
    expects_reply: str | None = attrs.field(validator=_text_or_none)
    claimed_by: str | None = attrs.field(validator=_text_or_none)


@attrs.frozen
class OriginalCode:
    """An access code, hashed as soon as it is read.

    Attributes:
        digest: SHA-256 of the code.
        name: Whom it speaks for.
        room: The room it opens.
        capabilities: What that peer can do.
        created: When it was issued.
        expires: When it ends, if it does.
    """

    digest: bytes = attrs.field(repr=False)
    name: str = attrs.field(validator=_text)
    room: str = attrs.field(validator=_text)
    capabilities: str | None = attrs.field(validator=_text_or_none)
    created: str = attrs.field(validator=_text)
    expires: str | None = attrs.field(validator=_text_or_none)


@attrs.frozen
class OriginalRoom:
    """A room whose status was ever set."""

    room: str = attrs.field(validator=_text)
    status: str = attrs.field(validator=_text)
    closed_at: str | None = attrs.field(validator=_text_or_none)
    closed_by: str | None = attrs.field(validator=_text_or_none)


@attrs.frozen
class OriginalAudit:
    """A row of the audit log. A revoked code may stand in its `detail`."""

    id: int = attrs.field(validator=_number)
    ts: str = attrs.field(validator=_text)
    action: str = attrs.field(validator=_text)
    actor: str = attrs.field(validator=_text)
    room: str = attrs.field(validator=_text)
    detail: str = attrs.field(repr=False, validator=_text)


@attrs.frozen
class Original:
    """All of it, in one snapshot.

    Attributes:
        messages: By room and number.
        codes: Oldest first.
        rooms: Those whose status was ever set.
        audits: The newest rows, oldest first.
    """

    messages: tuple[OriginalMessage, ...]
    codes: tuple[OriginalCode, ...]
    rooms: tuple[OriginalRoom, ...]
    audits: tuple[OriginalAudit, ...]


def read_original(path: Path, audit_rows: int) -> Original:
    """Read a database of the first Argybargy, also while that is running.

    Args:
        path: The database, or the directory that it is in.
        audit_rows: How many rows of the audit log to read, the newest.

    Raises:
        FileNotFoundError: There is none.
        Incompatible: It is another program's.
        Corrupt: It is no database, or a damaged one: perhaps a row lacks something.
    """
    if path.is_dir():
        path /= FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        connection = _open(path)
        try:
            connection.execute("BEGIN")
            return _read(connection, path, audit_rows)
        finally:
            connection.close()
    except _UnfitRowError as error:
        raise Corrupt(f"{path} is damaged: a row has no fit '{error}'.") from None
    except UnicodeDecodeError:
        raise Corrupt(f"{path} is damaged: a text is not UTF-8.") from None
    except apsw.TooBigError:
        raise Corrupt(f"{path} has a row of over {_ROW_BYTES} bytes.") from None
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Corrupt(f"{path} is not a whole SQLite database: {error}") from error


def _open(path: Path) -> apsw.Connection:
    """Open a database so that not even a file beside it comes or goes.

    Where there is a log, somebody uses the database or was killed using it: then it
    is read with its log. Where there is none, it is read as it is.
    """
    has_log = path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro" if has_log else "mode=ro&immutable=1"
    connection = apsw.Connection(
        f"{path.absolute().as_uri()}?{mode}",
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
    )
    connection.set_busy_timeout(_BUSY_MS)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, _ROW_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF").fetchall()
    return connection


def _read(connection: apsw.Connection, path: Path, audit_rows: int) -> Original:
    columns = {table: _select(connection, table) for table in _COLUMNS}
    if not all(columns[table] for table in _NEEDED):
        raise Incompatible(f"{path} is not a database of the first Argybargy.")
    codes = _rows(connection, columns["codes"], "codes ORDER BY rowid")
    newest = f"audit ORDER BY id DESC LIMIT {audit_rows:d}"
    audits = list(_rows(connection, columns["audit"], newest))
    return Original(
        messages=tuple(
            OriginalMessage(*row)
            for row in _rows(
                connection, columns["messages"], "messages ORDER BY room, seq"
            )
        ),
        codes=tuple(
            OriginalCode(_digest(code, display), *rest)
            for code, display, *rest in codes
        ),
        rooms=tuple(
            OriginalRoom(*row)
            for row in _rows(connection, columns["rooms"], "rooms ORDER BY room")
        ),
        audits=tuple(
            OriginalAudit(number, *(text or "" for text in rest))
            for number, *rest in reversed(audits)
        ),
    )


def _select(connection: apsw.Connection, table: str) -> str | None:
    """Return what to select of a table; ``None`` if it is not the one we know.

    A view does not count: reading one may take for ever.
    """
    rows: list[Any] = connection.execute(
        """
        SELECT columns.name
        FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name = ?
        """,
        (table,),
    ).fetchall()
    there = {name for (name,) in rows}
    known = _COLUMNS[table]
    if any(name not in there and default is None for name, default in known.items()):
        return None
    return ", ".join(
        name if name in there else str(default) for name, default in known.items()
    )


def _rows(
    connection: apsw.Connection, columns: str | None, source: str
) -> Iterable[Any]:
    if columns is None:
        return ()
    return connection.execute(f"SELECT {columns} FROM {source}")  # noqa: S608 - constants


def _digest(code: object, display: object) -> bytes:
    """Return the digest of a code, which may be stored hashed already.

    Only a hashed one is displayed otherwise than it is stored.
    """
    if not isinstance(code, str):
        raise _UnfitRowError("code")
    if display != code:
        try:
            digest = bytes.fromhex(code)
        except ValueError:
            digest = b""
        if len(digest) == hashlib.sha256().digest_size:
            return digest
    return hashlib.sha256(code.encode()).digest()
