"""Members: the peers that have posted in a room."""

from collections.abc import Iterable
from typing import Any

import apsw

from argybargy.domain.message import Member, Message, SenderKind
from argybargy.domain.names import PeerKey
from argybargy.domain.room.writes import ForgetMember


def save_member(connection: apsw.Connection, room_id: int, message: Message) -> None:
    """Record a message as the newest of its sender, unless the relay itself sent it.

    The name keeps its first spelling, unless that is from a deleted room of the same
    name.
    """
    if message.kind is SenderKind.SYSTEM:
        return
    connection.execute(
        """
        INSERT INTO members VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET kind = excluded.kind,
            name = iif(
                members.last_seq <= (SELECT cleared_to FROM rooms WHERE id = room_id),
                excluded.name, members.name
            ),
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


def delete_member(
    connection: apsw.Connection, room_id: int, write: ForgetMember
) -> None:
    """Delete a member."""
    sql = "DELETE FROM members WHERE room_id = ? AND peer = ?"
    connection.execute(sql, (room_id, write.peer))


def read_members(
    connection: apsw.Connection, room_id: int, cleared_to: int
) -> tuple[tuple[PeerKey, Member], ...]:
    """Read the members of a room that posted after `cleared_to`, by `PeerKey`."""
    sql = """
        SELECT peer, name, kind, last_seq, last_ms FROM members
        WHERE room_id = ? AND last_seq > ? ORDER BY peer
    """
    rows: Iterable[Any] = connection.execute(sql, (room_id, cleared_to))
    return tuple(
        (peer, Member(name, SenderKind(kind), seq, ms))
        for peer, name, kind, seq, ms in rows
    )
