"""The operator's endpoints, in the shapes that dashboards for the first relay know."""

from typing import cast

import attrs
import msgspec

from argybargy import __version__
from argybargy.domain.durations import parse_lifetime
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import OPERATOR, RESERVED_PEER_NAMES, fold
from argybargy.domain.room.state import RoomStatus
from argybargy.onboarding.brief import connect_instruction
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator, stream_cursor
from argybargy.relay.api.operator import OperatorState
from argybargy.relay.overview.room_view import RoomView
from argybargy.web.access.auth import acting_operator
from argybargy.web.access.services import Services
from argybargy.web.codec import encode, operator_rows
from argybargy.web.codec.bodies import RoomMessageBody
from argybargy.web.codec.decode import (
    Problems,
    check_peer_name,
    check_room_name,
    draft_of,
    idempotency_key,
    parse_query,
    read_json,
    take_before,
    take_limit,
)
from argybargy.web.codec.operator_bodies import (
    AuditBody,
    AuditEvent,
    InviteBody,
    InviteRequest,
    PresenceRow,
    RevokeBody,
    RevokedCode,
    RevokeRequest,
    RoomActionBody,
    RoomActionRequest,
    RoomRow,
    SayRequest,
    StateBody,
    StatsBody,
    TokenBody,
)
from argybargy.web.identity import IdentityKind
from argybargy.web.request import Request, Response, json_response

STATE_MESSAGES, HISTORY_MESSAGES = 60, 50
AUDIT_ROWS, MOST_AUDIT_ROWS = 100, 1_000
_SPEAKERS = RESERVED_PEER_NAMES - {OPERATOR, "admin"}


async def invite(services: Services, request: Request) -> Response:
    """Make a code, which is shown this once."""
    body, ignored = await read_json(request, InviteRequest)
    invitation = _invitation(services, body)
    (invited,) = await operator.invite(services.relay, [invitation])
    record, base = invited.record, services.public_url
    answer = InviteBody(
        code=invited.code,
        key_id=record.key_id,
        name=record.name,
        room=record.room,
        expires=encode.timestamp(record.expires_ms),
        capabilities=record.capabilities,
        url=base,
        instruction=connect_instruction(base, invited.code),
        ignored=ignored or msgspec.UNSET,
    )
    return json_response(msgspec.json.encode(answer))


def _invitation(services: Services, body: InviteRequest) -> Invitation:
    problems = Problems()
    check_peer_name(problems, body.name)
    check_room_name(problems, body.room)
    most = services.limits.capabilities_chars
    said = {
        "capabilities": body.capabilities or "",
        "client": body.client or "",
        "model": body.model or "",
    }
    for field, text in said.items():
        is_wrong = len(text) > most or not text.isprintable()
        problems.check(field, f"at most {most} printable characters", is_wrong=is_wrong)
    problems.raise_any()
    expires = None if body.expires is None else str(body.expires)
    return Invitation(
        room=body.room, name=body.name, lifetime_seconds=parse_lifetime(expires), **said
    )


async def revoke(services: Services, request: Request) -> Response:
    """Take codes back."""
    body, ignored = await read_json(request, RevokeRequest)
    if not body.target.strip():
        raise RelayError.invalid("target", "a key id, a code, or a name")
    gone = await operator.revoke(
        services.relay, body.target.strip(), body.room, everywhere=body.all
    )
    codes = [RevokedCode(each.key_id, each.name, each.room) for each in gone]
    answer = RevokeBody(len(codes), codes, ignored or msgspec.UNSET)
    return json_response(msgspec.json.encode(answer))


async def say(services: Services, request: Request) -> Response:
    """Let the human speak in a room, a closed one included."""
    body, ignored = await read_json(request, SayRequest)
    problems = Problems()
    check_room_name(problems, body.room)
    _check_speaker(problems, "sender", body.sender)
    problems.raise_any()
    limits = services.limits
    key = idempotency_key(request, limits)
    draft = draft_of(
        body.text, body.to, body.expects_reply, body.reply_to, limits, key=key
    )
    outcome = await operator.say(services.relay, body.room, body.sender, draft)
    return json_response(encode.post_answer(outcome, ignored))


def _check_speaker(problems: Problems, field: str, name: str) -> None:
    check_room_name(problems, name, field)
    problem = f"none of {', '.join(sorted(_SPEAKERS))}"
    problems.check(field, problem, is_wrong=fold(name) in _SPEAKERS)


async def open_room(services: Services, request: Request) -> Response:
    """Make a room before anybody speaks in it."""
    room, by, ignored = await _room_action(request)
    status = await operator.open_room(services.relay, room, by)
    return _room_answer(status, ignored)


async def close_room(services: Services, request: Request) -> Response:
    """Close a room and dismiss the agents in it."""
    room, by, ignored = await _room_action(request)
    status = await operator.close_room(services.relay, room, by)
    return _room_answer(status, ignored)


