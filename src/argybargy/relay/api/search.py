"""Looking for what was said, as far as the one who looks may see it."""

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import room_key
from argybargy.domain.search.query import FIELD, TOO_WIDE, Findings, Query, Scope
from argybargy.domain.search.snippet import Snippet
from argybargy.relay.api.stream_cursor import MessageInRoom
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated


@attrs.frozen
class FoundMessage:
    """A message that was looked for.

    Attributes:
        row: The message, as it is shown elsewhere.
        excerpt: A line out of it that shows why it was found.
    """

    row: MessageInRoom
    excerpt: Snippet


@attrs.frozen
class SearchPage:
    """What a search came to.

    Attributes:
        found: Newest first.
        next_before: From where to look on; ``None`` when there is no more.
    """

    found: tuple[FoundMessage, ...] = ()
    next_before: int | None = None


async def search_as(
    relay: Relay, code: CodeRecord, query: Query, before: int, limit: int
) -> SearchPage:
    """Look for what the peer that holds a code may see in its room.

    In another room than its own it finds nothing, whether there is one or not.

    Args:
        relay: The relay.
        code: Who looks.
        query: For what.
        before: Only below this seq.
        limit: Most messages wanted.

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
    scope = Scope(live.name, code.peer.name)
    async with relay.searches.hold(code.peer):
        findings = await _search(relay, query, scope, before, limit)
    members = relay.members(live)
    return _page(findings, {code.peer.room: members})


async def search_everywhere(
    relay: Relay, query: Query, room: str | None, before: int, limit: int
) -> SearchPage:
    """Look for anything that was said, in one room or in all.

    Args:
        relay: The relay.
        query: What is looked for; a room that it names holds as well.
        room: The room, or ``None`` for all.
        before: Only below this: a seq where one room is searched, else what a page
            before this one gave.
        limit: Most messages wanted.

    Raises:
        RelayError: ``room_not_found``, for `room`; ``invalid_request``: too many
            words begin like the last one; ``busy``: too many searches of
            operators are under way; or the store cannot be read.
    """
    if room is not None and not relay.knows(room):
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
