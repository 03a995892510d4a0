"""Notices: the events that the operator was notified about, or is to be."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import apsw

from argybargy.domain.names import RoomKey, is_name, room_key
from argybargy.domain.notifications import EventKey, EventKind, Notice
from argybargy.store.sqlite.column_rules import is_single_line

_ID: Final = re.compile(r"[0-9a-f]{32}")
_SEQ: Final = re.compile(r"[1-9][0-9]{0,15}")
_KINDS: Final = frozenset(kind.value for kind in EventKind)
_SUBJECT_CHARS: Final = 200


def read_notices(connection: apsw.Connection) -> tuple[Notice, ...]:
    """Read all notices, oldest first."""
    rows: Iterable[Any] = connection.execute(
        "SELECT id, kind, room, subject, at_ms, told_ms FROM notices ORDER BY at_ms, id"
    )
    return tuple(
        Notice(id_, EventKey(EventKind(kind), RoomKey(room), subject), at_ms, told_ms)
        for id_, kind, room, subject, at_ms, told_ms in rows
    )


def save_notices(connection: apsw.Connection, notices: Iterable[Notice]) -> None:
    """Store notices, in place of earlier ones with the same id or about the same."""
    connection.executemany(
        """
        INSERT OR REPLACE INTO notices (id, kind, room, subject, at_ms, told_ms)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        [
            (
                each.id,
                each.key.kind.value,
                each.key.room,
                each.key.subject,
                each.at_ms,
                each.told_ms,
            )
            for each in notices
        ],
    )


def delete_notices(connection: apsw.Connection, ids: Iterable[str]) -> None:
    """Delete notices; those that are not stored are ignored."""
    connection.executemany("DELETE FROM notices WHERE id = ?", [(id_,) for id_ in ids])


def check_notice(
    row: tuple[Any, ...], is_time: Callable[[int], bool]
) -> tuple[tuple[bool, str], ...]:
    """Return for each column of a row whether it is valid, and the column in words.

    Args:
        row: The columns, in the order of the table.
        is_time: Whether a time is one that the relay may have stored.
    """
    id_, kind, room, subject, at_ms, told_ms = row
    is_key = is_name(room) and room_key(room) == room
    is_subject = is_single_line(subject, _SUBJECT_CHARS) and bool(subject)
    if kind == EventKind.QUESTION.value:
        is_subject = _SEQ.fullmatch(subject) is not None
    return (
        (_ID.fullmatch(id_) is not None, "the id"),
        (kind in _KINDS, "the kind"),
        (is_key, "the name of the room"),
        (is_subject, "the subject"),
        (is_time(at_ms), "the time"),
        (told_ms is None or is_time(told_ms), "the time of the push"),
    )
