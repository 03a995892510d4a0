"""Rooms: counters and status, and the reads that put a room together."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import room_key
from argybargy.domain.room.state import Room, RoomStatus, SavedRoom
from argybargy.domain.seq_gaps import SeqGap, present_seqs
from argybargy.store.protocol import RoomSummary, StoredOverview
from argybargy.store.sqlite.tables.claims import read_claimed, read_leases
from argybargy.store.sqlite.tables.members import read_members
from argybargy.store.sqlite.tables.messages import read_tail
from argybargy.store.sqlite.tables.questions import read_all_questions, read_questions
from argybargy.store.sqlite.tables.receipts import read_receipts


def encode_seq_gaps(seq_gaps: Iterable[SeqGap]) -> str:
    """Encode the column `holes`: a JSON array of [first, last] pairs."""
    return msgspec.json.encode([(gap.first, gap.last) for gap in seq_gaps]).decode()


def decode_seq_gaps(column: str) -> tuple[SeqGap, ...]:
    """Decode the column `holes`."""
    if column == "[]":
        return ()
    pairs = msgspec.json.decode(column, type=list[tuple[int, int]])
    return tuple(SeqGap(first, last) for first, last in pairs)


def insert_room(connection: apsw.Connection, room: Room) -> int | None:
    """Insert a room at version 1; return its id, or ``None`` if the name is taken."""
    sql = """
        INSERT INTO rooms (name, version, head, first, fence, closed_at_ms, closed_by,
                           created_ms, last_ms, spoken_ms, holes, is_deleted)
        VALUES (:name, 1, :head, :first, :fence, :closed_at_ms, :closed_by,
                :created_ms, :last_ms, :spoken_ms, :holes, :is_deleted)
        ON CONFLICT DO NOTHING RETURNING id
    """
    room_id: int | None = connection.execute(sql, _columns(room)).get
    return room_id


def update_room(connection: apsw.Connection, room: Room, expected: int) -> int | None:
    """Update counters and status of a room and raise its version by one.

    A deleted room keeps its time of creation: a backup that has the room knows it by
    that time. A room created in its place gets its own spelling and time.

    Returns:
        Its id, or ``None`` if the stored version is not `expected`.
    """
    sql = """
        UPDATE rooms SET version = version + 1, head = :head, first = :first,
            fence = :fence, closed_at_ms = :closed_at_ms, closed_by = :closed_by,
            last_ms = :last_ms, spoken_ms = :spoken_ms, holes = :holes,
            name = iif(is_deleted, :name, name), is_deleted = :is_deleted,
            created_ms = iif(:is_deleted, created_ms, :created_ms)
        WHERE name = :name AND version = :expected RETURNING id
    """
    values = _columns(room) | {"expected": expected}
    room_id: int | None = connection.execute(sql, values).get
    return room_id


def count_spoken(connection: apsw.Connection, besides: int) -> int:
    """Count the rooms with messages, besides the one with an id."""
    sql = """
        SELECT count(*) FROM rooms
        WHERE id <> ? AND NOT is_deleted AND head >= first
    """
    found: int = connection.execute(sql, (besides,)).get
    return found


def _columns(room: Room) -> dict[str, Any]:
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
        "is_deleted": int(not room.exists),
    }


def load_room(
    connection: apsw.Connection, name: str, tail_messages: int
) -> SavedRoom | None:
    """Read the saved state of a room with its newest messages.

    Raises:
        ValueError: The rows contradict each other.
    """
    sql = """
        SELECT id, name, closed_at_ms, closed_by, is_deleted, cleared_to, version,
               head, first, fence, created_ms, last_ms, spoken_ms, holes
        FROM rooms WHERE name = ?
    """
    row = connection.execute(sql, (name,)).fetchone()
    if row is None:
        return None
    room_id, name, closed_at_ms, closed_by, is_deleted, cleared_to, *counters = row
    version, head, first, fence, created_ms, last_ms, last_spoken_ms, holes = counters
    oldest, seq_gaps = max(first, head - tail_messages + 1), decode_seq_gaps(holes)
    if not 0 <= first - 1 <= head <= MAX_SEQ:
        raise ValueError(f"the room {name} has messages {first} to {head}")
    tail = read_tail(connection, room_id, oldest)
    # The room indexes its tail by seq and relies on a message for each but the gaps.
    if [each.seq for each in tail] != list(present_seqs(oldest, head + 1, seq_gaps)):
        raise ValueError(f"the room {name} lacks messages from {oldest} to {head}")
    return SavedRoom(
        status=RoomStatus(name, closed_at_ms, closed_by),
        version=version,
        head=head,
        first=first,
        fence=fence,
        created_ms=created_ms,
        last_ms=last_ms,
        last_spoken_ms=last_spoken_ms,
        messages=tail,
        claimed=read_claimed(connection, room_id),
        leases=read_leases(connection, room_id),
        questions=read_questions(connection, room_id),
        receipts=read_receipts(connection, room_id, cleared_to),
        members=read_members(connection, room_id, cleared_to),
        seq_gaps=seq_gaps,
        is_deleted=bool(is_deleted),
    )


def read_overview(connection: apsw.Connection) -> StoredOverview:
    """Read all rooms, their members and their unanswered questions."""
    sql = """
        SELECT id, cleared_to, name, closed_at_ms, closed_by, head, first, created_ms,
               last_ms, holes, version
        FROM rooms WHERE NOT is_deleted ORDER BY id
    """
    rows: list[Any] = connection.execute(sql).fetchall()
    return StoredOverview(
        rooms=tuple(_summary(row[2:]) for row in rows),
        members={
            room_key(name): tuple(
                member for _, member in read_members(connection, room_id, cleared_to)
            )
            for room_id, cleared_to, name, *_ in rows
        },
        questions=read_all_questions(connection),
    )


def _summary(row: Sequence[Any]) -> RoomSummary:
    name, closed_at_ms, closed_by, head, first, *times, holes, version = row
    created_ms, last_ms = times
    return RoomSummary(
        RoomStatus(name, closed_at_ms, closed_by),
        head,
        first,
        created_ms,
        last_ms,
        decode_seq_gaps(holes),
        version=version,
    )


def read_versions(connection: apsw.Connection, names: Iterable[str]) -> tuple[int, ...]:
    """Read the versions of rooms; 0 stands for a room that does not exist."""
    sql = "SELECT version FROM rooms WHERE name = ?"
    return tuple(connection.execute(sql, (name,)).get or 0 for name in names)
