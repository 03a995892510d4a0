"""Endpoints of the operator: codes, rooms, messages, audit log and state.

The bodies have the shapes of the original Argybargy, so that clients written for
it keep working.
"""

import attrs
import msgspec
from msgspec import UNSET

from argybargy import __version__
from argybargy.domain.durations import parse_lifetime
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import format_timestamp
from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import (
    OPERATOR,
    RESERVED_PEER_NAMES,
    is_peer_name,
    peer_key,
)
from argybargy.domain.room.state import RoomStatus
from argybargy.onboarding.instructions import connect_instruction
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import deletion, operator
from argybargy.relay.api.asking import await_thread_as_operator
from argybargy.relay.api.operator import OperatorState
from argybargy.relay.overview.room_view import RoomView
from argybargy.web.access.auth import acting_operator
from argybargy.web.access.services import Services
from argybargy.web.codec import encode, operator_rows
from argybargy.web.codec.bodies import WithdrawnBody
from argybargy.web.codec.decode import (
    check_peer_name,
    check_room_name,
    decode_reason,
    idempotency_key,
    parse_query,
    parse_seq,
    read_json,
    seq_in_path,
    take_before,
    take_limit,
)
from argybargy.web.codec.notification_bodies import notifications_body
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
    RoomDeletionBody,
    RoomRow,
    SayRequest,
    StateBody,
    StatsBody,
    TokenBody,
    UndampBody,
)
from argybargy.web.codec.posts import draft_of
from argybargy.web.codec.room_lists import invited_rooms
from argybargy.web.codec.validation_errors import ValidationErrors
from argybargy.web.codec.waits import awaited_body, decode_wait, status_of
from argybargy.web.identity import IdentityKind
from argybargy.web.ignored import Ignored
from argybargy.web.request import Request, Response, json_response

STATE_MESSAGES, HISTORY_MESSAGES = 60, 50
AUDIT_ROWS, MOST_AUDIT_ROWS = 100, 1_000
_NOT_SPEAKERS = RESERVED_PEER_NAMES - {OPERATOR, "admin"}


async def invite(services: Services, request: Request) -> Response:
    """Create an access code; this response is the only one that shows it."""
    body, ignored = await read_json(request, InviteRequest)
    rooms = invited_rooms(body.rooms, body.room, services.limits)
    invitation = _invitation(services, msgspec.structs.replace(body, room=rooms[0]))
    invited, *others = await operator.invite(
        services.relay,
        [attrs.evolve(invitation, room=room) for room in rooms],
        is_one_code=True,
    )
    record, base = invited.record, services.public_url
    named = [record.room, *(other.record.room for other in others)]
    answer = InviteBody(
        code=invited.code,
        key_id=record.key_id,
        name=record.name,
        room=record.room,
        expires=encode.timestamp(record.expires_ms),
        capabilities=record.capabilities,
        url=base,
        instruction=connect_instruction(base, invited.code, named),
        rooms=named if others else UNSET,
    )
    return json_response(answer, ignored)


def _invitation(services: Services, body: InviteRequest) -> Invitation:
    errors = ValidationErrors()
    check_peer_name(errors, body.name)
    check_room_name(errors, body.room)
    most = services.limits.capabilities_chars
    said = {
        "capabilities": body.capabilities or "",
        "client": body.client or "",
        "model": body.model or "",
    }
    for field, text in said.items():
        is_wrong = len(text) > most or not text.isprintable()
        errors.check(field, f"at most {most} printable characters", is_wrong=is_wrong)
    errors.raise_any()
    expires = None if body.expires is None else str(body.expires)
    return Invitation(
        room=body.room,
        name=body.name,
        capabilities=said["capabilities"],
        lifetime_seconds=parse_lifetime(expires),
        client=said["client"],
        model=said["model"],
    )


