"""Deletion in pieces: rows past their retention, and what is left of deleted rooms.

Several nodes may do it at once: each piece skips the rows that another one holds.

It runs every two seconds and mostly finds nothing, so it must be cheap then. Left to
itself, the planner evaluates what is said of a room for each row of that room, or reads
all rows because it expects to find enough of them soon. So the queries look at each
room once, by an index.
"""

from typing import Final

from argybargy.domain.limits import Limits
from argybargy.store.postgres.connection import Connection

DELETE_MESSAGES: Final = """
WITH gone AS (
    SELECT old.id FROM rooms CROSS JOIN LATERAL (
        SELECT messages.id FROM messages
        WHERE room_id = rooms.id AND seq < rooms.first
        ORDER BY seq LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ) AS old
    WHERE rooms.first > 1 LIMIT %(rows)s
), deleted AS (
    DELETE FROM messages USING gone WHERE messages.id = gone.id
    RETURNING room_id, seq
), unaddressed AS (
    DELETE FROM addressees USING deleted
    WHERE addressees.room_id = deleted.room_id AND addressees.seq = deleted.seq
)
SELECT count(*) FROM deleted
"""
DELETE_RECEIPTS: Final = """
WITH newest AS MATERIALIZED (
    SELECT rooms.id, greatest(
        (SELECT max(at_ms) FROM receipts WHERE room_id = rooms.id) - %(age_ms)s,
        coalesce((SELECT at_ms FROM receipts WHERE room_id = rooms.id
                  ORDER BY at_ms DESC LIMIT 1 OFFSET %(keep)s - 1), 0)
    ) AS oldest_ms FROM rooms
), gone AS (
    SELECT old.room_id, old.peer, old.key FROM newest CROSS JOIN LATERAL (
        SELECT room_id, peer, key FROM receipts
        WHERE room_id = newest.id AND at_ms < oldest_ms
        ORDER BY at_ms LIMIT %(rows)s FOR UPDATE SKIP LOCKED
    ) AS old
    LIMIT %(rows)s
)
DELETE FROM receipts USING gone WHERE receipts.room_id = gone.room_id
    AND receipts.peer = gone.peer AND receipts.key = gone.key
"""
_CUT_AUDIT: Final = """
DELETE FROM audit WHERE id IN (
    SELECT id FROM audit
    WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET %s)
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
"""
_CLEARED: Final = (
    """
    DELETE FROM receipts USING rooms
    WHERE room_id = rooms.id AND is_clearing AND seq <= cleared_to
    """,
    """
    DELETE FROM members USING rooms
    WHERE room_id = rooms.id AND is_clearing AND last_seq <= cleared_to
    """,
    """
    DELETE FROM commits USING rooms
    WHERE room_id = rooms.id AND is_clearing AND commits.version <= cleared_version
    """,
    """
    UPDATE rooms SET is_clearing = false WHERE is_clearing AND NOT EXISTS (
        SELECT 1 FROM messages WHERE room_id = rooms.id AND seq <= cleared_to
    )
    """,
)


def sweep_messages(connection: Connection, rows: int) -> int:
    """Delete up to `rows` messages below `first` of their room; return the number."""
    row = connection.execute(DELETE_MESSAGES, {"rows": rows}).fetchone()
    return int(row[0]) if row else 0


def sweep_receipts(connection: Connection, rows: int, limits: Limits) -> int:
    """Delete up to `rows` receipts past their retention; return the number.

    A receipt's age is relative to the newest one of its room: the store has no clock.
    """
    values = {
        "rows": rows,
        "keep": limits.idempotency_keys_per_room,
        "age_ms": limits.idempotency_seconds * 1000,
    }
    return connection.execute(DELETE_RECEIPTS, values).rowcount


def cut_audit(connection: Connection, keep: int, rows: int) -> int:
    """Delete up to `rows` of the oldest rows beyond the newest `keep`."""
    return connection.execute(_CUT_AUDIT, (keep, rows)).rowcount


def finish_clearing(connection: Connection) -> None:
    """Delete receipts, members and commits of deleted rooms whose messages are gone."""
    for sql in _CLEARED:
        connection.execute(sql)


def has_clearing(connection: Connection) -> bool:
    """Tell whether a deleted room has rows that are still to be deleted."""
    sql = "SELECT EXISTS (SELECT 1 FROM rooms WHERE is_clearing)"
    row = connection.execute(sql).fetchone()
    return bool(row and row[0])
