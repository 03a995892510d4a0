"""Rooms as they are read: one whole, or all at a glance."""

from collections.abc import Iterable
from typing import Any

import apsw
import msgspec

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.message import Member, Message, Question, SenderKind
from argybargy.domain.names import PeerKey, fold
from argybargy.domain.room.state import RoomStatus, SavedLease, SavedRoom
from argybargy.domain.seq_gaps import SeqGap, present_seqs
from argybargy.store.protocol import RoomSummary, StoredOverview
from argybargy.store.sqlite.tables.messages import COLUMNS, audience_of, from_row
from argybargy.store.sqlite.tables.receipts import read_receipts


def encode_seq_gaps(seq_gaps: Iterable[SeqGap]) -> str:
    """Return holes as a column holds them: a JSON array of pairs."""
    return msgspec.json.encode([(hole.first, hole.last) for hole in seq_gaps]).decode()


def decode_seq_gaps(column: str) -> tuple[SeqGap, ...]:
    """Make the holes that :func:`encode_seq_gaps` made a column of."""
    if column == "[]":
        return ()
    pairs = msgspec.json.decode(column, type=list[tuple[int, int]])
    return tuple(SeqGap(first, last) for first, last in pairs)


def load_room(
    connection: apsw.Connection, name: str, tail_messages: int
) -> SavedRoom | None:
    """Read a room with its newest messages.

    Raises:
        ValueError: It cannot be as the relay has written it.
    """
    sql = """
        SELECT id, name, closed_at_ms, closed_by, version, head, first, fence,
               created_ms, last_ms, spoken_ms, holes FROM rooms WHERE name = ?
    """
    row = connection.execute(sql, (name,)).fetchone()
    if row is None:
        return None
    room_id, name, closed_at_ms, closed_by, *counters = row
    version, head, first, fence, created_ms, last_ms, last_spoken_ms, seq_gaps = (
        counters
    )
    oldest, left_out = max(first, head - tail_messages + 1), decode_seq_gaps(seq_gaps)
    if not 0 <= first - 1 <= head <= MAX_SEQ:
        raise ValueError(f"the room {name} has messages {first} to {head}")
    tail = _tail(connection, room_id, oldest)
    # Whatever goes through the numbers of a room takes it that each has a message.
    if [each.seq for each in tail] != list(present_seqs(oldest, head + 1, left_out)):
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
        claimed=_claimed(connection, room_id),
        leases=_leases(connection, room_id),
        questions=_questions(connection, room_id),
        receipts=read_receipts(connection, room_id),
        members=_members(connection, room_id),
        seq_gaps=left_out,
    )


def _tail(
    connection: apsw.Connection, room_id: int, oldest: int
) -> tuple[Message, ...]:
    sql = f"""
        SELECT {COLUMNS} FROM messages WHERE room_id = ? AND seq >= ? ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(from_row, connection.execute(sql, (room_id, oldest))))


def _claimed(connection: apsw.Connection, room_id: int) -> tuple[Message, ...]:
    sql = f"""
        SELECT {COLUMNS} FROM claims JOIN messages USING (room_id, seq)
        WHERE claims.room_id = ? ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(from_row, connection.execute(sql, (room_id,))))


def _leases(connection: apsw.Connection, room_id: int) -> tuple[SavedLease, ...]:
    sql = """
        SELECT seq, holder, fence, seconds
        FROM claims WHERE room_id = ? ORDER BY seq
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id,))
    return tuple(
        SavedLease(seq, holder, fence, seconds) for seq, holder, fence, seconds in rows
    )


def _questions(connection: apsw.Connection, room_id: int) -> tuple[Question, ...]:
    sql = """
        SELECT seq, asker, questions.expects, recipients
        FROM questions JOIN messages USING (room_id, seq)
        WHERE room_id = ? ORDER BY seq
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id,))
    return tuple(
        Question(seq, asker, expects, audience_of(recipients))
        for seq, asker, expects, recipients in rows
    )


def _members(
    connection: apsw.Connection, room_id: int
) -> tuple[tuple[PeerKey, Member], ...]:
    sql = """
        SELECT peer, name, kind, last_seq, last_ms FROM members
        WHERE room_id = ? ORDER BY peer
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id,))
    return tuple(
        (peer, Member(name, SenderKind(kind), seq, ms))
        for peer, name, kind, seq, ms in rows
    )


def read_overview(connection: apsw.Connection) -> StoredOverview:
    """Read all rooms, their members and their unanswered questions."""
    sql = """
        SELECT id, name, closed_at_ms, closed_by, head, first, created_ms, last_ms,
               holes FROM rooms ORDER BY id
    """
    rows: list[Any] = connection.execute(sql).fetchall()
    rooms = tuple(_summary(*row[1:-1], seq_gaps=row[-1]) for row in rows)
    members = {
        fold(name): tuple(member for _, member in _members(connection, room_id))
        for room_id, name, *_ in rows
    }
    return StoredOverview(rooms, members, _all_questions(connection))


def _summary(
    name: str,
    closed_at_ms: int | None,
    closed_by: str | None,
    *counters: int,
    seq_gaps: str,
) -> RoomSummary:
    status = RoomStatus(name, closed_at_ms, closed_by)
    head, first, created_ms, last_ms = counters
    return RoomSummary(
        status, head, first, created_ms, last_ms, decode_seq_gaps(seq_gaps)
    )


def _all_questions(connection: apsw.Connection) -> tuple[tuple[str, Message], ...]:
    sql = f"""
        SELECT rooms.name, {COLUMNS}
        FROM questions JOIN messages USING (room_id, seq)
        JOIN rooms ON rooms.id = questions.room_id
        WHERE questions.seq >= rooms.first ORDER BY rooms.id, questions.seq
    """  # noqa: S608 - constants
    rows: Iterable[Any] = connection.execute(sql)
    return tuple((name, from_row(row)) for name, *row in rows)
