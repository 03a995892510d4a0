"""Authenticate agents by access code, and the operator by token or session."""

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.errors import Problem, RelayError
from argybargy.web.access.room_choice import choose_record, note_arrival
from argybargy.web.access.services import Services
from argybargy.web.access.session_cookie import read_cookies
from argybargy.web.identity import OperatorIdentity
from argybargy.web.request import Request

_READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing in a room: all that a reader may use."""


def require_agent(
    services: Services, request: Request, *, needs_room: bool = True
) -> CodeRecord:
    """Authenticate an agent in the room of its request, and note its presence.

    Args:
        services: The services of the endpoints.
        request: The request.
        needs_room: Whether a code that has lost its first room must name another in
            the query.

    Raises:
        RelayError: ``unauthorized`` or ``auth_throttled``; ``room_not_found``;
            ``read_only``, when a reader would change something;
            ``storage_unavailable``, if the code may have been revoked.
    """
    relay = services.relay
    relay.check_current()
    now = relay.clock.now()
    presented = presented_code(request.header(b"authorization") or "")
    records = relay.codes.resolve_all(presented, now) if presented else []
    if not records:
        if presented:
            is_guess = relay.codes.is_guess(presented)
            count_failure(services, request, "auth_failed", is_guess=is_guess)
        raise RelayError(Problem.UNAUTHORIZED)
    record = choose_record(records, request, needs_room=needs_room)
    if record.role is Role.READER and request.method not in _READING:
        raise RelayError(Problem.READ_ONLY)
    note_arrival(relay, record, now)
    return record


def presented_code(authorization: str) -> str:
    """Return the access code in an Authorization field: bearer, or the bare code."""
    value = authorization.strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


async def admit_admin(services: Services, request: Request) -> OperatorIdentity:
    """Authenticate the operator, also by a session that another node has opened.

    Raises:
        RelayError: As :func:`require_admin`, or the store could not be read.
    """
    session = request.header(b"x-admin-session")
    if session and services.sessions.shared_codes is not None:
        cookies = read_cookies(request, services.public_url)
        await services.sessions.learn(session, cookies)
    return require_admin(services, request)


def require_admin(services: Services, request: Request) -> OperatorIdentity:
    """Authenticate the operator by the admin token or a session.

    Raises:
        RelayError: ``admin_unauthorized``, or ``auth_throttled``;
            ``storage_unavailable``, if token and session may have been replaced.
    """
    services.relay.check_current()
    token, session = (
        request.header(b"x-admin-token"),
        request.header(b"x-admin-session"),
    )
    is_guess = False
    if token:
        if services.admin_token.matches(token):
            return services.sessions.token_identity()
        is_guess = services.admin_token.is_guess(token)
    elif session:
        # The header may hold half of the secret, with one of the cookies the other. A
        # browser may send the cookies of several relays on one host.
        for cookie in (None, *read_cookies(request, services.public_url)):
            identity = services.sessions.resolve(session, cookie)
            if identity is not None:
                return identity
    count_failure(services, request, "admin_auth_failed", is_guess=is_guess)
    raise RelayError(Problem.ADMIN_UNAUTHORIZED)


def shows_operator(request: Request) -> bool:
    """Tell whether a request has an operator's header field.

    A cookie does not count: a browser sends it by itself.
    """
    return bool(request.header(b"x-admin-token") or request.header(b"x-admin-session"))


def acting_operator(request: Request) -> OperatorIdentity:
    """Return the operator's identity; for the operator's endpoints only."""
    assert request.operator is not None, "the endpoint is not the operator's"
    return request.operator


def count_failure(
    services: Services, request: Request, action: str, *, is_guess: bool
) -> None:
    """Count a failed sign-in for the audit log, and a guess for the throttle.

    Only guesses are throttled. A client with a revoked code or an ended session must
    get 401 at once, or it would retry forever; and it cannot find a valid code by that.

    Raises:
        RelayError: ``auth_throttled``, when there were too many guesses.
    """
    relay, now = services.relay, services.relay.clock.now()
    relay.write_behind.count_failure(action, request.client, now)
    if is_guess:
        services.throttle.fail(request.client, now.steady_seconds)
