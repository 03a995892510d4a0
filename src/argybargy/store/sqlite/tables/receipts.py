"""Receipts: the outcome of each request with an idempotency key."""

from collections.abc import Iterable
from typing import Any

import apsw

from argybargy.domain.limits import Limits
from argybargy.domain.message import Receipt
from argybargy.domain.names import PeerKey
from argybargy.domain.room.writes import KeepReceipt


def save_receipt(connection: apsw.Connection, room_id: int, write: KeepReceipt) -> None:
    """Store the receipt of an idempotency key."""
    receipt = write.receipt
    connection.execute(
        """
        INSERT OR REPLACE INTO receipts (room_id, peer, key, digest, seq, at_ms)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        (room_id, write.peer, write.key, receipt.digest, receipt.seq, receipt.at_ms),
    )


def read_receipts(
    connection: apsw.Connection, room_id: int, cleared_to: int
) -> tuple[tuple[tuple[PeerKey, str], Receipt], ...]:
    """Read the receipts of a room for messages after `cleared_to`, oldest first."""
    sql = """
        SELECT peer, key, digest, seq, at_ms FROM receipts
        WHERE room_id = ? AND seq > ? ORDER BY at_ms, seq
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id, cleared_to))
    return tuple(((peer, key), Receipt(*rest)) for peer, key, *rest in rows)


def sweep_receipts(connection: apsw.Connection, rows: int, limits: Limits) -> int:
    """Delete up to `rows` receipts past their retention.

    A receipt's age is relative to the newest one of its room: the store has no clock.

    Returns:
        The number of deleted rows.
    """
    connection.execute(
        """
        DELETE FROM receipts WHERE id IN (
            SELECT old.id FROM rooms CROSS JOIN receipts AS old
            ON old.room_id = rooms.id AND old.at_ms < max(
                (SELECT max(at_ms) FROM receipts WHERE room_id = rooms.id) - :age_ms,
                coalesce((SELECT at_ms FROM receipts WHERE room_id = rooms.id
                          ORDER BY at_ms DESC LIMIT 1 OFFSET :keep - 1), 0))
            LIMIT :rows
        )
        """,
        {
            "rows": rows,
            "keep": limits.idempotency_keys_per_room,
            "age_ms": limits.idempotency_seconds * 1000,
        },
    )
    return connection.changes()
