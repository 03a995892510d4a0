"""The public URL and allowed hosts of the relay, which a tunnel changes."""

from typing import Self

from argybargy.system.values import define
from argybargy.web.access.hosts import HostRule


@define(eq=False)
class PublicAddress:
    """Public URL and allowed hosts of the relay.

    The mutable state is `url` and `hosts`; both depend on whether a tunnel is up.

    Attributes:
        url: Current public URL; never derived from a request.
        hosts: Currently allowed hosts.
        is_configured: Whether the operator configured a public URL. A tunnel then
            adds its host, and the URL stays.
    """

    url: str
    hosts: HostRule
    is_configured: bool
    _usual_url: str
    _usual_hosts: HostRule

    @property
    def is_public(self) -> bool:
        """Whether the URL leads here from outside: as configured, or of a tunnel."""
        return self.is_configured or self.url != self._usual_url

    @classmethod
    def make(cls, url: str, hosts: HostRule, *, is_configured: bool) -> Self:
        """Make the address for a relay without a tunnel."""
        return cls(url, hosts, is_configured, url, hosts)

    def publish(self, url: str) -> None:
        """Switch to the URL of a tunnel, until :meth:`withdraw`."""
        self.hosts = self._usual_hosts.including(url)
        if not self.is_configured:
            self.url = url

    def withdraw(self) -> None:
        """Switch back to the URL and hosts without a tunnel."""
        self.url, self.hosts = self._usual_url, self._usual_hosts