async def reopen_room(services: Services, request: Request) -> Response:
    """Let agents back into a room."""
    room, by, ignored = await _room_action(request)
    status = await operator.reopen_room(services.relay, room, by)
    return _room_answer(status, ignored)


async def _room_action(request: Request) -> tuple[str, str, list[str]]:
    body, ignored = await read_json(request, RoomActionRequest, is_optional=True)
    by = body.by.strip() or OPERATOR
    problems = Problems()
    check_room_name(problems, request.params["room"])
    _check_speaker(problems, "by", by)
    problems.raise_any()
    return request.params["room"], by, ignored


def _room_answer(status: RoomStatus, ignored: list[str]) -> Response:
    body = RoomActionBody(
        ok=True, room=encode.room_status(status), ignored=ignored or msgspec.UNSET
    )
    return json_response(msgspec.json.encode(body))


async def regenerate_token(services: Services, request: Request) -> Response:
    """Replace the admin token; the old one is worth nothing from then on.

    No session and no sign-in code outlives it. A session may not ask for it: it would
    get a secret that outlasts it.
    """
    if acting_operator(request).kind is not IdentityKind.TOKEN:
        raise RelayError(Problem.TOKEN_REQUIRED)
    try:
        token = await services.admin_token.rotate()
    except OSError:
        raise RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=1) from None
    services.sessions.end_all()
    operator.note_rotation(services.relay)
    return json_response(msgspec.json.encode(TokenBody(token)))


async def audit(services: Services, request: Request) -> Response:
    """Return the audit log, newest last."""
    fields = parse_query(request)
    limit = take_limit(fields, AUDIT_ROWS, MOST_AUDIT_ROWS)
    found = await operator.audit(services.relay, limit, take_before(fields))
    events = [
        AuditEvent(
            row.id,
            format_timestamp(row.audit.at_ms),
            row.audit.action,
            row.audit.actor,
            row.audit.room,
            row.audit.detail,
        )
        for row in found
    ]
    return json_response(msgspec.json.encode(AuditBody(events)))


async def stats(services: Services, request: Request) -> Response:
    """Return the relay in numbers."""
    found = operator.stats(services.relay)
    fields = attrs.asdict(found) | {"uptime_seconds": round(found.uptime_seconds)}
    return json_response(msgspec.json.encode(StatsBody(version=__version__, **fields)))


async def history(services: Services, request: Request) -> Response:
    """Look back at all that was said in a room."""
    fields, room = parse_query(request), request.params["room"]
    limit = take_limit(fields, HISTORY_MESSAGES, services.limits.history_messages)
    before = take_before(fields)
    before = MAX_SEQ + 1 if before is None else before
    found = await operator.history(services.relay, room, before, limit)
    return json_response(encode.history(found.status.name, found))


# -- everything at a glance -------------------------------------------------------


async def state(services: Services, request: Request) -> Response:
    """Return everything at a glance; with ``?room=`` the messages of that room."""
    room = parse_query(request).get("room", [None])[-1] or None
    found = await operator.read_overview_state(services.relay, room, STATE_MESSAGES)
    return json_response(msgspec.json.encode(_state_body(services, room, found)))


def _state_body(
    services: Services, room: str | None, found: OperatorState
) -> StateBody:
    members = {_name(view): view.members for view in found.rooms}
    messages = [
        operator_rows.room_message(
            stream_cursor.MessageInRoom(name, message, members.get(name, ()))
        )
        for name, message in found.messages
    ]
    return StateBody(
        version=__version__,
        public_url=services.public_url,
        hash_codes=True,
        peers={
            _name(view): [
                PresenceRow(seen.name, seen.is_online, seen.seconds)
                for seen in view.seen
            ]
            for view in found.rooms
            if view.seen
        },
        roster={
            _name(view): [operator_rows.roster_row(row) for row in view.roster]
            for view in found.rooms
        },
        codes=[operator_rows.code_row(code) for code in found.codes],
        room=room,
        rooms=_room_rows(found),
        room_status={
            _name(view): encode.room_status(view.summary.status) for view in found.rooms
        },
        waiting=[operator_rows.waiting_row(row) for row in found.waiting],
        max_idle_seconds=services.limits.idle_seconds,
        messages=cast("list[RoomMessageBody]", messages),
        limits=attrs.asdict(services.limits),
    )


def _name(view: RoomView) -> str:
    return view.summary.status.name


def _room_rows(found: OperatorState) -> list[RoomRow]:
    """Return the rooms that hold messages, those with the latest first."""
    spoken = [view.summary for view in found.rooms if view.summary.head]
    spoken.sort(key=lambda summary: (-summary.last_ms, summary.status.name))
    return [
        RoomRow(
            room=summary.status.name,
            messages=summary.messages,
            last_seq=summary.head,
            last_ts=format_timestamp(summary.last_ms),
            seconds_since_last=round(
                found.now.age_seconds(summary.last_ms, summary.heard_ms), 1
            ),
            status="closed" if summary.status.is_closed else "open",
            closed_at=summary.status.closed_at,
            closed_by=summary.status.closed_by,
        )
        for summary in spoken
    ]
