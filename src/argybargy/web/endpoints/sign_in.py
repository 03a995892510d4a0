"""Endpoints for the operator's sign-in codes and sessions."""

from typing import Final

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
"""Path of the page that redeems a sign-in code."""


def offer_sign_in(services: Services, by: OperatorIdentity) -> SignInBody:
    """Create a one-time sign-in code, with an audit row.

    The link carries the code in its fragment, which browsers never send to a server.
    """
    made = services.sessions.make_code(by)
    _audit(services, "sign_in_link", key_id_of(made.record.digest))
    return SignInBody(
        code=made.code,
        url=f"{services.public_url}{DASHBOARD}#code={made.code}",
        expires=_timestamp(services, made.record.end.counted_ms),
    )


async def make_sign_in(services: Services, request: Request) -> Response:
    """Create a one-time sign-in code; this response is the only one that shows it."""
    return json_response(offer_sign_in(services, acting_operator(request)))


async def open_session(services: Services, request: Request) -> Response:
    """Exchange the admin token, or a sign-in code, for a session.

    A caller with a token or session is authenticated before the body is read. Without
    either, the body may hold a sign-in code: only this endpoint and ``POST /join`` read
    the body of a caller that they have not authenticated.
    """
    by = require_admin(services, request) if shows_operator(request) else None
    body, ignored = await read_json(request, SessionRequest, is_optional=True)
    if body.code is not None:
        made = _redeem(services, request, body.code)
    else:
        by = by or require_admin(services, request)
        made = services.sessions.open(by, request.client)
    method = "token" if body.code is None else "link"
    detail = f"{made.session.id} by {method} from {request.client}"
    _audit(services, "sign_in", detail)
    in_cookie = body.cookie and can_keep_cookie(request, services.public_url)
    answer = _session_body(services, made, in_cookie=in_cookie)
    response = json_response(answer, ignored)
    if not in_cookie:
        return response
    return response.with_headers(*set_cookie(request, services.public_url, made.token))


def _redeem(services: Services, request: Request, code: str) -> NewSession:
    code = code.strip()
    made = services.sessions.redeem(code, request.client)
    if made is None:
        is_guess = services.sessions.is_guess(code, SIGN_IN_PREFIX)
        count_failure(services, request, "admin_auth_failed", is_guess=is_guess)
        raise RelayError(Problem.SIGN_IN_REFUSED)
    return made


def _session_body(
    services: Services, made: NewSession, *, in_cookie: bool
) -> SessionBody:
    session = made.session
    return SessionBody(
        session=None if in_cookie else made.token,
        id=session.id,
        created=_timestamp(services, session.created_ms),
        expires=_timestamp(services, session.end.counted_ms),
        idle_seconds=services.limits.session_idle_seconds,
        cookie=in_cookie,
    )


async def get_session(services: Services, request: Request) -> Response:
    """Return the caller's credential: the admin token, or which session."""
    by = acting_operator(request)
    session = services.sessions.find(by)
    body = IdentityBody(by.kind.value)
    if session is not None:
        body = IdentityBody(
            by.kind.value,
            session.id,
            _timestamp(services, session.created_ms),
            _timestamp(services, session.end.counted_ms),
            services.limits.session_idle_seconds,
        )
    return json_response(body)


async def end_session(services: Services, request: Request) -> Response:
    """Sign out: end the caller's session."""
    by = acting_operator(request)
    if by.id is not None:
        services.sessions.end(by.id)
        _audit(services, "sign_out", by.id)
    response = json_response(EndedBody(by.id))
    if request.header(b"cookie") is None:
        return response
    return response.with_headers(*clear_cookie(request, services.public_url))


async def list_sessions(services: Services, request: Request) -> Response:
    """List the open sessions, by their public ids."""
    by, now = acting_operator(request), services.relay.clock.now()
    rows = [
        _session_row(session, now, is_current=session.id == by.id)
        for session in services.sessions.live()
    ]
    body = SessionsBody(
        rows, services.limits.session_idle_seconds, services.sessions.open_codes()
    )
    return json_response(body)


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
    """End one session, by its id."""
    session_id = request.params["id"]
    if not services.sessions.end(session_id):
        raise RelayError(Problem.SESSION_NOT_FOUND)
    _audit(services, "session_revoke", session_id)
    return json_response(RevokedSessionBody(session_id))


async def revoke_sessions(services: Services, request: Request) -> Response:
    """End every session, and revoke every open sign-in code."""
    ended = services.sessions.end_sessions()
    _audit(services, "session_revoke", f"all {ended}")
    return json_response(RevokedSessionsBody(ended))


def _timestamp(services: Services, counted_ms: int) -> str:
    return format_timestamp(services.relay.clock.now().on_wall(counted_ms))


def _audit(services: Services, action: str, detail: str) -> None:
    now = services.relay.clock.now()
    services.relay.write_behind.note(
        Audit(now.wall_ms, action, OPERATOR_ACTOR, detail=detail)
    )
