"""How the relay is reached from outside, and under which names: both may change."""

from typing import Self

import attrs

from argybargy.web.access.hosts import HostRule


@attrs.define(eq=False)
class PublicAddress:
    """Where the relay is, for those outside.

    The mutable state is the URL of a tunnel that is up, and what follows from it.

    Attributes:
        url: How the relay is reached now; never taken from a request.
        hosts: Which hosts it answers to now.
        is_configured: Whether the operator said how it is reached. A tunnel is then
            let in, and takes nothing's place.
    """

    url: str
    hosts: HostRule
    is_configured: bool
    _usual_url: str
    _usual_hosts: HostRule

    @classmethod
    def make(cls, url: str, hosts: HostRule, *, is_configured: bool) -> Self:
        """Return the address while there is no tunnel."""
        return cls(url, hosts, is_configured, url, hosts)

    def publish(self, url: str) -> None:
        """Be reached at the URL of a tunnel, until it is withdrawn."""
        self.hosts = self._usual_hosts.including(url)
        if not self.is_configured:
            self.url = url

    def withdraw(self) -> None:
        """Be reached as before there was a tunnel."""
        self.url, self.hosts = self._usual_url, self._usual_hosts
