"""Reader for the database of the original Argybargy; read-only.

Its tables are ``messages``, ``codes``, and in later versions ``rooms`` and ``audit``;
`_COLUMNS` lists the columns read. Seqs are per room, starting at 1.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from argybargy.store.errors import Corrupt, Incompatible
from argybargy.system.values import frozen

FILE_NAME: Final = "argybargy.db"
_BUSY_MS: Final = 5_000
_ROW_BYTES: Final = 16 * 1024 * 1024
"""Longest row read; an import accepts far less."""

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
"""Columns read, by table, each with the SQL default for versions that lack the column;
``None`` for columns that every version has."""
_NEEDED: Final = ("messages", "codes")


class _InvalidRowError(Exception):
    """A column has a value of the wrong type."""


def _text(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str):
        raise _InvalidRowError(field.name)


def _text_or_none(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        _text(_, field, value)


def _number(_: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, int):
        raise _InvalidRowError(field.name)


@frozen
class OriginalMessage:
    """A message; `recipient` and `expects_reply` are the sender's unvalidated input."""

    room: str = attrs.field(validator=_text)
    seq: int = attrs.field(validator=_number)
    ts: str = attrs.field(validator=_text)
    sender: str = attrs.field(validator=_text)
    recipient: str = attrs.field(validator=_text)
    text: str = attrs.field(validator=_text)
    expects_reply: str | None = attrs.field(validator=_text_or_none)
    claimed_by: str | None = attrs.field(validator=_text_or_none)


@frozen
class OriginalCode:
    """An access code, hashed as soon as it is read.

    Attributes:
        digest: SHA-256 of the code.
        name: Name of the peer.
        room: Name of the room.
        capabilities: The peer's description of itself.
        created: Time of issue, as text.
        expires: Expiry time, as text; ``None`` for a code without one.
    """

    digest: bytes = attrs.field(repr=False)
    name: str = attrs.field(validator=_text)
    room: str = attrs.field(validator=_text)
    capabilities: str | None = attrs.field(validator=_text_or_none)
    created: str = attrs.field(validator=_text)
    expires: str | None = attrs.field(validator=_text_or_none)


@frozen
class OriginalRoom:
    """A room with a recorded status; rooms that were never closed have no row."""

    room: str = attrs.field(validator=_text)
    status: str = attrs.field(validator=_text)
    closed_at: str | None = attrs.field(validator=_text_or_none)
    closed_by: str | None = attrs.field(validator=_text_or_none)


@frozen
class OriginalAudit:
    """A row of the audit log; its `detail` may contain a revoked code."""

    id: int = attrs.field(validator=_number)
    ts: str = attrs.field(validator=_text)
    action: str = attrs.field(validator=_text)
    actor: str = attrs.field(validator=_text)
    room: str = attrs.field(validator=_text)
    detail: str = attrs.field(repr=False, validator=_text)


@frozen
class Original:
    """Content of the database, read in one snapshot.

    Attributes:
        messages: By room and seq.
        codes: Oldest first.
        rooms: Rooms with a recorded status.
        audits: The newest rows, oldest first.
    """

    messages: tuple[OriginalMessage, ...]
    codes: tuple[OriginalCode, ...]
    rooms: tuple[OriginalRoom, ...]
    audits: tuple[OriginalAudit, ...]


def read_original(path: Path, audit_rows: int) -> Original:
    """Read a database of the original Argybargy, which may be running.

    Args:
        path: The database, or its directory.
        audit_rows: Maximum number of audit rows; the newest are read.

    Raises:
        FileNotFoundError: There is no such file.
        Incompatible: The database is of another program.
        Corrupt: The file is no database, is damaged, or has a row of the wrong form.
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
    except _InvalidRowError as error:
        raise Corrupt(f"{path} is damaged: a row has no fit '{error}'.") from None
    except UnicodeDecodeError:
        raise Corrupt(f"{path} is damaged: a text is not UTF-8.") from None
    except apsw.TooBigError:
        raise Corrupt(f"{path} has a row of over {_ROW_BYTES} bytes.") from None
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Corrupt(f"{path} is not a whole SQLite database: {error}") from error


def _open(path: Path) -> apsw.Connection:
    """Open a database read-only, without creating or deleting files beside it.

    If there is a write-ahead log, its content must be read too, and SQLite needs the
    shared-memory file for that. Otherwise ``immutable`` makes SQLite skip both.
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
        raise Incompatible(f"{path} is not a database of the original Argybargy.")
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
    """Return the select list for a table; ``None`` if a required column is missing.

    Views are ignored: evaluating a foreign one may never end.
    """
    rows: list[Any] = connection.execute(
        """
        SELECT columns.name
        FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name = ?
        """,
        (table,),
    ).fetchall()
    present = {name for (name,) in rows}
    wanted = _COLUMNS[table].items()
    if any(name not in present and default is None for name, default in wanted):
        return None
    return ", ".join(
        name if name in present else str(default) for name, default in wanted
    )


def _rows(
    connection: apsw.Connection, columns: str | None, source: str
) -> Iterable[Any]:
    if columns is None:
        return ()
    return connection.execute(f"SELECT {columns} FROM {source}")  # noqa: S608 - constants


def _digest(code: object, display: object) -> bytes:
    """Return the SHA-256 of a code, which some versions store hashed already.

    A code is hashed if its display form differs from the stored form.
    """
    if not isinstance(code, str):
        raise _InvalidRowError("code")
    if display != code:
        try:
            digest = bytes.fromhex(code)
        except ValueError:
            digest = b""
        if len(digest) == hashlib.sha256().digest_size:
            return digest
    return hashlib.sha256(code.encode()).digest()
