"""Rooms: their state, commits, versions and the overview."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.message import Member, Message, Question, Receipt, SenderKind
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import ReceiptKey, RoomStatus, SavedLease, SavedRoom
from argybargy.domain.seq_gaps import present_seqs
from argybargy.store.postgres.connection import Connection
from argybargy.store.postgres.deltas import decode_commit
from argybargy.store.postgres.rows import COLUMNS, decode_gaps, to_message
from argybargy.store.protocol import RoomSummary, StoredOverview

_ROOM: Final = """
SELECT id, name, closed_at_ms, closed_by, is_deleted, cleared_to, version, head, first,
    fence, created_ms, last_ms, spoken_ms, gaps
FROM rooms WHERE key = %s
"""


def load_room(
    connection: Connection, name: str, tail_messages: int
) -> SavedRoom | None:
    """Read the saved state of a room with its newest messages.

    Raises:
        ValueError: The rows contradict each other.
    """
    row = connection.execute(_ROOM, (room_key(name),)).fetchone()
    if row is None:
        return None
    room_id, name, closed_at_ms, closed_by, is_deleted, cleared_to, *counters = row
    version, head, first, fence, created_ms, last_ms, spoken_ms, gaps = counters
    oldest, seq_gaps = max(first, head - tail_messages + 1), decode_gaps(gaps)
    if not 0 <= first - 1 <= head <= MAX_SEQ:
        raise ValueError(f"the room {name} has messages {first} to {head}")
    tail = _read_tail(connection, room_id, oldest)
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
        last_spoken_ms=spoken_ms,
        messages=tail,
        claimed=_read_claimed(connection, room_id),
        leases=_read_leases(connection, room_id),
        questions=_read_questions(connection, room_id),
        receipts=_read_receipts(connection, room_id, cleared_to),
        members=_read_members(connection, room_id, cleared_to),
        seq_gaps=seq_gaps,
        is_deleted=is_deleted,
    )


def _read_tail(
    connection: Connection, room_id: int, oldest: int
) -> tuple[Message, ...]:
    sql = f"""
        SELECT {COLUMNS} FROM messages WHERE room_id = %s AND seq >= %s ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(to_message, connection.execute(sql, (room_id, oldest))))


