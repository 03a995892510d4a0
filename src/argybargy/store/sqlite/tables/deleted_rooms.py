"""Deleted rooms: what is deleted at once, and what is deleted later in pieces.

The commit that deletes a room hides its messages (see `rooms.first`) and deletes its
codes and cursors, so that nobody reads the room any more. The rows of messages,
receipts and members follow in bounded transactions; `is_clearing` is durable, so that
the next start of the relay continues after a crash.
"""

from typing import Any, Final

import apsw
import attrs

from argybargy.domain.room.writes import ClearRoom
from argybargy.system.values import frozen

_REVOKE_CODES: Final = """
INSERT OR IGNORE INTO revoked (digest)
SELECT digest FROM codes WHERE room = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_CODES: Final = """
DELETE FROM codes WHERE room = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_CURSORS: Final = """
DELETE FROM cursors WHERE room = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_HOOKS: Final = """
DELETE FROM wake_hooks WHERE room = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_INVITES: Final = """
DELETE FROM invites
WHERE room COLLATE NOCASE = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_NOTICES: Final = """
DELETE FROM notices WHERE room = (SELECT name FROM rooms WHERE id = ?)
"""
_DELETE_ACCESS: Final = (
    *(_REVOKE_CODES, _DELETE_CODES, _DELETE_CURSORS, _DELETE_HOOKS),
    *(_DELETE_INVITES, _DELETE_NOTICES),
)
_DELETE_RECEIPTS: Final = """
DELETE FROM receipts WHERE id IN (
    SELECT id FROM receipts WHERE room_id = :room_id AND seq <= :cleared_to LIMIT :rows
)
"""
_DELETE_MEMBERS: Final = """
DELETE FROM members WHERE room_id = :room_id AND peer IN (
    SELECT peer FROM members
    WHERE room_id = :room_id AND last_seq <= :cleared_to LIMIT :rows
)
"""


@frozen
class ClearingRoom:
    """A deleted room with rows that are still to be deleted.

    Attributes:
        room_id: Primary key of the room.
        cleared_to: The newest seq of the deleted room; a room created in its place
            has higher ones.
    """

    room_id: int
    cleared_to: int


def clear_room(connection: apsw.Connection, room_id: int, write: ClearRoom) -> None:
    """Delete the access to a room, and mark its other rows as deleted.

    Its access is all codes, cursors, hooks and invites, and the notices about it.
    """
    for sql in _DELETE_ACCESS:
        connection.execute(sql, (room_id,))
    sql = "UPDATE rooms SET cleared_to = ?, is_clearing = 1 WHERE id = ?"
    connection.execute(sql, (write.head, room_id))


def find_clearing(connection: apsw.Connection) -> ClearingRoom | None:
    """Return the next room with rows to delete, if there is one."""
    sql = "SELECT id, cleared_to FROM rooms WHERE is_clearing ORDER BY id LIMIT 1"
    row: Any = connection.execute(sql).fetchone()
    return None if row is None else ClearingRoom(*row)


def delete_cleared_rows(
    connection: apsw.Connection, room: ClearingRoom, rows: int
) -> int:
    """Delete up to `rows` receipts and members of a deleted room; return the number."""
    values = attrs.asdict(room) | {"rows": rows}
    deleted = 0
    for sql in (_DELETE_RECEIPTS, _DELETE_MEMBERS):
        connection.execute(sql, values | {"rows": rows - deleted})
        deleted += connection.changes()
    return deleted


def finish_clearing(connection: apsw.Connection, room: ClearingRoom) -> None:
    """Note that nothing is left of a deleted room, unless it was deleted once more."""
    connection.execute(
        """
        UPDATE rooms SET is_clearing = 0
        WHERE id = :room_id AND cleared_to = :cleared_to AND NOT EXISTS (
            SELECT 1 FROM messages WHERE room_id = :room_id AND seq <= :cleared_to
        )
        """,
        attrs.asdict(room),
    )
