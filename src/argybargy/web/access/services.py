"""The services of the endpoints: relay, sessions, metrics and rules of access."""

from typing import Protocol

import attrs

from argybargy.domain.limits import Limits
from argybargy.relay.relay import Relay
from argybargy.web.access.cors import CorsRule
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.sessions import Sessions
from argybargy.web.access.throttle import AuthThrottle
from argybargy.web.metrics import Metrics


class AdminToken(Protocol):
    """The admin token, in a file or in memory."""

    def matches(self, presented: str) -> bool:
        """Compare a token in constant time."""
        ...

    def is_guess(self, presented: str) -> bool:
        """Tell whether a wrong token is a guess, not an earlier token."""
        ...

    async def rotate(self) -> str:
        """Replace the token durably, and return the new one."""
        ...


@attrs.frozen
class Services:
    """Services of the endpoints; one object for the life of the app.

    Attributes:
        relay: The relay with its rooms.
        limits: Limits of requests.
        admin_token: The admin token.
        address: Public URL and allowed hosts.
        throttle: Throttle of failed sign-ins.
        cors: Origins that may call the agents' endpoints.
        has_docs: Whether ``/openapi.json`` and ``/docs`` are served.
        sessions: Sessions and sign-in codes of the operator.
        metrics: Prometheus metrics.
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
        """Current public URL."""
        return self.address.url

    @property
    def hosts(self) -> HostRule:
        """Currently allowed hosts."""
        return self.address.hosts
