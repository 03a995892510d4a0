"""Full-text search: the index finds candidates, and the rule of the domain decides.

The index has words without their places, and very long texts not at all. So each
candidate is compared with the query once more. A reader's query names the scopes that
it may search, see `argybargy.store.postgres.words`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.message import Message
from argybargy.domain.names import EVERYONE, room_key
from argybargy.domain.pages import PageBuilder
from argybargy.domain.search.query import Findings, Found, Query, Scope
from argybargy.domain.search.snippet import snippet
from argybargy.domain.search.tokens import Term
from argybargy.store.postgres.connection import Connection
from argybargy.store.postgres.rows import COLUMNS, to_message
from argybargy.store.postgres.tables.messages import RoomRange, find_room_range
from argybargy.store.postgres.words import EVERYWHERE, UNINDEXED, cut_word, scope_of

_ROWS: Final = 100
"""Candidates read at once."""
_SEARCH: Final = f"""
SELECT rooms.name, messages.id, {COLUMNS}
FROM messages JOIN rooms ON rooms.id = room_id
WHERE words @@ %(match)s::tsquery
    AND messages.id < %(below_id)s
    AND (%(room_id)s = 0 OR room_id = %(room_id)s AND seq < %(below_seq)s)
    AND seq >= rooms.first
    AND (%(sender)s::text IS NULL OR lower(sender) = %(sender)s
        OR (%(sender)s = 'operator' AND kind = 'operator'))
    AND (%(addressee)s::text IS NULL
        OR %(addressee)s = ANY (SELECT lower(unnest(recipients))))
    AND (%(before_ms)s::bigint IS NULL OR at_ms < %(before_ms)s)
    AND (NOT %(is_open)s OR EXISTS (
        SELECT 1 FROM questions
        WHERE questions.room_id = messages.room_id AND questions.seq = messages.seq
    ))
ORDER BY messages.id DESC LIMIT {_ROWS}
"""  # noqa: S608 - constants


def search_messages(
    connection: Connection,
    query: Query,
    scope: Scope,
    before: int,
    builder: PageBuilder,
) -> Findings:
    """Find the newest matching messages; see `SearchStore.search`."""
    place = (
        RoomRange() if scope.room is None else find_room_range(connection, scope.room)
    )
    if scope.room is not None and not place.room_id:
        return Findings()
    found: list[Found] = []
    for room, number, message in _candidates(connection, query, scope, place, before):
        reader = scope.reader
        is_visible = reader is None or message.is_visible_to(reader)
        if not is_visible or not query.fits(message):
            continue
        if not builder.take(message):
            return Findings(tuple(found), has_more=True)
        shown = snippet(message.search_text, query.terms)
        position = message.seq if place.room_id else number
        found.append(Found(room, message, position, shown))
    return Findings(tuple(found))


def _candidates(
    connection: Connection, query: Query, scope: Scope, place: RoomRange, before: int
) -> Iterator[tuple[str, int, Message]]:
    """Yield the messages that the index finds, newest first, each with its id."""
    values: dict[str, Any] = {
        "match": _expression(query, scope),
        "room_id": place.room_id,
        "below_id": MAX_SEQ if place.room_id else before,
        "below_seq": before,
        "sender": query.sender,
        "addressee": query.addressee,
        "before_ms": query.before_ms,
        "is_open": query.is_open,
    }
    while True:
        rows = connection.execute(_SEARCH, values).fetchall()
        for room, number, *row in rows:
            yield room, number, to_message(row)
        if len(rows) < _ROWS:
            return
        values["below_id"] = rows[-1][1]


def _expression(query: Query, scope: Scope) -> str:
    """Build the match expression of a query over all scopes of its reader."""
    return " | ".join(
        f"({_in_scope(each, query.terms)} | {_quoted(each + UNINDEXED)})"
        for each in _scopes(scope)
    )


def _scopes(scope: Scope) -> tuple[str, ...]:
    if scope.reader is None or scope.room is None:
        return (EVERYWHERE,)
    room = room_key(scope.room)
    return tuple(scope_of(room, name) for name in (EVERYONE, scope.reader))


def _in_scope(scope: str, terms: Iterable[Term]) -> str:
    words = [word for term in terms for word in _words(scope, term)]
    return f"({' & '.join(words)})" if words else _quoted(scope)


def _words(scope: str, term: Term) -> Iterator[str]:
    *whole, last = (_quoted(scope + cut_word(form)) for form in term.forms)
    yield from whole
    yield f"{last}:*" if term.is_prefix else last


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
