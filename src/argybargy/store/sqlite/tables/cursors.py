"""Cursors: the newest seq that each peer has acknowledged."""

from collections.abc import Iterable, Mapping
from typing import Any

import apsw

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.names import PeerKey, RoomKey, fold, peer_key, room_key


def save_cursors(
    connection: apsw.Connection, cursors: Mapping[tuple[str, str], int]
) -> None:
    """Store the cursors of peers that hold a code, and drop those of others."""
    connection.executemany(
        """
        INSERT OR REPLACE INTO cursors (room, peer, seq)
        SELECT :room, :peer, :seq
        WHERE EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :peer)
        """,
        [
            {"room": room, "peer": fold(peer), "seq": seq}
            for (room, peer), seq in cursors.items()
        ],
    )


def delete_cursor_without_code(connection: apsw.Connection, code: CodeRecord) -> None:
    """Delete the cursor of the peer of a deleted code, unless it holds another."""
    connection.execute(
        """
        DELETE FROM cursors WHERE room = :room AND peer = :name
        AND NOT EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :name)
        """,
        {"room": code.room, "name": code.name},
    )


def read_cursors(connection: apsw.Connection, room: str) -> dict[str, int]:
    """Read the cursors of a room, by `PeerKey`."""
    rows: Iterable[Any] = connection.execute(
        "SELECT peer, seq FROM cursors WHERE room = ?", (room,)
    )
    return dict(rows)


def read_all_cursors(
    connection: apsw.Connection,
) -> dict[tuple[RoomKey, PeerKey], int]:
    """Read the cursors of all rooms."""
    rows: Iterable[Any] = connection.execute("SELECT room, peer, seq FROM cursors")
    return {(room_key(room), peer_key(peer)): seq for room, peer, seq in rows}
