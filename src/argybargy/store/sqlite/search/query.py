"""Search queries: an FTS5 match expression plus SQL conditions on the messages.

The match expression consists of the parsed words of the query, each in quotes: user
input is never interpreted as FTS5 syntax.
"""

from collections.abc import Sequence
from typing import Any, Final

import apsw

from argybargy.domain.names import EVERYONE
from argybargy.domain.pages import PageBuilder
from argybargy.domain.search.query import Findings, Found, Query, Scope
from argybargy.domain.search.snippet import snippet
from argybargy.domain.search.tokens import Term
from argybargy.store.sqlite.search.index_tables import EVERYWHERE, scope_of, term_of
from argybargy.store.sqlite.tables.messages import (
    COLUMNS,
    IS_VISIBLE,
    RoomRange,
    find_room_range,
    from_row,
)

_IS_OPEN: Final = """
EXISTS (
    SELECT 1 FROM questions
    WHERE questions.room_id = messages.room_id AND questions.seq = messages.seq
)
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


MAX_PREFIX_MATCHES: Final = 200_000
"""Occurrences of words with the wanted prefix, beyond which a search is too wide.

FTS5 merges all of them before the first result, and no deadline interrupts the merge.
"""
_PREFIX_MATCHES: Final = "SELECT doc FROM temp.terms WHERE term >= ? AND term < ?"
_LAST_CHARACTER: Final = chr(0x10FFFF)


def search_messages(
    connection: apsw.Connection,
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
    if _is_too_wide(connection, query, _scopes(scope, place)):
        return Findings(is_too_wide=True)
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
        shown = snippet(message.search_text, query.terms)
        found.append(Found(room, message, number, shown))
    return Findings(tuple(found))


def _is_too_wide(
    connection: apsw.Connection, query: Query, scopes: Sequence[str]
) -> bool:
    """Tell whether the prefixes of a query match over `MAX_PREFIX_MATCHES` words."""
    left = MAX_PREFIX_MATCHES
    prefixes = (
        term_of(scope, term.forms[-1])
        for term in query.terms
        if term.is_prefix
        for scope in scopes
    )
    for term in prefixes:
        rows: Any = connection.execute(_PREFIX_MATCHES, (term, term + _LAST_CHARACTER))
        for (count,) in rows:
            left -= count
            if left < 0:
                return True
    return False


def _scopes(scope: Scope, place: RoomRange) -> tuple[str, ...]:
    """Return the index scopes that the reader of a search may see."""
    if scope.reader is None:
        return (EVERYWHERE,)
    return tuple(scope_of(place.room_id, name) for name in (EVERYONE, scope.reader))


def _expression(query: Query, scope: Scope, place: RoomRange) -> str:
    """Build the match expression of a query over all scopes of its reader."""
    expression = " OR ".join(
        f"({_in_scope(each, query)})" for each in _scopes(scope, place)
    )
    if scope.reader is None and scope.room is not None:
        return f'scope : "{scope_of(place.room_id)}" AND {expression}'
    return expression


def _in_scope(scope: str, query: Query) -> str:
    """Build the match expression of a query within one index scope."""
    wanted = [_words(scope, term) for term in query.terms]
    expression = " AND ".join(wanted) or f'scope : "{scope}"'
    if not query.excluded:
        return expression
    excluded = " OR ".join(_words(scope, term) for term in query.excluded)
    return f"({expression}) NOT ({excluded})"


def _words(scope: str, term: Term) -> str:
    terms = " ".join(term_of(scope, form) for form in term.forms)
    return f'text : "{terms}"{" *" if term.is_prefix else ""}'
