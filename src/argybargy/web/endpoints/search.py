"""The endpoints that look for what was said."""

from typing import cast

import msgspec

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
from argybargy.web.codec import encode
from argybargy.web.codec.bodies import ReadMessage
from argybargy.web.codec.decode import Fields, parse_query, take_before, take_limit
from argybargy.web.codec.search_bodies import SearchBody, SearchResult
from argybargy.web.request import Request, Response, json_response

DEFAULT_RESULTS = 20


async def search(services: Services, code: CodeRecord, request: Request) -> Response:
    """Look for what the asker may see."""
    query, before, limit = _wanted(services, parse_query(request))
    page = await search_as(services.relay, code, query, before, limit)
    return _answer(page)


async def admin_search(services: Services, request: Request) -> Response:
    """Look for anything that was said."""
    fields = parse_query(request)
    query, before, limit = _wanted(services, fields)
    room = fields.get("room", [""])[-1] or None
    page = await search_everywhere(services.relay, query, room, before, limit)
    return _answer(page)


def _wanted(services: Services, fields: Fields) -> tuple[Query, int, int]:
    limits = services.limits
    query = parse_search(fields.get(FIELD, [""])[-1], limits)
    before = take_before(fields)
    limit = take_limit(fields, DEFAULT_RESULTS, limits.search_results)
    return query, MAX_SEQ + 1 if before is None else before, limit


def _answer(page: SearchPage) -> Response:
    body = SearchBody(
        results=[_result(found) for found in page.found],
        more=page.next_before is not None,
        next_before=page.next_before,
    )
    return json_response(msgspec.json.encode(body))


def _result(found: FoundMessage) -> SearchResult:
    row, shown = found.row, found.excerpt
    message = msgspec.Raw(encode.encode_message(row.message, row.members))
    return SearchResult(
        room=row.room,
        message=cast("ReadMessage", message),
        snippet=shown.text,
        marks=[list(mark) for mark in shown.marks],
    )