async def revoke(services: Services, request: Request) -> Response:
    """Revoke access codes."""
    body, ignored = await read_json(request, RevokeRequest)
    if not body.target.strip():
        raise RelayError.invalid("target", "a key id, a code, or a name")
    revoked = await operator.revoke(
        services.relay, body.target.strip(), body.room, everywhere=body.all
    )
    codes = [RevokedCode(code.key_id, code.name, code.room) for code in revoked]
    return json_response(RevokeBody(len(codes), codes), ignored)


async def say(services: Services, request: Request) -> Response:
    """Post a message as the operator; closed rooms accept it too."""
    body, ignored = await read_json(request, SayRequest)
    errors = ValidationErrors()
    check_room_name(errors, body.room)
    _check_speaker(errors, "sender", body.sender)
    errors.raise_any()
    limits = services.limits
    key = idempotency_key(request, limits)
    draft = draft_of(body, limits, key=key, ignored=ignored)
    outcome = await operator.say(
        services.relay, body.room, body.sender, draft, may_create=body.new
    )
    return json_response(encode.post_answer(outcome), ignored)


def _check_speaker(errors: ValidationErrors, field: str, name: str) -> None:
    check_room_name(errors, name, field)
    problem = f"none of {', '.join(sorted(_NOT_SPEAKERS))}"
    errors.check(field, problem, is_wrong=peer_key(name) in _NOT_SPEAKERS)


async def open_room(services: Services, request: Request) -> Response:
    """Create an empty room."""
    room, by, ignored = await _room_action(request)
    status = await operator.open_room(services.relay, room, by)
    return _room_response(status, ignored)


async def close_room(services: Services, request: Request) -> Response:
    """Close a room: agents in it are told to leave."""
    room, by, ignored = await _room_action(request)
    status = await operator.close_room(services.relay, room, by)
    return _room_response(status, ignored)


async def reopen_room(services: Services, request: Request) -> Response:
    """Reopen a closed room."""
    room, by, ignored = await _room_action(request)
    status = await operator.reopen_room(services.relay, room, by)
    return _room_response(status, ignored)


async def delete_room(services: Services, request: Request) -> Response:
    """Delete a closed room with everything in it."""
    room, by, ignored = await _room_action(request)
    found = await deletion.delete_room(services.relay, room, by)
    body = RoomDeletionBody(
        True, found.name, found.messages, found.codes, found.is_erased
    )
    return json_response(body, ignored)


async def _room_action(request: Request) -> tuple[str, str, Ignored]:
    body, ignored = await read_json(request, RoomActionRequest, is_optional=True)
    by = body.by.strip() or OPERATOR
    errors = ValidationErrors()
    check_room_name(errors, request.params["room"])
    _check_speaker(errors, "by", by)
    errors.raise_any()
    return request.params["room"], by, ignored


def _room_response(status: RoomStatus, ignored: Ignored) -> Response:
    body = RoomActionBody(ok=True, room=encode.room_status(status))
    return json_response(body, ignored)


async def withdraw_question(services: Services, request: Request) -> Response:
    """Withdraw the question of any sender."""
    seq = seq_in_path(request)
    reason, ignored = await decode_reason(request, services.limits)
    await operator.withdraw(services.relay, request.params["room"], seq, reason)
    return json_response(WithdrawnBody(withdrawn=True, seq=seq), ignored)


async def undamp(services: Services, request: Request) -> Response:
    """Lift the damping of a pair of agents, or of all pairs of a room."""
    fields, room = parse_query(request), request.params["room"]
    by = fields.get("by", [""])[-1].strip() or OPERATOR
    pair = fields.get("pair", [None])[-1]
    errors = ValidationErrors()
    check_room_name(errors, room)
    _check_speaker(errors, "by", by)
    peers = None if pair is None else _pair(errors, pair)
    errors.raise_any()
    lifted = await operator.undamp(services.relay, room, by, peers)
    name = services.relay.spelling(room)
    return json_response(UndampBody(name, [list(names) for names in lifted]))


