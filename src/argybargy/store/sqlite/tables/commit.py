"""What a commit writes: one function for each kind of write."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw

from argybargy.domain.message import SenderKind
from argybargy.domain.room.commands import GiveUp
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import (
    AppendMessage,
    Audit,
    CloseQuestion,
    ForgetMember,
    KeepReceipt,
    OpenQuestion,
    UpdateClaim,
    Write,
)
from argybargy.store.errors import Conflict
from argybargy.store.sqlite.tables.addressees import insert_addressees
from argybargy.store.sqlite.tables.audit import insert_audits
from argybargy.store.sqlite.tables.messages import NAMES, to_row
from argybargy.store.sqlite.tables.receipts import keep_receipt
from argybargy.store.sqlite.tables.rooms import encode_seq_gaps


def commit_room(
    connection: apsw.Connection,
    room: Room,
    expected_version: int,
    writes: Sequence[Write],
) -> None:
    """Apply one batch of decisions to a room.

    Raises:
        Conflict: The room is not at `expected_version`.
    """
    if expected_version == 0:
        room_id = _insert_room(connection, room)
    else:
        room_id = _update_room(connection, room, expected_version)
    for write in writes:
        _APPLY[type(write)](connection, room_id, write)
    if room.first > 1:
        _forget_retained(connection, room_id, room.first)


def _counters(room: Room) -> dict[str, Any]:
    return {
        "name": room.name,
        "head": room.head,
        "first": room.first,
        "fence": room.fence,
        "closed_at_ms": room.status.closed_at_ms,
        "closed_by": room.status.closed_by,
        "created_ms": room.created_ms,
        "last_ms": room.last_ms,
        "spoken_ms": room.last_spoken_ms,
        "holes": encode_seq_gaps(room.seq_gaps),
    }


def _insert_room(connection: apsw.Connection, room: Room) -> int:
    sql = """
        INSERT INTO rooms (name, version, head, first, fence, closed_at_ms, closed_by,
                           created_ms, last_ms, spoken_ms, holes)
        VALUES (:name, 1, :head, :first, :fence, :closed_at_ms, :closed_by,
                :created_ms, :last_ms, :spoken_ms, :holes)
        ON CONFLICT DO NOTHING RETURNING id
    """
    return _id_of(connection.execute(sql, _counters(room)).get, room)


def _update_room(connection: apsw.Connection, room: Room, expected: int) -> int:
    sql = """
        UPDATE rooms SET version = version + 1, head = :head, first = :first,
            fence = :fence, closed_at_ms = :closed_at_ms, closed_by = :closed_by,
            last_ms = :last_ms, spoken_ms = :spoken_ms, holes = :holes
        WHERE name = :name AND version = :expected RETURNING id
    """
    values = _counters(room) | {"expected": expected}
    return _id_of(connection.execute(sql, values).get, room)


def _id_of(room_id: int | None, room: Room) -> int:
    if room_id is None:
        raise Conflict(f"somebody else has committed to the room {room.name}")
    return room_id


def _append_message(
    connection: apsw.Connection, room_id: int, write: AppendMessage
) -> None:
    message = write.message
    connection.execute(_INSERT_MESSAGE, (room_id, *to_row(message)))
    insert_addressees(connection, room_id, message)
    if message.kind is not SenderKind.SYSTEM:
        connection.execute(
            """
            INSERT INTO members VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET kind = excluded.kind,
                last_seq = excluded.last_seq, last_ms = excluded.last_ms
            """,
            (
                room_id,
                message.sender_key,
                message.sender,
                message.kind.value,
                message.seq,
                message.at_ms,
            ),
        )


_INSERT_MESSAGE: Final = (
    f"INSERT INTO messages (room_id, {', '.join(NAMES)}) "  # noqa: S608 - constants
    f"VALUES (?{', ?' * len(NAMES)})"
)


def _update_claim(
    connection: apsw.Connection, room_id: int, write: UpdateClaim
) -> None:
    connection.execute(
        """
        UPDATE messages SET claimed_by = ?, fence = ?, is_settled = ?
        WHERE room_id = ? AND seq = ?
        """,
        (write.claimed_by, write.fence, int(write.is_claim_final), room_id, write.seq),
    )
    if write.lease is None:
        sql = "DELETE FROM claims WHERE room_id = ? AND seq = ?"
        connection.execute(sql, (room_id, write.seq))
        return
    lease = write.lease
    connection.execute(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)",
        (room_id, lease.seq, lease.holder, lease.fence, lease.seconds),
    )


def _open_question(
    connection: apsw.Connection, room_id: int, write: OpenQuestion
) -> None:
    question = write.question
    connection.execute(
        "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?)",
        (room_id, question.seq, question.asker, question.expects),
    )


def _close_question(
    connection: apsw.Connection, room_id: int, write: CloseQuestion
) -> None:
    sql = "DELETE FROM questions WHERE room_id = ? AND seq = ?"
    connection.execute(sql, (room_id, write.seq))


def _forget_member(
    connection: apsw.Connection, room_id: int, write: ForgetMember
) -> None:
    sql = "DELETE FROM members WHERE room_id = ? AND peer = ?"
    connection.execute(sql, (room_id, write.peer))


def _leave_to_counters(
    _connection: apsw.Connection, _room_id: int, _write: GiveUp
) -> None:
    """The oldest number kept is stored with the other counters."""


def _audit(connection: apsw.Connection, _room_id: int, write: Audit) -> None:
    insert_audits(connection, [write])


_APPLY: Final[dict[type[Any], Callable[[apsw.Connection, int, Any], None]]] = {
    AppendMessage: _append_message,
    UpdateClaim: _update_claim,
    OpenQuestion: _open_question,
    CloseQuestion: _close_question,
    KeepReceipt: keep_receipt,
    ForgetMember: _forget_member,
    GiveUp: _leave_to_counters,
    Audit: _audit,
}


def _forget_retained(connection: apsw.Connection, room_id: int, first: int) -> None:
    """Drop claims and questions below the oldest message kept, as the room did."""
    for table in ("claims", "questions"):
        sql = f"DELETE FROM {table} WHERE room_id = ? AND seq < ?"  # noqa: S608
        connection.execute(sql, (room_id, first))
