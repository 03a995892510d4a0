"""Messages: the reads by reader.

Messages to everybody are found by the partial index `messages_to_all`. Any other
message has a row in `addressees` for each peer that may see it. So a read costs in
proportion to the messages that its reader may see, and not to the length of the room.
"""

from collections.abc import Iterable
from typing import Final

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, room_key
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.store.postgres.connection import Connection
from argybargy.store.postgres.rows import COLUMNS, to_message
from argybargy.system.values import frozen

_TO_ALL: Final = "SELECT seq FROM messages WHERE room_id = %(room_id)s AND is_to_all"
_TO_READER: Final = """
SELECT seq FROM addressees WHERE room_id = %(room_id)s AND peer = %(reader)s
"""
_KEPT_AFTER: Final = "seq > greatest(%(after)s, %(first)s - 1)"
_KEPT_BEFORE: Final = "seq >= %(first)s AND seq < %(before)s"
_NOT_OWN: Final = "agent IS DISTINCT FROM %(reader)s"


def _merged(to_all: str, to_reader: str) -> str:
    return f"({to_all}) UNION ALL ({to_reader})"


_NEXT_FOR: Final = _merged(
    f"{_TO_ALL} AND {_KEPT_AFTER} AND {_NOT_OWN} ORDER BY seq LIMIT %(rows)s",
    f"{_TO_READER} AND {_KEPT_AFTER} AND NOT is_own ORDER BY seq LIMIT %(rows)s",
)
_COUNT_FOR: Final = f"""
SELECT (SELECT count(*) FROM ({_TO_ALL} AND {_KEPT_AFTER} AND {_NOT_OWN}) a)
    + (SELECT count(*) FROM ({_TO_READER} AND {_KEPT_AFTER} AND NOT is_own) b)
"""  # noqa: S608 - constants
_HAS_ANY_OF: Final = """
SELECT EXISTS (
    SELECT 1 FROM addressees
    WHERE room_id = %(room_id)s AND peer = %(peer)s AND seq >= %(first)s
) OR EXISTS (
    SELECT 1 FROM messages
    WHERE room_id = %(room_id)s AND is_to_all AND seq >= %(first)s AND agent = %(peer)s
)
"""
_LAST_VISIBLE: Final = _merged(
    f"{_TO_ALL} AND {_KEPT_BEFORE} ORDER BY seq DESC LIMIT %(rows)s",
    f"{_TO_READER} AND {_KEPT_BEFORE} ORDER BY seq DESC LIMIT %(rows)s",
)
_REPLIES_VISIBLE: Final = _merged(
    f"{_TO_ALL} AND reply_to = %(seq)s AND seq >= %(first)s "
    "ORDER BY seq LIMIT %(rows)s",
    f"{_TO_READER} AND reply_to = %(seq)s AND seq >= %(first)s "
    "ORDER BY seq LIMIT %(rows)s",
)


@frozen
class RoomRange:
    """Id and seq range of a room.

    Attributes:
        room_id: Primary key of the room; 0 if it does not exist.
        head: The newest seq.
        first: The oldest seq kept.
    """

    room_id: int = 0
    head: int = 0
    first: int = 1


def find_room_range(connection: Connection, room: str) -> RoomRange:
    """Return the range of a room by name; empty if it does not exist."""
    sql = "SELECT id, head, first FROM rooms WHERE key = %s"
    row = connection.execute(sql, (room_key(room),)).fetchone()
    return RoomRange() if row is None else RoomRange(*row)


def _select(
    connection: Connection, place: RoomRange, condition: str, **values: object
) -> Iterable[Message]:
    """Yield the kept messages of a room that meet an SQL condition, row by row."""
    sql = f"""
        SELECT {COLUMNS} FROM messages
        WHERE room_id = %(room_id)s AND seq >= %(first)s AND {condition}
    """  # noqa: S608 - conditions are constants of this package
    known = {"room_id": place.room_id, "first": place.first}
    return map(to_message, connection.execute(sql, known | values))


