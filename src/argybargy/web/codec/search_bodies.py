"""The bodies of a search on the wire; see :mod:`argybargy.web.codec.bodies`."""

from msgspec import Struct

from argybargy.web.codec.bodies import ReadMessage


class SearchQuery(Struct, frozen=True):
    """What to look for, from where, and how much of it."""

    q: str
    before: int | None = None
    limit: int = 20


class AdminSearchQuery(SearchQuery, frozen=True):
    """The same, in one room or in all."""

    room: str | None = None


class SearchResult(Struct, frozen=True):
    """A message, a line out of it, and the characters of that which to mark."""

    room: str
    message: ReadMessage
    snippet: str
    marks: list[list[int]]


class SearchBody(Struct, frozen=True):
    """What was found, newest first, and where to look on."""

    results: list[SearchResult]
    more: bool
    next_before: int | None
