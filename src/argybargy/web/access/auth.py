"""Whose request is it? A code makes a peer, a token or a session the operator."""

from argybargy.domain.access_codes import SESSION_PREFIX, CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.room.writes import Audit
from argybargy.web.access.services import Services
from argybargy.web.access.session_cookie import read_cookies
from argybargy.web.identity import OperatorIdentity
from argybargy.web.request import Request


def require_agent(services: Services, request: Request) -> CodeRecord:
    """Return whose code the request carries, and note that it was here.

    Raises:
        RelayError: ``unauthorized``, or ``auth_throttled``.
    """
    relay = services.relay
    now = relay.clock.now()
    presented = presented_code(request.header(b"authorization") or "")
    record = relay.directory.resolve(presented, now) if presented else None
    if record is None:
        if presented:
            is_guess = relay.directory.is_guess(presented)
            count_failure(services, request, "auth_failed", is_guess=is_guess)
        raise RelayError(Problem.UNAUTHORIZED)
    if relay.first_seen(record, now):
        detail = record.capabilities
        relay.ledger.note(
            Audit(now.wall_ms, "connect", record.name, record.room, detail)
        )
    return record


def presented_code(authorization: str) -> str:
    """Return the code in the header of that name; empty if there is none."""
    value = authorization.strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def require_admin(services: Services, request: Request) -> OperatorIdentity:
    """Let only the operator pass, and return as what they came in.

    Raises:
        RelayError: ``admin_unauthorized``, or ``auth_throttled``.
    """
    token, sessions = _shown(services, request)
    is_guess = False
    if token:
        if services.admin_token.matches(token):
            return services.sessions.token_identity()
        is_guess = services.admin_token.is_guess(token)
    else:
        for session in sessions:
            identity = services.sessions.resolve(session)
            if identity is not None:
                steady = services.relay.clock.now().steady_seconds
                services.relay.presence.operator_seen_at = steady
                return identity
            is_guess |= services.sessions.is_guess(session, SESSION_PREFIX)
    count_failure(services, request, "admin_auth_failed", is_guess=is_guess)
    raise RelayError(Problem.ADMIN_UNAUTHORIZED)


def shows_operator(request: Request) -> bool:
    """Tell whether a request claims, of its own accord, to be the operator's."""
    return bool(request.header(b"x-admin-token") or request.header(b"x-admin-session"))


def _shown(services: Services, request: Request) -> tuple[str | None, tuple[str, ...]]:
    """Return the admin token and the sessions that a request presents.

    A session in the header counts instead of those in cookies: a browser may send the
    cookies of several relays on one host.
    """
    token = request.header(b"x-admin-token")
    session = request.header(b"x-admin-session")
    if session:
        return token, (session,)
    return token, tuple(read_cookies(request, services.public_url))


def acting_operator(request: Request) -> OperatorIdentity:
    """Return as what the operator came in; only for the operator's endpoints."""
    assert request.operator is not None, "the endpoint is not the operator's"
    return request.operator


def count_failure(
    services: Services, request: Request, action: str, *, is_guess: bool
) -> None:
    """Note a failed sign-in for the audit log, and a guess for the throttle.

    Only who guesses is slowed down. Others have to hear that what they show is worth
    nothing, or they would come back for ever; and they find nothing that way.

    Raises:
        RelayError: ``auth_throttled``, when there were too many guesses.
    """
    relay, now = services.relay, services.relay.clock.now()
    relay.ledger.count_failure(action, request.client, now)
    if is_guess:
        services.throttle.fail(request.client, now.steady_seconds)
