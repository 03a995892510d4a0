"""Open questions: messages that await an answer."""

from collections.abc import Iterable
from typing import Any

import apsw

from argybargy.domain.message import Message, Question
from argybargy.domain.room.writes import OpenQuestion, ResolveQuestion
from argybargy.store.resolutions import encode_resolution
from argybargy.store.sqlite.tables.messages import COLUMNS, audience_of, from_row


def insert_question(
    connection: apsw.Connection, room_id: int, write: OpenQuestion
) -> None:
    """Store an open question."""
    question = write.question
    connection.execute(
        "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?)",
        (room_id, question.seq, question.asker, question.expects),
    )


def resolve_question(
    connection: apsw.Connection, room_id: int, write: ResolveQuestion
) -> None:
    """Store the end of a question, and delete it from the open ones."""
    resolution = encode_resolution(write.resolution)
    sql = "UPDATE messages SET resolution = ? WHERE room_id = ? AND seq = ?"
    connection.execute(sql, (resolution, room_id, write.seq))
    sql = "DELETE FROM questions WHERE room_id = ? AND seq = ?"
    connection.execute(sql, (room_id, write.seq))


def delete_questions_below(connection: apsw.Connection, room_id: int, seq: int) -> None:
    """Delete the questions below `seq`."""
    sql = "DELETE FROM questions WHERE room_id = ? AND seq < ?"
    connection.execute(sql, (room_id, seq))


def read_questions(connection: apsw.Connection, room_id: int) -> tuple[Question, ...]:
    """Read the open questions of a room, by seq."""
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


def read_all_questions(
    connection: apsw.Connection,
) -> tuple[tuple[str, Message], ...]:
    """Read the open questions of all rooms, each with the name of its room."""
    sql = f"""
        SELECT rooms.name, {COLUMNS}
        FROM questions JOIN messages USING (room_id, seq)
        JOIN rooms ON rooms.id = questions.room_id
        WHERE questions.seq >= rooms.first ORDER BY rooms.id, questions.seq
    """  # noqa: S608 - constants
    rows: Iterable[Any] = connection.execute(sql)
    return tuple((name, from_row(row)) for name, *row in rows)
