"""Endpoints for the operator's sign-in codes and sessions."""

from typing import Final

from argybargy.domain.access_codes import key_id_of
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant, format_timestamp
from argybargy.domain.room.writes import Audit
from argybargy.domain.sessions import device_of
from argybargy.relay.api.operator import OPERATOR_ACTOR
from argybargy.relay.store_errors import translated
from argybargy.web.access.auth import (
    acting_operator,
    admit_admin,
    count_failure,
    shows_operator,
)
from argybargy.web.access.services import Services
from argybargy.web.access.session import NewSession, NewSignInCode, Session, Visitor
from argybargy.web.access.session_cookie import (
    can_keep_cookie,
    clear_cookie,
    set_cookie,
)
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
from argybargy.web.request import Request, Response, json_response

DASHBOARD: Final = "/dashboard"
"""Path of the page that redeems a sign-in code."""


def offer_sign_in(services: Services, made: NewSignInCode) -> SignInBody:
    """Return a one-time sign-in code with its link, and note it in the audit log.

    The link carries the code in its fragment, which browsers never send to a server.
    """
    _audit(services, "sign_in_link", key_id_of(made.record.digest))
    return SignInBody(
        code=made.code,
        url=f"{services.public_url}{DASHBOARD}#code={made.code}",
        expires=_timestamp(services, made.record.end_ms),
    )


async def make_sign_in(services: Services, request: Request) -> Response:
    """Create a one-time sign-in code; this response is the only one that shows it."""
    made = services.sessions.make_code(acting_operator(request))
    await services.sessions.publish_code(made.record)
    return json_response(offer_sign_in(services, made))


async def open_session(services: Services, request: Request) -> Response:
    """Exchange the admin token, or a sign-in code, for a session.

    A caller with a token or session is authenticated before the body is read. Without
    either, the body may hold a sign-in code: only this endpoint and ``POST /join`` read
    the body of a caller that they have not authenticated.
    """
    by = await admit_admin(services, request) if shows_operator(request) else None
    body, ignored = await read_json(request, SessionRequest, is_optional=True)
    visitor = _visitor(services, request, wants_cookie=body.cookie)
    if body.code is not None:
        made = await _redeem(services, request, visitor, body.code)
    else:
        by = by or await admit_admin(services, request)
        await _flush_audit_rows(services)
        made = await services.sessions.open(by, visitor)
    response = json_response(_session_body(services, made), ignored)
    if made.cookie is None:
        return response
    seconds = int(made.session.seconds_left(services.relay.clock.now()))
    url = services.public_url
    return response.with_headers(*set_cookie(request, url, made.cookie, seconds))


def _visitor(services: Services, request: Request, *, wants_cookie: bool) -> Visitor:
    device = device_of(request.header(b"user-agent") or "")
    keeps_cookie = wants_cookie and can_keep_cookie(request, services.public_url)
    return Visitor(request.client, device, keeps_cookie)


async def _flush_audit_rows(services: Services) -> None:
    """Store buffered audit rows, so that those of a session come after them.

    The rows of opening and ending a session are stored together with that.
    """
    with translated():
        await services.relay.write_behind.flush()


async def _redeem(
    services: Services, request: Request, visitor: Visitor, code: str
) -> NewSession:
    code = code.strip()
    sessions = services.sessions
    if sessions.shared_codes is not None or sessions.codes.find(code) is not None:
        await _flush_audit_rows(services)
    made = await services.sessions.redeem(code, visitor)
    if made is None:
        is_guess = services.sessions.is_guess(code)
        count_failure(services, request, "admin_auth_failed", is_guess=is_guess)
        raise RelayError(Problem.SIGN_IN_REFUSED)
    return made


def _session_body(services: Services, made: NewSession) -> SessionBody:
    created, expires = _times(made.session, services.relay.clock.now())
    return SessionBody(
        session=made.token,
        id=made.session.id,
        created=created,
        expires=expires,
        cookie=made.cookie is not None,
    )


async def get_session(services: Services, request: Request) -> Response:
    """Return the caller's credential: the admin token, or which session."""
    by = acting_operator(request)
    session = services.sessions.find(by)
    body = IdentityBody(by.kind.value)
    if session is not None:
        body = IdentityBody(
            by.kind.value, session.id, *_times(session, services.relay.clock.now())
        )
    return json_response(body)


async def end_session(services: Services, request: Request) -> Response:
    """Sign out: end the caller's session."""
    by = acting_operator(request)
    if by.id is not None:
        await _flush_audit_rows(services)
        await services.sessions.end(by.id, "sign_out")
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
    return json_response(SessionsBody(rows, len(services.sessions.codes)))


def _session_row(session: Session, now: Instant, *, is_current: bool) -> SessionRow:
    created, expires = _times(session, now)
    return SessionRow(
        id=session.id,
        address=session.record.address,
        device=session.record.device,
        created=created,
        expires=expires,
        seconds_since_used=round(session.seconds_since_used(now), 1),
        streams=session.watchers,
        current=is_current,
    )


async def revoke_session(services: Services, request: Request) -> Response:
    """End one session, by its id."""
    session_id = request.params["id"]
    await _flush_audit_rows(services)
    if not await services.sessions.end(session_id, "session_revoke"):
        raise RelayError(Problem.SESSION_NOT_FOUND)
    return json_response(RevokedSessionBody(session_id))


async def revoke_sessions(services: Services, request: Request) -> Response:
    """End every session, and revoke every open sign-in code."""
    await _flush_audit_rows(services)
    ended = await services.sessions.end_sessions()
    return json_response(RevokedSessionsBody(ended))


def _times(session: Session, now: Instant) -> tuple[str, str]:
    """Return when a session was created and when it expires, as timestamps."""
    return (
        format_timestamp(session.created_ms(now)),
        format_timestamp(now.on_wall(session.ends_ms(now))),
    )


def _timestamp(services: Services, counted_ms: int) -> str:
    return format_timestamp(services.relay.clock.now().on_wall(counted_ms))


def _audit(services: Services, action: str, detail: str) -> None:
    now = services.relay.clock.now()
    services.relay.write_behind.note(
        Audit(now.wall_ms, action, OPERATOR_ACTOR, detail=detail)
    )
