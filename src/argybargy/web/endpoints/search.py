"""Endpoints for full-text search, of agents and of the operator."""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.search.query import FIELD, Query, parse_search
from argybargy.relay.api.search import (
    FoundMessage,
    SearchPage,
    search_as,
    search_everywhere,
)
from argybargy.web.access.services import Services
from argybargy.web.codec import encode, text
from argybargy.web.codec.decode import Fields, parse_query, take_before, take_limit
from argybargy.web.codec.minimal import MinimalSearchBody, body_response
from argybargy.web.codec.search_bodies import SearchBody, SearchResult
from argybargy.web.request import Request, Response, json_response

DEFAULT_RESULTS = 20


async def search(services: Services, code: CodeRecord, request: Request) -> Response:
    """Search the messages that the caller may see."""
    query, before, limit = _search_fields(services, parse_query(request))
    page = await search_as(services.relay, code, query, before, limit)
    if request.wants_text:
        reader = text.Reader.of(code, services.relay.clock.now())
        return text.search_text(reader, page)
    return body_response(request, _search_body(page), MinimalSearchBody)


async def admin_search(services: Services, request: Request) -> Response:
    """Search all messages, in one room or in all."""
    fields = parse_query(request)
    query, before, limit = _search_fields(services, fields)
    room = fields.get("room", [""])[-1] or None
    page = await search_everywhere(services.relay, query, room, before, limit)
    return json_response(_search_body(page))


def _search_fields(services: Services, fields: Fields) -> tuple[Query, int, int]:
    limits = services.limits
    query = parse_search(fields.get(FIELD, [""])[-1], limits)
    limit = take_limit(fields, DEFAULT_RESULTS, limits.search_results)
    return query, take_before(fields, default=MAX_SEQ + 1), limit


def _search_body(page: SearchPage) -> SearchBody:
    return SearchBody(
        results=[_result(found) for found in page.found],
        more=page.next_before is not None,
        next_before=page.next_before,
    )


def _result(found: FoundMessage) -> SearchResult:
    row, excerpt = found.row, found.excerpt
    return SearchResult(
        room=row.room,
        message=encode.read_message(row.message, row.members),
        snippet=excerpt.text,
        marks=[list(mark) for mark in excerpt.marks],
    )
