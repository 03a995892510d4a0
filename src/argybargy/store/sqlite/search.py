"""Searching: a query as an expression of the index, and as a condition on rows.

The expression is made of words that were taken out of the query one by one, each in
quotes, so that nothing anybody types is ever read as the language of the index.
"""

from collections.abc import Sequence
from typing import Final

import apsw

from argybargy.domain.names import EVERYONE
from argybargy.domain.reading import PageBuilder
from argybargy.domain.search import Findings, Found, Query, Scope
from argybargy.domain.words import Phrase
from argybargy.store.sqlite.index import EVERYWHERE, scope_of
from argybargy.store.sqlite.messages import (
    COLUMNS,
    IS_VISIBLE,
    Place,
    find_place,
    from_row,
)

_IS_OPEN: Final = """
CASE WHEN :reader IS NULL OR :reader IN (lower(sender), lower(messages.expects))
THEN EXISTS (
    SELECT 1 FROM questions
    WHERE questions.room_id = messages.room_id AND questions.seq = messages.seq
)
ELSE messages.expects = 'anyone' AND NOT is_settled END
"""
_SEARCH: Final = f"""
SELECT rooms.name, iif(:room_id, messages.seq, messages.id), {COLUMNS}
FROM words CROSS JOIN messages ON messages.id = words.rowid
JOIN rooms ON rooms.id = messages.room_id
WHERE words MATCH :match
    AND iif(:room_id, messages.room_id = :room_id AND seq < :before,
            words.rowid < :before)
    AND seq >= rooms.first
    AND {IS_VISIBLE}
    AND (:sender IS NULL OR lower(sender) = :sender
        OR (:sender = 'operator' AND kind = 'operator'))
    AND (:addressee IS NULL OR instr(lower(recipients), '"' || :addressee || '"') > 0)
    AND (:before_ms IS NULL OR at_ms < :before_ms)
    AND (NOT :is_open OR {_IS_OPEN})
ORDER BY words.rowid DESC LIMIT :rows
"""  # noqa: S608 - constants


def search_messages(
    connection: apsw.Connection,
    query: Query,
    scope: Scope,
    before: int,
    builder: PageBuilder,
) -> Findings:
    """Find the newest messages within a scope; see `argybargy.store.interface`."""
    place = Place() if scope.room is None else find_place(connection, scope.room)
    if scope.room is not None and not place.room_id:
        return Findings()
    values = {
        "match": _expression(query, scope, place),
        "room_id": place.room_id,
        "before": before,
        "reader": scope.reader,
        "sender": query.sender,
        "addressee": query.addressee,
        "before_ms": query.before_ms,
        "is_open": query.is_open,
        "rows": builder.limit + 1,
    }
    found: list[Found] = []
    for room, number, *row in connection.execute(_SEARCH, values):
        message = from_row(tuple(row))
        if not builder.take(message):
            return Findings(tuple(found), has_more=True)
        found.append(Found(room, message, number))
    return Findings(tuple(found))


def _expression(query: Query, scope: Scope, place: Place) -> str:
    """Say a query in the language of the index."""
    parts = [_where(scope, place)]
    if query.phrases:
        parts.append(f"text : ({_joined(query.phrases, ' AND ')})")
    wanted = " AND ".join(parts)
    if not query.unwanted:
        return wanted
    return f"({wanted}) NOT text : ({_joined(query.unwanted, ' OR ')})"


def _where(scope: Scope, place: Place) -> str:
    if scope.room is None:
        return EVERYWHERE
    names = () if scope.reader is None else (EVERYONE, scope.reader)
    return scope_of(place.room_id, names)


def _joined(phrases: Sequence[Phrase], word: str) -> str:
    return word.join(
        f'"{phrase.written}"{" *" if phrase.is_prefix else ""}' for phrase in phrases
    )
