"""Whose request is it? A code makes a peer, a token or a session the operator."""

from typing import Protocol

import attrs

from argybargy.domain.codes import CodeRecord
from argybargy.domain.commands import Audit
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.relay import Relay
from argybargy.web.address import PublicAddress
from argybargy.web.cookie import read_cookie
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
            count_failure(services, request, "auth_failed")
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
    identity = _identify_operator(services, request)
    if identity is None:
        count_failure(services, request, "admin_auth_failed")
        raise RelayError(Problem.ADMIN_UNAUTHORIZED)
    return identity


def shows_operator(request: Request) -> bool:
    """Tell whether a request claims, of its own accord, to be the operator's."""
    return bool(request.header(b"x-admin-token") or request.header(b"x-admin-session"))


def _identify_operator(services: Services, request: Request) -> OperatorIdentity | None:
    """Return whose request it is. The first thing shown decides; a cookie is last."""
    sessions = services.sessions
    token = request.header(b"x-admin-token")
    if token:
        is_right = services.admin_token.matches(token)
        return sessions.token_identity() if is_right else None
    session = request.header(b"x-admin-session") or read_cookie(
        request, services.public_url
    )
    return sessions.resolve(session) if session else None


def acting_operator(request: Request) -> OperatorIdentity:
    """Return as what the operator came in; only for the operator's endpoints."""
    assert request.operator is not None, "the endpoint is not the operator's"
    return request.operator


def count_failure(services: Services, request: Request, action: str) -> None:
    """Note a failed sign-in, for the audit log and for the throttle.

    Raises:
        RelayError: ``auth_throttled``, when there were too many.
    """
    relay, now = services.relay, services.relay.clock.now()
    relay.ledger.count_failure(action, request.client, now)
    services.throttle.fail(request.client, now.steady_seconds)
