"""The audit log."""

from collections.abc import Iterable
from typing import Final

import apsw
import attrs

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.room.writes import Audit
from argybargy.store.protocol import AuditRow

_COLUMNS: Final = "at_ms, action, actor, room, detail, tally"


def insert_audits(connection: apsw.Connection, audits: Iterable[Audit]) -> None:
    """Insert rows; a row with a tally replaces the row of the same tally."""
    sql = f"""
        INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (tally) WHERE tally <> '' DO UPDATE SET
        at_ms = excluded.at_ms, action = excluded.action, actor = excluded.actor,
        room = excluded.room, detail = excluded.detail
    """  # noqa: S608 - constants
    connection.executemany(sql, [attrs.astuple(audit) for audit in audits])


def insert_missing_audits(
    connection: apsw.Connection, audits: Iterable[Audit]
) -> frozenset[str]:
    """Insert rows whose tally is not in the log yet; return the inserted tallies."""
    sql = f"""
        INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (tally) WHERE tally <> '' DO NOTHING
    """  # noqa: S608 - constants
    new = set()
    for audit in audits:
        connection.execute(sql, attrs.astuple(audit))
        if connection.changes():
            new.add(audit.tally)
    return frozenset(new)


def read_tallies(connection: apsw.Connection, wanted: Iterable[str]) -> frozenset[str]:
    """Return the tallies of `wanted` that are in the log, which has no empty ones."""
    sql = "SELECT 1 FROM audit WHERE tally = ? AND tally <> ''"
    return frozenset(
        tally for tally in wanted if connection.execute(sql, (tally,)).get is not None
    )


def cut_audit(connection: apsw.Connection, keep: int, rows: int) -> int:
    """Delete up to `rows` of the oldest rows beyond the newest `keep`.

    Ids have no gaps, so the difference of two ids counts rows.

    Returns:
        The number of deleted rows.
    """
    sql = """
        DELETE FROM audit WHERE id IN (
            SELECT id FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?
            ORDER BY id LIMIT ?
        )
    """
    connection.execute(sql, (keep, rows))
    return connection.changes()


def read_audit(
    connection: apsw.Connection, limit: int, before: int | None
) -> tuple[AuditRow, ...]:
    """Read the newest rows below the id `before`, oldest first."""
    sql = f"""
        SELECT id, {_COLUMNS} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?
    """  # noqa: S608 - constants
    newest = MAX_SEQ if before is None else before
    rows = connection.execute(sql, (newest, limit)).fetchall()
    return tuple(AuditRow(id, Audit(*row)) for id, *row in reversed(rows))  # noqa: A001
