"""Choose the room of an agent's request, for codes that open several."""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.many_rooms import choose_room
from argybargy.domain.names import room_key
from argybargy.domain.room.writes import Audit
from argybargy.relay.relay import Relay
from argybargy.web.access.services import Services
from argybargy.web.codec.decode import parse_query
from argybargy.web.request import Request

ROOM: Final = "room"
ALL_ROOMS: Final = "*"


def room_in_query(request: Request) -> str | None:
    """Return the room that a query names; ``None`` without one.

    Raises:
        RelayError: ``invalid_request``.
    """
    query = request.query
    # Most queries name no room, and many endpoints read no query at all.
    if b"room" not in query and b"%" not in query:
        return None
    return parse_query(request).get(ROOM, [None])[-1]


def choose_record(
    records: Sequence[CodeRecord], request: Request, *, needs_room: bool
) -> CodeRecord:
    """Return the record of the room that a request is for.

    Args:
        records: The valid records of the presented code, at least one.
        request: The request.
        needs_room: Whether a code that has lost its first room must name another.

    Raises:
        RelayError: ``room_not_found``, or ``invalid_request``.
    """
    room = room_in_query(request)
    if room is None and not needs_room:
        return records[0]
    return choose_room(records, room)


def room_of_request(
    services: Services, code: CodeRecord, request: Request, in_body: str | None = None
) -> CodeRecord:
    """Return the record of the room that the body or the query names, else the first.

    For endpoints whose route says that they choose the room.

    Raises:
        RelayError: ``room_not_found``; ``unauthorized``, when the code has ended;
            ``invalid_request``, when body and query name different rooms.
    """
    room = room_in_query(request)
    if in_body is not None:
        if room is not None and room_key(room) != room_key(in_body):
            raise RelayError.invalid(ROOM, "only once: in the body or in the query")
        room = in_body
    relay, now = services.relay, services.relay.clock.now()
    is_first = code.presented is None
    if room is None and is_first and relay.codes.is_live(code, now):
        return code  # as below, without a look at the other rooms: for nearly all
    records = relay.codes.rooms_of(code, now)
    if not records:
        raise RelayError(Problem.UNAUTHORIZED)
    chosen = choose_room(records, room)
    if chosen.peer.room != code.peer.room:
        note_arrival(relay, chosen, now)
    return chosen


def several_rooms(
    services: Services, code: CodeRecord, rooms: Sequence[str]
) -> list[CodeRecord]:
    """Return the records of the rooms of a poll: those named, or ``*`` for all.

    Raises:
        RelayError: ``room_not_found``; ``unauthorized``, when the code has ended.
    """
    relay, now = services.relay, services.relay.clock.now()
    records = relay.codes.rooms_of(code, now)
    if not records:
        raise RelayError(Problem.UNAUTHORIZED)
    if list(rooms) != [ALL_ROOMS]:
        chosen = {choose_room(records, room).peer.room for room in rooms}
        records = [record for record in records if record.peer.room in chosen]
    for record in records:
        note_arrival(relay, record, now)
    return records


def note_arrival(relay: Relay, record: CodeRecord, now: Instant) -> None:
    """Note the presence of a peer that makes a request.

    Its first request since the relay was started adds a row to the audit log.
    """
    if relay.first_seen(record, now):
        detail = record.capabilities
        relay.write_behind.note(
            Audit(now.wall_ms, "connect", record.name, record.room, detail)
        )
