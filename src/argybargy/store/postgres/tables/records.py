"""Records of the operator: sessions, notices and the audit log."""

from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import RoomKey
from argybargy.domain.notifications import EventKey, EventKind, Notice
from argybargy.domain.room.writes import Audit
from argybargy.domain.sessions import SessionRecord
from argybargy.store.postgres.connection import Connection
from argybargy.store.protocol import AuditRow

# -- sessions ----------------------------------------------------------------------

_SESSION: Final = "digest, address, device, created_ms, expires_ms, used_ms, token_mark"


def read_sessions(connection: Connection) -> tuple[SessionRecord, ...]:
    """Read every session, oldest first."""
    sql = f"SELECT {_SESSION} FROM sessions ORDER BY id"  # noqa: S608 - constants
    return tuple(
        SessionRecord(bytes(digest), *rest) for digest, *rest in connection.execute(sql)
    )


def insert_session(connection: Connection, session: SessionRecord) -> None:
    """Store a new session."""
    values = (
        *(session.digest, session.address, session.device, session.created_ms),
        *(session.expires_ms, session.used_ms, session.token_mark),
    )
    sql = f"INSERT INTO sessions ({_SESSION}) VALUES (%s, %s, %s, %s, %s, %s, %s)"  # noqa: S608
    connection.execute(sql, values)


def update_sessions(connection: Connection, sessions: Iterable[SessionRecord]) -> None:
    """Update the times of sessions; those that are not stored are ignored."""
    sql = """
        UPDATE sessions SET created_ms = %s, expires_ms = %s, used_ms = %s
        WHERE digest = %s
    """
    for each in sorted(sessions, key=lambda each: each.digest):
        values = (each.created_ms, each.expires_ms, each.used_ms, each.digest)
        connection.execute(sql, values)


def delete_sessions(connection: Connection, sessions: Iterable[SessionRecord]) -> None:
    """Delete sessions; those that are not stored are ignored."""
    sql = "DELETE FROM sessions WHERE digest = ANY(%s)"
    connection.execute(sql, ([session.digest for session in sessions],))


# -- notices -----------------------------------------------------------------------


def read_notices(connection: Connection) -> tuple[Notice, ...]:
    """Read all notices, oldest first."""
    rows = connection.execute(
        "SELECT id, kind, room, subject, at_ms, told_ms FROM notices ORDER BY at_ms, id"
    )
    return tuple(
        Notice(id_, EventKey(EventKind(kind), RoomKey(room), subject), at_ms, told_ms)
        for id_, kind, room, subject, at_ms, told_ms in rows
    )


def save_notices(connection: Connection, notices: Iterable[Notice]) -> None:
    """Store notices, in place of earlier ones with the same id or about the same."""
    for each in sorted(notices, key=lambda each: each.id):
        key = each.key
        about = (key.kind.value, key.room, key.subject)
        sql = """
            DELETE FROM notices
            WHERE id = %s OR (kind = %s AND room = %s AND subject = %s)
        """
        connection.execute(sql, (each.id, *about))
        sql = "INSERT INTO notices VALUES (%s, %s, %s, %s, %s, %s)"
        connection.execute(sql, (each.id, *about, each.at_ms, each.told_ms))


def delete_notices(connection: Connection, ids: Iterable[str]) -> None:
    """Delete notices; those that are not stored are ignored."""
    connection.execute("DELETE FROM notices WHERE id = ANY(%s)", (list(ids),))


# -- audit log ---------------------------------------------------------------------

_AUDIT: Final = "at_ms, action, actor, room, detail, tally"


def insert_audits(connection: Connection, audits: Iterable[Audit]) -> None:
    """Insert rows; a row with a tally replaces the row of the same tally."""
    sql = f"""
        INSERT INTO audit ({_AUDIT}) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (tally) WHERE tally <> '' DO UPDATE SET
        at_ms = excluded.at_ms, action = excluded.action, actor = excluded.actor,
        room = excluded.room, detail = excluded.detail
    """  # noqa: S608 - constants
    for audit in audits:
        connection.execute(sql, attrs.astuple(audit))


def insert_missing_audits(
    connection: Connection, audits: Iterable[Audit]
) -> frozenset[str]:
    """Insert rows whose tally is not in the log yet; return the inserted tallies."""
    sql = f"""
        INSERT INTO audit ({_AUDIT}) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (tally) WHERE tally <> '' DO NOTHING
    """  # noqa: S608 - constants
    return frozenset(
        audit.tally
        for audit in audits
        if connection.execute(sql, attrs.astuple(audit)).rowcount
    )


def read_tallies(connection: Connection, wanted: Iterable[str]) -> frozenset[str]:
    """Return the tallies of `wanted` that are in the log, which has no empty ones."""
    sql = "SELECT tally FROM audit WHERE tally = ANY(%s) AND tally <> ''"
    return frozenset(tally for (tally,) in connection.execute(sql, (list(wanted),)))


def read_audit(
    connection: Connection, limit: int, before: int | None
) -> tuple[AuditRow, ...]:
    """Read the newest rows below the id `before`, oldest first."""
    sql = f"SELECT id, {_AUDIT} FROM audit WHERE id < %s ORDER BY id DESC LIMIT %s"  # noqa: S608
    newest = MAX_SEQ if before is None else before
    rows = connection.execute(sql, (newest, limit)).fetchall()
    return tuple(AuditRow(id_, Audit(*row)) for id_, *row in reversed(rows))
