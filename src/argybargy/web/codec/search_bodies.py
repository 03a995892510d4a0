"""Types of bodies of a search; see :mod:`argybargy.web.codec.bodies`."""

from msgspec import Struct

from argybargy.web.codec.bodies import ReadMessage


class SearchQuery(Struct, frozen=True):
    """Search text, `next_before` of the page before, and most results to return."""

    q: str
    before: int | None = None
    limit: int = 20


class AdminSearchQuery(SearchQuery, frozen=True):
    """Search text and page, and the room to search. Default: all rooms."""

    room: str | None = None


class SearchResult(Struct, frozen=True):
    """A found message, with an excerpt and the [start, end) of each match in it."""

    room: str
    message: ReadMessage
    snippet: str
    marks: list[list[int]]


class SearchBody(Struct, frozen=True):
    """A page of results, newest first; `next_before` asks for the next page."""

    results: list[SearchResult]
    more: bool
    next_before: int | None
