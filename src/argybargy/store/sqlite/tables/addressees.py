"""Addressees: which peer may see which message, and the queries by reader.

Messages to everybody are found by the partial index `messages_to_all`. Any other
message has a row here for each peer that may see it. So a read costs in proportion to
the messages that its reader may see, and not to the length of the room.
"""

from collections.abc import Iterable
from typing import Any, Final

import apsw
import msgspec

from argybargy.domain.message import Message
from argybargy.domain.names import peer_key
from argybargy.domain.room.writes import AddAddressee

_TO_ALL: Final = """
SELECT seq FROM messages INDEXED BY messages_to_all
WHERE room_id = :room_id AND recipients = '["all"]'
"""
_TO_READER: Final = """
SELECT seq FROM addressees
WHERE room_id = :room_id AND peer = :reader
"""
_AFTER: Final = "seq > max(:after, :first - 1)"
"""One combined bound: of two lower bounds, SQLite would seek by one only."""
_BEFORE: Final = "seq >= :first AND seq < :before"
_NOT_OWN: Final = "NOT (kind IN ('agent', 'person') AND lower(sender) = :reader)"


def _merged(to_all: str, to_reader: str) -> str:
    """Return the union of two queries for seqs; each has an ORDER BY and LIMIT."""
    return f"SELECT * FROM ({to_all}) UNION ALL SELECT * FROM ({to_reader})"  # noqa: S608


NEXT_FOR: Final = _merged(
    f"{_TO_ALL} AND {_AFTER} AND {_NOT_OWN} ORDER BY seq LIMIT :rows",
    f"{_TO_READER} AND {_AFTER} AND NOT is_own ORDER BY seq LIMIT :rows",
)
"""Seqs that a poll delivers to a reader after a cursor."""
COUNT_FOR: Final = f"""
SELECT (SELECT count(*) FROM ({_TO_ALL} AND {_AFTER} AND {_NOT_OWN}))
    + (SELECT count(*) FROM ({_TO_READER} AND {_AFTER} AND NOT is_own))
"""  # noqa: S608 - constants
HAS_ANY_OF: Final = """
SELECT EXISTS (
    SELECT 1 FROM addressees
    WHERE room_id = :room_id AND peer = :peer AND seq >= :first
) OR EXISTS (
    SELECT 1 FROM messages INDEXED BY messages_to_all
    WHERE room_id = :room_id AND recipients = '["all"]' AND seq >= :first
        AND kind IN ('agent', 'person') AND lower(sender) = :peer
)
"""
"""Whether a peer has sent or was sent a message. The second part scans the index of the
messages to everybody, which has all of its columns."""
LAST_VISIBLE: Final = _merged(
    f"{_TO_ALL} AND {_BEFORE} ORDER BY seq DESC LIMIT :rows",
    f"{_TO_READER} AND {_BEFORE} ORDER BY seq DESC LIMIT :rows",
)
"""Seqs below `:before` that are visible to a reader."""
REPLIES_VISIBLE: Final = _merged(
    """
    SELECT seq FROM messages INDEXED BY messages_by_reply
    WHERE room_id = :room_id AND reply_to = :seq AND recipients = '["all"]'
        AND seq >= :first ORDER BY seq LIMIT :rows
    """,
    """
    SELECT seq FROM addressees INDEXED BY addressees_by_reply
    WHERE room_id = :room_id AND peer = :reader AND reply_to = :seq
        AND seq >= :first ORDER BY seq LIMIT :rows
    """,
)
"""Seqs of the replies to a message that are visible to a reader."""


def _peers(message: Message) -> Iterable[str]:
    """Return the keys of the peers with a row for a message."""
    if message.is_broadcast:
        return ()
    if message.agent_key is None:
        return message.addressee_keys
    return message.addressee_keys | {message.agent_key}


def insert_addressees(
    connection: apsw.Connection, room_id: int, message: Message
) -> None:
    """Insert the rows of a new message."""
    rows = [
        (room_id, peer, message.seq, int(peer == message.agent_key), message.reply_to)
        for peer in _peers(message)
    ]
    if rows:
        connection.executemany("INSERT INTO addressees VALUES (?, ?, ?, ?, ?)", rows)


def add_addressee(
    connection: apsw.Connection, room_id: int, write: AddAddressee
) -> None:
    """Add an addressee to a stored message; does nothing if it is one."""
    sql = "SELECT id, recipients, reply_to FROM messages WHERE room_id = ? AND seq = ?"
    row: Any = connection.execute(sql, (room_id, write.seq)).fetchone()
    if row is None:
        return
    message_id, recipients, reply_to = row
    names, peer = msgspec.json.decode(recipients, type=list[str]), peer_key(write.name)
    if peer in map(peer_key, names):
        return
    recipients = msgspec.json.encode([*names, write.name]).decode()
    sql = "UPDATE messages SET recipients = ? WHERE id = ?"
    connection.execute(sql, (recipients, message_id))
    sql = "INSERT OR IGNORE INTO addressees VALUES (?, ?, ?, 0, ?)"
    connection.execute(sql, (room_id, peer, write.seq, reply_to))
    sql = "INSERT INTO readdressed (message_id) VALUES (?)"
    connection.execute(sql, (message_id,))


def delete_addressees(
    connection: apsw.Connection, messages: Iterable[tuple[int, Message]]
) -> None:
    """Delete the rows of deleted messages, each given with the id of its room."""
    keys = [
        (room_id, peer, message.seq)
        for room_id, message in messages
        for peer in _peers(message)
    ]
    sql = "DELETE FROM addressees WHERE room_id = ? AND peer = ? AND seq = ?"
    connection.executemany(sql, keys)


_EXPECTED: Final = """
SELECT room_id, lower(value) AS peer, seq,
    kind IN ('agent', 'person') AND lower(sender) = lower(value) AS is_own, reply_to
FROM messages, json_each(recipients) WHERE recipients <> '["all"]'
UNION
SELECT room_id, lower(sender), seq, 1, reply_to
FROM messages WHERE kind IN ('agent', 'person') AND recipients <> '["all"]'
"""
_DIFFERS: Final = f"""
SELECT EXISTS (
    SELECT 1 FROM (
        SELECT * FROM ({_EXPECTED}) UNION ALL
        SELECT room_id, peer, seq, is_own, reply_to FROM addressees
    )
    GROUP BY room_id, peer, seq, is_own, reply_to HAVING count(*) <> 2
)
"""  # noqa: S608 - constants
# Neither side has duplicates, so a row that both sides have is counted exactly twice.


def do_addressees_match(connection: apsw.Connection) -> bool:
    """Tell whether the rows are exactly those that follow from the messages."""
    return not connection.execute(_DIFFERS).get
