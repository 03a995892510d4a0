"""Use cases of search: in a peer's room, or everywhere for the operator."""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import room_key
from argybargy.domain.search.query import FIELD, TOO_WIDE, Findings, Query, Scope
from argybargy.domain.search.snippet import Snippet
from argybargy.relay.api.stream_cursor import MessageInRoom
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen


@frozen
class FoundMessage:
    """A search result.

    Attributes:
        row: The message with its room.
        excerpt: Excerpt of one line, with the matching words marked.
    """

    row: MessageInRoom
    excerpt: Snippet


@frozen
class SearchPage:
    """A page of search results.

    Attributes:
        found: The results, newest first.
        next_before: The `before` of the next page; ``None`` on the last one.
    """

    found: tuple[FoundMessage, ...] = ()
    next_before: int | None = None


async def search_as(
    relay: Relay, code: CodeRecord, query: Query, before: int, limit: int
) -> SearchPage:
    """Search the messages that a peer may see in its room.

    A query for another room finds nothing, whether that room exists or not.

    Args:
        relay: The relay.
        code: The code of the searching peer.
        query: The parsed query.
        before: Only messages below this seq.
        limit: The most results.

    Raises:
        RelayError: ``invalid_request``: too many words begin like the last one;
            ``rate_limited``, as several reads; ``busy``: too many searches
            of this peer are under way; or the store cannot be read.
    """
    now = relay.clock.now().steady_seconds
    relay.request_limits.admit_read(code.peer, now, relay.limits.search_reads)
    live = await relay.live(code.room)
    if query.room not in {None, code.peer.room}:
        return SearchPage()
    scope = Scope(live.name, code.reads_as)
    async with relay.searches.hold(code.peer):
        findings = await _search(relay, query, scope, before, limit)
    members = relay.members(live)
    return _page(findings, {code.peer.room: members})


async def search_everywhere(
    relay: Relay, query: Query, room: str | None, before: int, limit: int
) -> SearchPage:
    """Search all messages of one room or of all rooms, for the operator.

    Args:
        relay: The relay.
        query: The parsed query; a room named in it must match as well.
        room: The name of the room; ``None`` for all.
        before: Only messages below this: a seq for one room, else the `next_before`
            of the previous page.
        limit: The most results.

    Raises:
        RelayError: ``room_not_found``, for `room`; ``invalid_request``: too many
            words begin like the last one; ``busy``: too many searches of
            operators are under way; or the store cannot be read.
    """
    if room is not None and not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    where = query.room if room is None else room_key(room)
    if query.room not in {None, where}:
        return SearchPage()
    async with relay.searches.hold(None):
        findings = await _search(relay, query, Scope(where), before, limit)
    board = relay.overview
    board.recompute(relay.clock.now())
    rooms = {room_key(each.room) for each in findings.found}
    return _page(findings, {key: board.members(key) for key in rooms})


async def _search(
    relay: Relay, query: Query, scope: Scope, before: int, limit: int
) -> Findings:
    with translated():
        findings = await relay.store.search(
            query, scope, before, limit, relay.limits.poll_bytes
        )
    if findings.is_too_wide:
        raise RelayError.invalid(FIELD, TOO_WIDE)
    return findings


def _page(findings: Findings, members: dict[str, tuple[str, ...]]) -> SearchPage:
    found = tuple(
        FoundMessage(
            MessageInRoom(each.room, each.message, members[room_key(each.room)]),
            each.excerpt,
        )
        for each in findings.found
    )
    return SearchPage(found, findings.found[-1].place if findings.has_more else None)
