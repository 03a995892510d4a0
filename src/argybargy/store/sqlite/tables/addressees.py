"""Who may see which message, as rows and as a way to find them.

A message to everybody is found by an index of its own. Every other one has a row here
for each peer that may see it, so that a reader who sees little of a long room reads
little of it.
"""

from collections.abc import Iterable
from typing import Final

import apsw

from argybargy.domain.message import Message

_TO_ALL: Final = """
SELECT seq FROM messages INDEXED BY messages_to_all
WHERE room_id = :room_id AND recipients = '["all"]'
"""
_TO_READER: Final = """
SELECT seq FROM addressees
WHERE room_id = :room_id AND peer = :reader
"""
_AFTER: Final = "seq > max(:after, :first - 1)"
"""One bound and not two: SQLite would seek to the first of them and read on."""
_BEFORE: Final = "seq >= :first AND seq < :before"
_NOT_OWN: Final = "NOT (kind = 'agent' AND lower(sender) = :reader)"


def _merged(to_all: str, to_reader: str) -> str:
    """Return a query for the seqs of both kinds, each cut before they are merged."""
    return f"SELECT * FROM ({to_all}) UNION ALL SELECT * FROM ({to_reader})"  # noqa: S608


NEXT_FOR: Final = _merged(
    f"{_TO_ALL} AND {_AFTER} AND {_NOT_OWN} ORDER BY seq LIMIT :rows",
    f"{_TO_READER} AND {_AFTER} AND NOT is_own ORDER BY seq LIMIT :rows",
)
"""The seqs of what a poll delivers to a reader after a cursor."""
COUNT_FOR: Final = f"""
SELECT (SELECT count(*) FROM ({_TO_ALL} AND {_AFTER} AND {_NOT_OWN}))
    + (SELECT count(*) FROM ({_TO_READER} AND {_AFTER} AND NOT is_own))
"""  # noqa: S608 - constants
LAST_VISIBLE: Final = _merged(
    f"{_TO_ALL} AND {_BEFORE} ORDER BY seq DESC LIMIT :rows",
    f"{_TO_READER} AND {_BEFORE} ORDER BY seq DESC LIMIT :rows",
)
"""The seqs of what a reader sees below a number."""
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
"""The seqs of the replies to a message that a reader sees."""


def _peers(message: Message) -> Iterable[str]:
    """Return the folded names of those who have a row for a message."""
    if message.is_broadcast:
        return ()
    if message.agent_key is None:
        return message.addressee_keys
    return message.addressee_keys | {message.agent_key}


def insert_addressees(
    connection: apsw.Connection, room_id: int, message: Message
) -> None:
    """Store who may see a new message."""
    rows = [
        (room_id, peer, message.seq, int(peer == message.agent_key), message.reply_to)
        for peer in _peers(message)
    ]
    if rows:
        connection.executemany("INSERT INTO addressees VALUES (?, ?, ?, ?, ?)", rows)


def delete_addressees(
    connection: apsw.Connection, messages: Iterable[tuple[int, Message]]
) -> None:
    """Delete who may see messages that are deleted, each with the key of its room."""
    keys = [
        (room_id, peer, message.seq)
        for room_id, message in messages
        for peer in _peers(message)
    ]
    sql = "DELETE FROM addressees WHERE room_id = ? AND peer = ? AND seq = ?"
    connection.executemany(sql, keys)


_EXPECTED: Final = """
SELECT room_id, lower(value) AS peer, seq,
    kind = 'agent' AND lower(sender) = lower(value) AS is_own, reply_to
FROM messages, json_each(recipients) WHERE recipients <> '["all"]'
UNION
SELECT room_id, lower(sender), seq, 1, reply_to
FROM messages WHERE kind = 'agent' AND recipients <> '["all"]'
"""
_DIFFERS: Final = f"""
SELECT EXISTS (SELECT * FROM ({_EXPECTED}) EXCEPT SELECT * FROM addressees)
    OR EXISTS (SELECT * FROM addressees EXCEPT SELECT * FROM ({_EXPECTED}))
"""  # noqa: S608 - constants


def are_addressees_whole(connection: apsw.Connection) -> bool:
    """Tell whether the rows are just those that the messages call for."""
    return not connection.execute(_DIFFERS).get