def _pair(errors: ValidationErrors, text: str) -> tuple[str, str]:
    one, _, other = (name.strip() for name in text.partition(","))
    is_wrong = not (is_peer_name(one) and is_peer_name(other))
    is_wrong = is_wrong or peer_key(one) == peer_key(other)
    errors.check("pair", "the names of two agents: anna,bob", is_wrong=is_wrong)
    return one, other


async def regenerate_token(services: Services, request: Request) -> Response:
    """Replace the admin token, and end every session and sign-in code.

    A session may not do it: it would obtain a secret that is valid for longer than the
    session itself.
    """
    if acting_operator(request).kind is not IdentityKind.TOKEN:
        raise RelayError(Problem.TOKEN_REQUIRED)
    try:
        token = await services.sessions.rotate_token()
    except OSError:
        raise RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=1) from None
    operator.note_rotation(services.relay)
    return json_response(TokenBody(token))


async def audit(services: Services, request: Request) -> Response:
    """Return a page of the audit log, newest row last."""
    fields = parse_query(request)
    limit = take_limit(fields, AUDIT_ROWS, MOST_AUDIT_ROWS)
    before = take_before(fields, default=None)
    found = await operator.audit(services.relay, limit, before)
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
    return json_response(AuditBody(events))


async def stats(services: Services, request: Request) -> Response:
    """Return the relay's statistics."""
    found = operator.stats(services.relay)
    fields = attrs.asdict(found) | {"uptime_seconds": round(found.uptime_seconds)}
    return json_response(StatsBody(version=__version__, **fields))


async def history(services: Services, request: Request) -> Response:
    """Return earlier messages of a room, private ones included."""
    fields, room = parse_query(request), request.params["room"]
    limit = take_limit(fields, HISTORY_MESSAGES, services.limits.history_messages)
    before = take_before(fields, default=MAX_SEQ + 1)
    found = await operator.history(services.relay, room, before, limit)
    return json_response(encode.history_body(found.status.name, found))


async def room_message(services: Services, request: Request) -> Response:
    """Return a message of a room with its replies, waiting for its question's end."""
    digits, acting = request.params["seq"], acting_operator(request)
    seq, wait = parse_seq("seq", digits), decode_wait(request, services.limits)

    def is_signed_in(_now: object) -> bool:
        return services.sessions.is_live(acting)

    found = await await_thread_as_operator(
        services.relay, request.params["room"], seq, wait, is_signed_in
    )
    if not is_signed_in(None):
        raise RelayError(Problem.ADMIN_UNAUTHORIZED)
    return json_response(awaited_body(found), status=status_of(found.waited, wait))


# -- state of the relay -----------------------------------------------------------


async def state(services: Services, request: Request) -> Response:
    """Return rooms, rosters, codes, open questions and recent messages."""
    room = parse_query(request).get("room", [None])[-1] or None
    found = await operator.read_overview_state(services.relay, room, STATE_MESSAGES)
    return json_response(_state_body(services, room, found))


def _state_body(
    services: Services, room: str | None, found: OperatorState
) -> StateBody:
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
            _name(view): operator_rows.room_state(view) for view in found.rooms
        },
        waiting=[operator_rows.waiting_row(row) for row in found.waiting],
        max_idle_seconds=services.limits.idle_seconds,
        messages=[operator_rows.room_message(row) for row in found.messages],
        limits=attrs.asdict(services.limits),
        notifications=notifications_body(services.relay.notifications),
        nodes=operator_rows.node_rows(services.relay.nodes),
        commands=dict(services.commands),
    )


def _name(view: RoomView) -> str:
    return view.summary.status.name


def _room_rows(found: OperatorState) -> list[RoomRow]:
    """Return the rooms that hold messages, those with the latest first."""
    active = [view.summary for view in found.rooms if view.summary.messages]
    active.sort(key=lambda summary: (-summary.last_ms, summary.status.name))
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
        for summary in active
    ]
