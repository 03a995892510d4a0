"""What every endpoint works with: the relay, the sessions, and the rules of access."""

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
