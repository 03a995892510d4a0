"""The services of the endpoints: relay, sessions, metrics and rules of access."""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from argybargy.domain.limits import Limits
from argybargy.relay.relay import Relay
from argybargy.system.values import frozen
from argybargy.web.access.admin_token import AdminToken
from argybargy.web.access.answer_links import AnswerLinks
from argybargy.web.access.cors import CorsRule
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.sessions import Sessions
from argybargy.web.access.throttle import AuthThrottle
from argybargy.web.metrics import Metrics

LOCAL_COMMANDS: Final = ("connect", "open", "up")
"""Commands for the relay's own machine that the dashboard shows."""


def local_commands(typed: Callable[[str], str] = str) -> Mapping[str, str]:
    """Return how the commands for the relay's own machine begin there, by name.

    Args:
        typed: Rewrites the commands in a text to be typed in the user's shell.
    """
    return {verb: typed(f"argybargy {verb}") for verb in LOCAL_COMMANDS}


@frozen
class Services:
    """Services of the endpoints; one object for the life of the app.

    Attributes:
        relay: The relay with its rooms.
        limits: Limits of requests.
        admin_token: The admin token.
        address: Public URL and allowed hosts.
        throttle: Throttle of failed sign-ins.
        sessions: Sessions and sign-in codes of the operator.
        cors: Origins that may call the agents' endpoints.
        has_docs: Whether ``/openapi.json`` and ``/docs`` are served.
        metrics: Prometheus metrics.
        links: Links in notifications.
        commands: How commands for the relay's own machine begin, by name.
    """

    relay: Relay
    limits: Limits
    admin_token: AdminToken
    address: PublicAddress
    throttle: AuthThrottle
    sessions: Sessions
    cors: CorsRule = attrs.field(factory=CorsRule)
    has_docs: bool = True
    metrics: Metrics = attrs.field()
    links: AnswerLinks = attrs.field()
    commands: Mapping[str, str] = attrs.field(factory=local_commands)

    @metrics.default
    def _make_metrics(self) -> Metrics:
        return Metrics(self.relay)

    @links.default
    def _make_links(self) -> AnswerLinks:
        """Make links that end with the process."""
        key = secrets.token_bytes(32)
        return AnswerLinks(key, lambda: self.admin_token.value, self.address)

    @property
    def public_url(self) -> str:
        """Current public URL."""
        return self.address.url

    @property
    def hosts(self) -> HostRule:
        """Currently allowed hosts."""
        return self.address.hosts
