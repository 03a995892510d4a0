"""Whose request is it? A code makes a peer, a token or a session the operator."""

from typing import Protocol

import attrs

from argybargy.domain.codes import SESSION_PREFIX, CodeRecord
from argybargy.domain.commands import Audit
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.relay import Relay
from argybargy.web.address import PublicAddress
from argybargy.web.cookie import read_cookies
from argybargy.web.cors import CorsRule
from argybargy.web.hosts import HostRule
from argybargy.web.measures import Metrics
from argybargy.web.request import Request
from argybargy.web.sessions import OperatorIdentity, Sessions
from argybargy.web.throttle import AuthThrottle


class AdminToken(Protocol):
    """The operator's secret, wherever it is kept."""

    def matches(self, presented: str) -> bool:
        """Compare, in constant time."""
        ...

    def is_guess(self, presented: str) -> bool:
        """Tell whether a wrong token may have been meant to find the right one."""
        ...

    async def rotate(self) -> str:
        """Replace the token by a new one, durably, and return that."""
        ...


@attrs.frozen
class Services:
    """What the endpoints work with.

    Attributes:
        relay: The rooms.
        limits: What is allowed.
        admin_token: The operator's secret.
        address: How the relay is reached from outside, and under which names.
        throttle: Who has failed to sign in too often.
        cors: Which pages of other origins may call the agents' endpoints.
        has_docs: Whether the API describes itself at ``/docs``.
        sessions: Who has traded the operator's secret for a session.
        metrics: The relay in numbers.
    """

    relay: Relay
    limits: Limits
    admin_token: AdminToken
    address: PublicAddress
    throttle: AuthThrottle
    cors: CorsRule = attrs.field(factory=CorsRule)
    has_docs: bool = True
    sessions: Sessions = attrs.field()
    metrics: Metrics = attrs.field()

    @sessions.default
    def _make_sessions(self) -> Sessions:
        return Sessions(self.limits, self.relay.clock)

    @metrics.default
    def _make_metrics(self) -> Metrics:
        return Metrics(self.relay)

    @property
    def public_url(self) -> str:
        """How the relay is reached from outside, now."""
        return self.address.url

    @property
    def hosts(self) -> HostRule:
        """Which hosts it answers to, now."""
        return self.address.hosts


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
