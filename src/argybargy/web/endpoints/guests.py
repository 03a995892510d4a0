"""Endpoint of the operator that lets a person into one room."""

from argybargy.domain.access_codes import Role
from argybargy.domain.durations import parse_lifetime
from argybargy.domain.instant import format_timestamp
from argybargy.relay.api.guests import GuestRequest, invite_guest
from argybargy.web.access.services import Services
from argybargy.web.codec.decode import check_peer_name, check_room_name, read_json
from argybargy.web.codec.guest_bodies import GuestBody, GuestRequestBody
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.request import Request, Response, json_response
from argybargy.web.static import GUEST_PATH


async def make_guest(services: Services, request: Request) -> Response:
    """Create the link of a guest; this response is the only one that shows it.

    The link carries the code in its fragment, which browsers never send to a server.
    """
    body, ignored = await read_json(request, GuestRequestBody, is_optional=True)
    wanted = _wanted(services, request.params["room"], body)
    made = await invite_guest(services.relay, wanted)
    record = made.record
    assert record.expires_ms is not None  # every guest has an end
    answer = GuestBody(
        link=f"{services.public_url}{GUEST_PATH}#code={made.code}",
        code=made.code,
        key_id=record.key_id,
        room=record.room,
        name=record.name,
        role="person" if record.role is Role.PERSON else "reader",
        speaks=record.role is Role.PERSON,
        expires_at=format_timestamp(record.expires_ms),
    )
    return json_response(answer, ignored)


def _wanted(services: Services, room: str, body: GuestRequestBody) -> GuestRequest:
    errors, limits = ValidationErrors(), services.limits
    check_room_name(errors, room)
    if body.name is not None:
        check_peer_name(errors, body.name)
    nameless = body.speaks and body.name is None
    errors.check("name", "a guest that speaks needs a name", is_wrong=nameless)
    seconds: float | None = limits.guest_seconds
    if body.ttl is not None:
        seconds = parse_lifetime(str(body.ttl))
    most = limits.guest_seconds_max
    is_wrong = seconds is None or not 1 <= seconds <= most
    problem = f"a guest link always ends: at most {most // 86_400} days"
    errors.check("ttl", problem, is_wrong=is_wrong)
    errors.raise_any()
    assert seconds is not None  # checked above
    return GuestRequest(room, body.name, body.speaks, seconds)
