"""Live leases on claimed messages."""

from collections.abc import Iterable
from typing import Any

import apsw

from argybargy.domain.message import Message
from argybargy.domain.room.state import SavedLease
from argybargy.domain.room.writes import UpdateClaim
from argybargy.store.sqlite.tables.messages import COLUMNS, from_row


def update_claim(connection: apsw.Connection, room_id: int, write: UpdateClaim) -> None:
    """Store the claim on a message, and its lease while that is live."""
    connection.execute(
        """
        UPDATE messages SET claimed_by = ?, fence = ?, is_settled = ?
        WHERE room_id = ? AND seq = ?
        """,
        (write.claimed_by, write.fence, int(write.is_claim_final), room_id, write.seq),
    )
    lease = write.lease
    if lease is None:
        sql = "DELETE FROM claims WHERE room_id = ? AND seq = ?"
        connection.execute(sql, (room_id, write.seq))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)",
            (room_id, lease.seq, lease.holder, lease.fence, lease.seconds),
        )


def delete_claims_below(connection: apsw.Connection, room_id: int, seq: int) -> None:
    """Delete the leases on messages below `seq`."""
    sql = "DELETE FROM claims WHERE room_id = ? AND seq < ?"
    connection.execute(sql, (room_id, seq))


def read_leases(connection: apsw.Connection, room_id: int) -> tuple[SavedLease, ...]:
    """Read the live leases of a room, by seq."""
    sql = """
        SELECT seq, holder, fence, seconds
        FROM claims WHERE room_id = ? ORDER BY seq
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id,))
    return tuple(SavedLease(*row) for row in rows)


def read_claimed(connection: apsw.Connection, room_id: int) -> tuple[Message, ...]:
    """Read the messages with a live lease, by seq."""
    sql = f"""
        SELECT {COLUMNS} FROM claims JOIN messages USING (room_id, seq)
        WHERE claims.room_id = ? ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(from_row, connection.execute(sql, (room_id,))))
