"""The operator's endpoints about signing in and out."""

from typing import Final

import msgspec

from argybargy.domain.access_codes import SIGN_IN_PREFIX, key_id_of
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.room.writes import Audit
from argybargy.relay.api.operator import OPERATOR_ACTOR
from argybargy.web.access.auth import (
    acting_operator,
    count_failure,
    require_admin,
    shows_operator,
)
from argybargy.web.access.services import Services
from argybargy.web.access.session_cookie import (
    can_keep_cookie,
    clear_cookie,
    set_cookie,
)
from argybargy.web.access.sessions import NewSession, Session
from argybargy.web.codec.decode import read_json
from argybargy.web.codec.session_bodies import (
    EndedBody,
    IdentityBody,
    RevokedSessionBody,
    RevokedSessionsBody,
    SessionBody,
    SessionRequest,
    SessionRow,
    SessionsBody,
    SignInBody,
)
from argybargy.web.identity import OperatorIdentity
from argybargy.web.request import Request, Response, json_response

DASHBOARD: Final = "/dashboard"


def offer_sign_in(services: Services, by: OperatorIdentity) -> SignInBody:
    """Make a one-time sign-in code, and note that there is one.

    The code is in the fragment of the link, which browsers tell no server.
    """
    made = services.sessions.make_code(by)
    _note(services, "sign_in_link", key_id_of(made.record.digest))
    return SignInBody(
        code=made.code,
        url=f"{services.public_url}{DASHBOARD}#code={made.code}",
        expires=_shown(services, made.record.end.counted_ms),
    )


async def make_sign_in(services: Services, request: Request) -> Response:
    """Make a one-time sign-in code, which is shown this once."""
    body = offer_sign_in(services, acting_operator(request))
    return json_response(msgspec.json.encode(body))


async def open_session(services: Services, request: Request) -> Response:
    """Trade the token, or a sign-in code, for a session.

    Whoever shows anything but a code is known before the body is read. Who shows
    nothing may have a code in it: that is the one body read from a stranger.
    """
    by = require_admin(services, request) if shows_operator(request) else None
    body, ignored = await read_json(request, SessionRequest, is_optional=True)
    if body.code is not None:
        made = _redeem(services, request, body.code)
    else:
        by = by or require_admin(services, request)
        made = services.sessions.open(by, request.client)
    way = "token" if body.code is None else "link"
    detail = f"{made.session.id} by {way} from {request.client}"
    _note(services, "sign_in", detail)
    in_cookie = body.cookie and can_keep_cookie(request, services.public_url)
    answer = _session_body(services, made, ignored, in_cookie=in_cookie)
    reply = json_response(msgspec.json.encode(answer))
    if not in_cookie:
        return reply
    return reply.with_headers(*set_cookie(request, services.public_url, made.token))


def _redeem(services: Services, request: Request, code: str) -> NewSession:
    code = code.strip()
    made = services.sessions.redeem(code, request.client)
    if made is None:
        is_guess = services.sessions.is_guess(code, SIGN_IN_PREFIX)
        count_failure(services, request, "admin_auth_failed", is_guess=is_guess)
        raise RelayError(Problem.SIGN_IN_REFUSED)
    return made


def _session_body(
    services: Services, made: NewSession, ignored: list[str], *, in_cookie: bool
) -> SessionBody:
    session = made.session
    return SessionBody(
        session=None if in_cookie else made.token,
        id=session.id,
        created=_shown(services, session.created_ms),
        expires=_shown(services, session.end.counted_ms),
        idle_seconds=services.limits.session_idle_seconds,
        cookie=in_cookie,
        ignored=ignored or msgspec.UNSET,
    )


async def get_session(services: Services, request: Request) -> Response:
    """Tell the operator what they came in by."""
    by = acting_operator(request)
    session = services.sessions.find(by)
    body = IdentityBody(by.kind.value)
    if session is not None:
        body = IdentityBody(
            by.kind.value,
            session.id,
            _shown(services, session.created_ms),
            _shown(services, session.end.counted_ms),
            services.limits.session_idle_seconds,
        )
    return json_response(msgspec.json.encode(body))


async def end_session(services: Services, request: Request) -> Response:
    """End the session that the request carries."""
    by = acting_operator(request)
    if by.id is not None:
        services.sessions.end(by.id)
        _note(services, "sign_out", by.id)
    reply = json_response(msgspec.json.encode(EndedBody(by.id)))
    if request.header(b"cookie") is None:
        return reply
    return reply.with_headers(*clear_cookie(request, services.public_url))


async def list_sessions(services: Services, request: Request) -> Response:
    """List the sessions, by their public halves."""
    by, now = acting_operator(request), services.relay.clock.now()
    rows = [
        _session_row(session, now, is_current=session.id == by.id)
        for session in services.sessions.live()
    ]
    body = SessionsBody(
        rows, services.limits.session_idle_seconds, services.sessions.open_codes()
    )
    return json_response(msgspec.json.encode(body))


def _session_row(session: Session, now: Instant, *, is_current: bool) -> SessionRow:
    used = now.steady_seconds - session.used_at
    return SessionRow(
        id=session.id,
        address=session.address,
        created=format_timestamp(now.on_wall(session.created_ms)),
        expires=format_timestamp(now.on_wall(session.end.counted_ms)),
        seconds_since_used=0.0 if session.watchers else round(used, 1),
        streams=session.watchers,
        current=is_current,
    )


async def revoke_session(services: Services, request: Request) -> Response:
    """End one session, whoever has it."""
    session_id = request.params["id"]
    if not services.sessions.end(session_id):
        raise RelayError(Problem.SESSION_NOT_FOUND)
    _note(services, "session_revoke", session_id)
    return json_response(msgspec.json.encode(RevokedSessionBody(session_id)))


async def revoke_sessions(services: Services, request: Request) -> Response:
    """End every session, and make every open sign-in code worthless."""
    ended = services.sessions.end_sessions()
    _note(services, "session_revoke", f"all {ended}")
    return json_response(msgspec.json.encode(RevokedSessionsBody(ended)))


def _shown(services: Services, counted_ms: int) -> str:
    return format_timestamp(services.relay.clock.now().on_wall(counted_ms))


def _note(services: Services, action: str, detail: str) -> None:
    now = services.relay.clock.now()
    services.relay.ledger.note(
        Audit(now.wall_ms, action, OPERATOR_ACTOR, detail=detail)
    )
