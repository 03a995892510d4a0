"""Search queries: grammar, parser and results.

All words must occur, in any order. The last one matches as a prefix if it has two or
more letters. ``"Quoted words"`` must be adjacent; ``-word`` must not occur. Filters:
``from:`` and ``to:`` with a name, ``room:``, ``is:open``, ``before:`` with a date or
time. Anything else is words. Only an empty query, a repeated filter, an invalid filter
value and too many terms are errors.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import attrs

from argybargy.domain.addressing import names_of_speaker
from argybargy.domain.capabilities import word_of_address
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import (
    NAME_RULE,
    PeerKey,
    RoomKey,
    is_name,
    peer_key,
    room_key,
)
from argybargy.domain.search.snippet import Snippet
from argybargy.domain.search.tokens import Term, line_of
from argybargy.system.values import frozen

FIELD: Final = "q"
"""The field name of the query in errors."""

_PIECE: Final = re.compile(
    r"(?P<key>from|to|room|is|before):(?P<value>\"[^\"]*\"?|\S*)"
    r"|(?P<minus>-(?=[^\s-]))?(?:\"(?P<term>[^\"]*)\"?|(?P<word>[^\s\"]+))",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_TIME_RULE: Final = "before: takes a day or a time: 2026-01-31, 2026-01-31T12:00Z"
TOO_WIDE: Final = (
    "too many words begin like the last one: write more of it, or put it in quotes"
)
"""The error text for `Findings.is_too_wide`."""
_NOTHING: Final = "say at least one word to look for, or from:, to:, is: or before:"


@frozen
class Query:
    """A parsed query. A message must satisfy all its parts.

    Attributes:
        terms: Terms that must occur in the text.
        excluded: Terms that must not occur.
        sender: The required sender.
        addressee: The required addressee.
        room: The required room. Stores ignore it; the relay applies it to the scope.
        before_ms: Upper bound of the timestamp, exclusive, in milliseconds since 1970.
        is_open: Whether only open questions match.
    """

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    sender: PeerKey | None = None
    addressee: PeerKey | None = None
    room: RoomKey | None = None
    before_ms: int | None = None
    is_open: bool = False

    def fits(self, message: Message) -> bool:
        """Tell whether a message matches, apart from `room` and `is_open`."""
        if not self._matches_filters(message):
            return False
        line = line_of(message.search_text)
        return all(term.line in line for term in self.terms) and not any(
            term.line in line for term in self.excluded
        )

    def _matches_filters(self, message: Message) -> bool:
        names = names_of_speaker(message.sender, message.kind)
        return (
            (self.sender is None or self.sender in names)
            and (self.addressee is None or self.addressee in message.addressee_keys)
            and (self.before_ms is None or message.at_ms < self.before_ms)
        )


@frozen
class Scope:
    """The messages that a reader may search.

    Attributes:
        room: The room, in any spelling; ``None`` means all rooms.
        reader: The searching peer; ``None`` means the operator, who sees all messages.
    """

    room: str | None = None
    reader: PeerKey | None = None


@frozen
class Found:
    """One search result.

    Attributes:
        room: The name of the room.
        message: The message.
        place: Its position for paging: the seq in a search of one room, else a number
            across all rooms. Larger is newer.
        excerpt: A line of the text with the matches.
    """

    room: str
    message: Message
    place: int
    excerpt: Snippet


@frozen
class Findings:
    """A page of search results.

    Attributes:
        found: Results visible to the reader, newest first.
        has_more: Whether there are older results visible to the reader.
        is_too_wide: Whether the store skipped the search, because the prefix has too
            many matches. Depends only on messages visible to the reader.
    """

    found: tuple[Found, ...] = ()
    has_more: bool = False
    is_too_wide: bool = False


# -- parser ------------------------------------------------------------------------


def parse_search(text: str, limits: Limits) -> Query:
    """Parse a query.

    Raises:
        RelayError: ``invalid_request``, when it is too long, has too many terms, is
            empty, or has an invalid or repeated filter.
    """
    if len(text) > limits.search_chars:
        raise _invalid(f"at most {limits.search_chars} characters")
    pieces = list(_PIECE.finditer(text))
    words = [piece for piece in pieces if piece["key"] is None]
    filters = _parse_filters([piece for piece in pieces if piece["key"] is not None])
    query = attrs.evolve(
        filters,
        terms=_terms(words, is_wanted=True),
        excluded=_terms(words, is_wanted=False),
    )
    if len(query.terms) + len(query.excluded) > limits.search_phrases:
        raise _invalid(
            f"at most {limits.search_phrases} different words; put words in quotes "
            "to find them next to each other: that counts as one"
        )
    if query == Query(excluded=query.excluded, room=query.room):
        raise _invalid(_NOTHING)
    return query


def _invalid(problem: str) -> RelayError:
    return RelayError.invalid(FIELD, problem)


def _terms(pieces: Sequence[re.Match[str]], *, is_wanted: bool) -> tuple[Term, ...]:
    """Return the required or the excluded terms, without duplicates."""
    mine = [piece for piece in pieces if (piece["minus"] is None) == is_wanted]
    terms = [
        Term.of(
            piece["word"] or piece["term"],
            is_prefix=is_wanted and piece is pieces[-1] and piece["word"] is not None,
        )
        for piece in mine
    ]
    return tuple(dict.fromkeys(term for term in terms if term is not None))


def _parse_filters(pieces: Sequence[re.Match[str]]) -> Query:
    values: dict[str, str] = {}
    for piece in pieces:
        key = piece["key"].lower()
        if key in values:
            raise _invalid(f"say {key}: once")
        values[key] = piece["value"].strip('"')
    before = values.get("before")
    sender, addressee = _name(values, "from"), _name(values, "to")
    room = _name(values, "room")
    return Query(
        sender=None if sender is None else peer_key(sender),
        addressee=None if addressee is None else peer_key(addressee),
        room=None if room is None else room_key(room),
        before_ms=None if before is None else _time_ms(before),
        is_open=_is_open(values.get("is")),
    )


def _name(values: dict[str, str], filter_name: str) -> str | None:
    name = values.get(filter_name)
    if name is None:
        return None
    if not is_name(name) and (filter_name != "to" or word_of_address(name) is None):
        raise _invalid(f"{filter_name}: takes a name; {NAME_RULE}")
    return name


def _is_open(value: str | None) -> bool:
    if value is not None and value.lower() != "open":
        raise _invalid("is: takes 'open', for questions that nobody has answered")
    return value is not None


def _time_ms(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise _invalid(_TIME_RULE)
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise _invalid(_TIME_RULE) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
