"""Messages: rows, inserts and reads.

Visibility is implemented three times: by `Message.is_for` and `Message.is_visible_to`,
by the rows of `argybargy.store.sqlite.tables.addressees`, and by `IS_VISIBLE` below
for searches. They must agree; the contract suite compares them. Names are ASCII
without quotes, so a quoted name matches an element of the JSON array exactly.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import apsw
import msgspec

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.store.resolutions import decode_resolution, encode_resolution
from argybargy.store.sqlite.choices import decode_choices, encode_choices
from argybargy.store.sqlite.tables.addressees import (
    COUNT_FOR,
    HAS_ANY_OF,
    LAST_VISIBLE,
    NEXT_FOR,
    REPLIES_VISIBLE,
    delete_addressees,
    insert_addressees,
)
from argybargy.system.values import frozen

_ADDRESSED: Final = """
(recipients = '["all"]' OR instr(lower(recipients), '"' || :reader || '"') > 0)
"""
_IS_OWN: Final = "(kind IN ('agent', 'person') AND lower(sender) = :reader)"
IS_VISIBLE: Final = f"(:reader IS NULL OR {_IS_OWN} OR {_ADDRESSED})"

_NAMES: Final = (
    "seq",
    "at_ms",
    "sender",
    "kind",
    "recipients",
    "text",
    "expects",
    "reply_to",
    "event",
    "claimed_by",
    "fence",
    "is_settled",
    "resolution",
    "choices",
    "choice",
)
COLUMNS: Final = ", ".join(f"messages.{name}" for name in _NAMES)
"""The columns that :func:`from_row` takes."""
_NEXT_ID: Final = """
SELECT max(newest, coalesce((SELECT max(id) FROM messages), 0)) + 1 FROM message_ids
"""
_INSERT: Final = (
    f"INSERT INTO messages (id, room_id, {', '.join(_NAMES)}) "  # noqa: S608 - constants
    f"VALUES (({_NEXT_ID}), ?{', ?' * len(_NAMES)})"
)

_Row = tuple[Any, ...]

_decode_names: Final = msgspec.json.Decoder(tuple[str, ...]).decode


def audience_of(recipients: str) -> frozenset[PeerKey] | None:
    """Decode the column `recipients` to peer keys, or ``None`` for everybody."""
    to = _decode_names(recipients)
    return None if to == TO_ALL else frozenset(map(peer_key, to))


def insert_message(connection: apsw.Connection, room_id: int, message: Message) -> None:
    """Insert a message and its addressees."""
    connection.execute(_INSERT, (room_id, *_to_row(message)))
    insert_addressees(connection, room_id, message)


def _to_row(message: Message) -> _Row:
    return (
        message.seq,
        message.at_ms,
        message.sender,
        message.kind.value,
        msgspec.json.encode(message.to).decode(),
        message.text,
        message.expects,
        message.reply_to,
        message.event,
        message.claimed_by,
        message.fence,
        int(message.is_claim_final),
        encode_resolution(message.resolution),
        encode_choices(message.choices),
        message.choice,
    )


def from_row(row: Sequence[Any]) -> Message:
    """Build a message from the columns `COLUMNS`."""
    seq, at_ms, sender, kind, to, text, *rest = row
    expects, reply_to, event, claimed_by, fence, is_claim_final, *rest = rest
    resolution, choices, choice = rest
    return Message(
        seq=seq,
        at_ms=at_ms,
        sender=sender,
        kind=SenderKind(kind),
        to=_decode_names(to),
        text=text,
        expects=expects,
        reply_to=reply_to,
        event=event,
        claimed_by=claimed_by,
        fence=fence,
        is_claim_final=bool(is_claim_final),
        resolution=decode_resolution(resolution),
        choices=decode_choices(choices),
        choice=choice,
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


def find_room_range(connection: apsw.Connection, room: str) -> RoomRange:
    """Return the range of a room by name; empty if it does not exist."""
    sql = "SELECT id, head, first FROM rooms WHERE name = ?"
    row = connection.execute(sql, (room,)).fetchone()
    return RoomRange() if row is None else RoomRange(*row)


def _select(
    connection: apsw.Connection, place: RoomRange, condition: str, **values: object
) -> Iterable[Message]:
    """Yield the kept messages of a room that meet an SQL condition, row by row."""
    sql = f"""
        SELECT {COLUMNS} FROM messages
        WHERE room_id = :room_id AND seq >= :first AND {condition}
    """  # noqa: S608 - conditions are constants of this package
    known = {"room_id": place.room_id, "first": place.first}
    return map(from_row, connection.execute(sql, known | values))


def read_page(
    connection: apsw.Connection,
    room: str,
    reader: PeerKey,
    after: int,
    builder: PageBuilder,
) -> Page:
    """Read the page of a poll; see `argybargy.domain.pages.read_after`."""
    place = find_room_range(connection, room)
    cursor = max(after, place.head)
    condition = f"seq IN ({NEXT_FOR}) ORDER BY seq LIMIT :rows"
    values = {"reader": reader, "after": after, "rows": builder.limit + 1}
    for message in _select(connection, place, condition, **values):
        if not builder.take(message):
            cursor = max(after, message.seq - 1)
            break
    return Page(tuple(builder.messages), cursor, place.head, place.first)


def read_back(
    connection: apsw.Connection,
    room: str,
    reader: PeerKey | None,
    before: int,
    builder: PageBuilder,
) -> HistoryPage:
    """Read a page of history; see `argybargy.domain.pages.look_back`."""
    place = find_room_range(connection, room)
    among = "TRUE" if reader is None else f"seq IN ({LAST_VISIBLE})"
    condition = f"seq < :before AND {among} ORDER BY seq DESC LIMIT :rows"
    values = {"reader": reader, "before": before, "rows": builder.limit + 1}
    found = _select(connection, place, condition, **values)
    has_more = not all(map(builder.take, found))
    return HistoryPage(builder.newest_last, place.first, has_more)


def read_tail(
    connection: apsw.Connection, room_id: int, oldest: int
) -> tuple[Message, ...]:
    """Read the messages of a room from the seq `oldest` on."""
    sql = f"""
        SELECT {COLUMNS} FROM messages WHERE room_id = ? AND seq >= ? ORDER BY seq
    """  # noqa: S608 - constants
    return tuple(map(from_row, connection.execute(sql, (room_id, oldest))))


def read_message(connection: apsw.Connection, room: str, seq: int) -> Message | None:
    """Read one kept message."""
    place = find_room_range(connection, room)
    return next(iter(_select(connection, place, "seq = :seq", seq=seq)), None)


def read_replies(
    connection: apsw.Connection,
    room: str,
    reader: PeerKey | None,
    seq: int,
    builder: PageBuilder,
) -> tuple[Message, ...]:
    """Read the replies to a message; see `argybargy.domain.pages.replies_to`.

    The operator's read has no index of its own, which every post would pay for. It
    looks through the messages after `seq`.
    """
    place = find_room_range(connection, room)
    among = "seq > :seq AND reply_to = :seq"
    if reader is not None:
        among = f"seq IN ({REPLIES_VISIBLE})"
    condition = f"{among} ORDER BY seq LIMIT :rows"
    values = {"reader": reader, "seq": seq, "rows": builder.limit}
    return builder.fill(_select(connection, place, condition, **values))


def read_recent(
    connection: apsw.Connection, room: str | None, limit: int
) -> tuple[tuple[str, Message], ...]:
    """Read the newest messages of one room or of all, oldest first."""
    condition, order = ("rooms.name = :room", "seq") if room else ("TRUE", "id")
    sql = f"""
        SELECT rooms.name, {COLUMNS}
        FROM messages JOIN rooms ON rooms.id = room_id
        WHERE seq >= rooms.first AND {condition}
        ORDER BY messages.{order} DESC LIMIT :rows
    """  # noqa: S608 - constants
    rows = connection.execute(sql, {"room": room, "rows": limit}).fetchall()
    return tuple((name, from_row(row)) for name, *row in reversed(rows))


def count_for(
    connection: apsw.Connection, room: str, reader: PeerKey, after: int
) -> int:
    """Count the messages that polls would deliver to `reader` after a cursor."""
    place = find_room_range(connection, room)
    values = {
        "room_id": place.room_id,
        "first": place.first,
        "after": after,
        "reader": reader,
    }
    return int(connection.execute(COUNT_FOR, values).get)


def has_messages_of(connection: apsw.Connection, room: str, peer: PeerKey) -> bool:
    """Tell whether a kept message is from a peer, or names it as an addressee."""
    place = find_room_range(connection, room)
    values = {"room_id": place.room_id, "first": place.first, "peer": peer}
    return bool(connection.execute(HAS_ANY_OF, values).get)


def sweep_messages(
    connection: apsw.Connection, rows: int, *, is_clearing: bool
) -> list[int]:
    """Delete up to `rows` messages below `first` of their room; return their ids.

    Either those of rooms that are being cleared after a deletion, or all others.

    The highest deleted id is kept, so that no later message gets it: with a room, the
    newest message of all may be deleted, and the search index knows messages by id.
    """
    sql = f"""
        DELETE FROM messages WHERE id IN (
            SELECT messages.id FROM rooms CROSS JOIN messages
            ON room_id = rooms.id AND seq < rooms.first
            WHERE rooms.is_clearing = ?
            LIMIT ?
        )
        RETURNING id, room_id, {", ".join(_NAMES)}
    """  # noqa: S608 - constants
    values = (int(is_clearing), rows)
    gone: list[Any] = connection.execute(sql, values).fetchall()
    delete_addressees(
        connection, [(room_id, from_row(row)) for _, room_id, *row in gone]
    )
    connection.executemany(
        "DELETE FROM readdressed WHERE message_id = ?", [row[:1] for row in gone]
    )
    deleted = [message_id for message_id, *_ in gone]
    if deleted:
        sql = "UPDATE message_ids SET newest = max(newest, ?)"
        connection.execute(sql, (max(deleted),))
    return deleted