def _read_claimed(connection: Connection, room_id: int) -> tuple[Message, ...]:
    sql = f"""
        SELECT {COLUMNS} FROM claims JOIN messages USING (room_id, seq)
        WHERE room_id = %s ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(to_message, connection.execute(sql, (room_id,))))


def _read_leases(connection: Connection, room_id: int) -> tuple[SavedLease, ...]:
    sql = """
        SELECT seq, holder, fence, seconds, expires_ms
        FROM claims WHERE room_id = %s ORDER BY seq
    """
    return tuple(SavedLease(*row) for row in connection.execute(sql, (room_id,)))


def _read_questions(connection: Connection, room_id: int) -> tuple[Question, ...]:
    sql = """
        SELECT seq, questions.asker, questions.expects, is_to_all, recipients
        FROM questions JOIN messages USING (room_id, seq)
        WHERE room_id = %s ORDER BY seq
    """
    return tuple(
        Question(
            *(seq, asker, expects),
            None if is_to_all else frozenset(map(peer_key, recipients)),
        )
        for seq, asker, expects, is_to_all, recipients in connection.execute(
            sql, (room_id,)
        )
    )


def _read_receipts(
    connection: Connection, room_id: int, cleared_to: int
) -> tuple[tuple[ReceiptKey, Receipt], ...]:
    sql = """
        SELECT peer, key, digest, seq, at_ms FROM receipts
        WHERE room_id = %s AND seq > %s ORDER BY at_ms, seq
    """
    rows = connection.execute(sql, (room_id, cleared_to))
    return tuple(
        ((PeerKey(peer), key), Receipt(bytes(digest), *rest))
        for peer, key, digest, *rest in rows
    )


def _read_members(
    connection: Connection, room_id: int, cleared_to: int
) -> tuple[tuple[PeerKey, Member], ...]:
    sql = """
        SELECT peer, name, kind, last_seq, last_ms FROM members
        WHERE room_id = %s AND last_seq > %s ORDER BY peer
    """
    rows = connection.execute(sql, (room_id, cleared_to))
    return tuple(
        (PeerKey(peer), Member(name, SenderKind(kind), seq, ms))
        for peer, name, kind, seq, ms in rows
    )


def read_commits(
    connection: Connection, room: str, after: int
) -> tuple[Commit, ...] | None:
    """Read the commits after a version; ``None`` if some are not kept or readable."""
    sql = "SELECT id, version FROM rooms WHERE key = %s"
    row = connection.execute(sql, (room_key(room),)).fetchone()
    room_id, version = row or (0, 0)
    if version == after:
        return ()
    sql = """
        SELECT delta, name FROM commits
        WHERE room_id = %s AND version > %s ORDER BY version
    """
    rows = connection.execute(sql, (room_id, after)).fetchall()
    return decode_all(rows, after)


def decode_all(rows: Sequence[Any], after: int) -> tuple[Commit, ...] | None:
    """Decode rows of deltas and names, which must go on after a version.

    Returns:
        ``None`` if one is missing, or of a version that this program does not know.
    """
    commits = list[Commit]()
    for delta, name in rows:
        commit = decode_commit(bytes(delta), name)
        if commit is None:
            return None
        commits.append(commit)
    if not commits or commits[0].version != after + 1:
        return None
    return tuple(commits)


def find_other_versions(
    connection: Connection, versions: Mapping[str, int]
) -> frozenset[str]:
    """Return the rooms, by the names given, that are not at these versions."""
    keys = list({room_key(name) for name in versions})
    sql = "SELECT key, version FROM rooms WHERE key = ANY(%s)"
    stored: dict[str, int] = dict(connection.execute(sql, (keys,)).fetchall())
    return frozenset(
        name
        for name, version in versions.items()
        if stored.get(room_key(name), 0) != version
    )


def read_overview(connection: Connection) -> StoredOverview:
    """Read all rooms, their members and their unanswered questions."""
    sql = """
        SELECT name, closed_at_ms, closed_by, head, first, created_ms, last_ms, gaps,
            version
        FROM rooms WHERE NOT is_deleted ORDER BY id
    """
    rooms = tuple(_summary(row) for row in connection.execute(sql))
    members: dict[RoomKey, list[Member]] = {
        room_key(each.status.name): [] for each in rooms
    }
    sql = """
        SELECT rooms.key, members.name, members.kind, last_seq, members.last_ms
        FROM members JOIN rooms ON rooms.id = room_id
        WHERE NOT is_deleted AND last_seq > cleared_to ORDER BY room_id, peer
    """
    for key, name, kind, seq, ms in connection.execute(sql):
        members[key].append(Member(name, SenderKind(kind), seq, ms))
    sql = f"""
        SELECT rooms.name, {COLUMNS}
        FROM questions JOIN messages USING (room_id, seq)
        JOIN rooms ON rooms.id = room_id
        WHERE seq >= rooms.first ORDER BY room_id, seq
    """  # noqa: S608 - constants
    questions = [(name, to_message(row)) for name, *row in connection.execute(sql)]
    return StoredOverview(
        rooms=rooms,
        members={key: tuple(found) for key, found in members.items()},
        questions=tuple(questions),
    )


def _summary(row: Sequence[Any]) -> RoomSummary:
    name, closed_at_ms, closed_by, head, first, *times, gaps, version = row
    created_ms, last_ms = times
    status = RoomStatus(name, closed_at_ms, closed_by)
    return RoomSummary(
        *(status, head, first, created_ms, last_ms, decode_gaps(gaps)),
        version=version,
    )


def count_spoken(connection: Connection, besides: str) -> int:
    """Count the rooms with messages, besides the one with a key."""
    sql = """
        SELECT count(*) FROM rooms
        WHERE key <> %s AND NOT is_deleted AND head >= first
    """
    row = connection.execute(sql, (besides,)).fetchone()
    return row[0] if row else 0
