"""Whose request is it? A code makes a peer, a token makes the operator."""

from typing import Protocol

import attrs

from argybargy.domain.codes import CodeRecord
from argybargy.domain.commands import Audit
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.relay import Relay
from argybargy.web.cors import CorsRule
from argybargy.web.hosts import HostRule
from argybargy.web.request import Request
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
        public_url: How the relay is reached from outside; never taken from a
            request.
        hosts: Which hosts it answers to.
        throttle: Who has failed to sign in too often.
        cors: Which pages of other origins may call the agents' endpoints.
        has_docs: Whether the API describes itself at ``/docs``.
    """

    relay: Relay
    limits: Limits
    admin_token: AdminToken
    public_url: str
    hosts: HostRule
    throttle: AuthThrottle
    cors: CorsRule = attrs.field(factory=CorsRule)
    has_docs: bool = True


def require_agent(services: Services, request: Request) -> CodeRecord:
    """Return whose code the request carries, and note that it was here.

    Raises:
        RelayError: ``unauthorized``, or ``auth_throttled``.
    """
    relay = services.relay
    now = relay.clock.now()
    presented = _presented_code(request)
    record = relay.directory.resolve(presented, now) if presented else None
    if record is None:
        if presented:
            _count_failure(services, request, "auth_failed")
        raise RelayError(Problem.UNAUTHORIZED)
    if relay.first_seen(record, now):
        detail = record.capabilities
        relay.ledger.note(
            Audit(now.wall_ms, "connect", record.name, record.room, detail)
        )
    return record


def _presented_code(request: Request) -> str:
    value = (request.header(b"authorization") or "").strip()
    scheme, _, rest = value.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value


def require_admin(services: Services, request: Request) -> None:
    """Let only the operator pass.

    Raises:
        RelayError: ``admin_unauthorized``, or ``auth_throttled``.
    """
    presented = request.header(b"x-admin-token") or ""
    if presented and services.admin_token.matches(presented):
        return
    _count_failure(services, request, "admin_auth_failed")
    raise RelayError(Problem.ADMIN_UNAUTHORIZED)


def _count_failure(services: Services, request: Request, action: str) -> None:
    relay, now = services.relay, services.relay.clock.now()
    relay.ledger.count_failure(action, request.client, now)
    services.throttle.fail(request.client, now.steady_seconds)