def read_page(
    connection: Connection,
    room: str,
    reader: PeerKey,
    after: int,
    builder: PageBuilder,
) -> Page:
    """Read the page of a poll; see `argybargy.domain.pages.read_after`."""
    place = find_room_range(connection, room)
    cursor = max(after, place.head)
    condition = f"seq IN ({_NEXT_FOR}) ORDER BY seq LIMIT %(rows)s"
    values = {"reader": reader, "after": after, "rows": builder.limit + 1}
    for message in _select(connection, place, condition, **values):
        if not builder.take(message):
            cursor = max(after, message.seq - 1)
            break
    return Page(tuple(builder.messages), cursor, place.head, place.first)


def read_back(
    connection: Connection,
    room: str,
    reader: PeerKey | None,
    before: int,
    builder: PageBuilder,
) -> HistoryPage:
    """Read a page of history; see `argybargy.domain.pages.look_back`."""
    place = find_room_range(connection, room)
    among = "TRUE" if reader is None else f"seq IN ({_LAST_VISIBLE})"
    condition = f"seq < %(before)s AND {among} ORDER BY seq DESC LIMIT %(rows)s"
    values = {"reader": reader, "before": before, "rows": builder.limit + 1}
    found = _select(connection, place, condition, **values)
    has_more = not all(map(builder.take, found))
    return HistoryPage(builder.newest_last, place.first, has_more)


def read_message(connection: Connection, room: str, seq: int) -> Message | None:
    """Read one kept message."""
    place = find_room_range(connection, room)
    return next(iter(_select(connection, place, "seq = %(seq)s", seq=seq)), None)


def read_replies(
    connection: Connection,
    room: str,
    reader: PeerKey | None,
    seq: int,
    builder: PageBuilder,
) -> tuple[Message, ...]:
    """Read the replies to a message; see `argybargy.domain.pages.replies_to`."""
    place = find_room_range(connection, room)
    among = "reply_to = %(seq)s"
    if reader is not None:
        among = f"seq IN ({_REPLIES_VISIBLE})"
    condition = f"{among} ORDER BY seq LIMIT %(rows)s"
    values = {"reader": reader, "seq": seq, "rows": builder.limit}
    return builder.fill(_select(connection, place, condition, **values))


def read_recent(
    connection: Connection, room: str | None, limit: int
) -> tuple[tuple[str, Message], ...]:
    """Read the newest messages of one room or of all, oldest first."""
    condition, order = ("key = %(key)s", "seq") if room else ("TRUE", "id")
    sql = f"""
        SELECT rooms.name, {COLUMNS}
        FROM messages JOIN rooms ON rooms.id = room_id
        WHERE seq >= rooms.first AND {condition}
        ORDER BY messages.{order} DESC LIMIT %(rows)s
    """  # noqa: S608 - constants
    values = {"key": room_key(room or ""), "rows": limit}
    rows = connection.execute(sql, values).fetchall()
    return tuple((name, to_message(row)) for name, *row in reversed(rows))


def count_for(connection: Connection, room: str, reader: PeerKey, after: int) -> int:
    """Count the messages that polls would deliver to `reader` after a cursor."""
    place = find_room_range(connection, room)
    values = {
        "room_id": place.room_id,
        "first": place.first,
        "after": after,
        "reader": reader,
    }
    row = connection.execute(_COUNT_FOR, values).fetchone()
    return int(row[0]) if row else 0


def has_messages_of(connection: Connection, room: str, peer: PeerKey) -> bool:
    """Tell whether a kept message is from a peer, or names it as an addressee."""
    place = find_room_range(connection, room)
    values = {"room_id": place.room_id, "first": place.first, "peer": peer}
    row = connection.execute(_HAS_ANY_OF, values).fetchone()
    return bool(row and row[0])
