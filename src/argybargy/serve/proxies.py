"""Trusted proxies: the client's address from ``X-Forwarded-For``.

Each proxy appends the address of its caller. Clients can forge all entries before, so
the list is read from its end, and only as far as trusted proxies wrote it.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, Self

from argybargy.http.asgi import App, Receive, Scope, Send
from argybargy.system.values import frozen

_FORWARDED: Final = b"x-forwarded-for"
_UNKNOWN_PORT: Final = 0


@frozen
class TrustedProxies:
    """Addresses whose ``X-Forwarded-For`` is trusted; supports ``address in proxies``.

    Attributes:
        networks: Networks of the proxies; a single address is a network of one.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def make(cls, texts: Iterable[str]) -> Self:
        """Parse valid texts of addresses and networks."""
        return cls(tuple(map(ip_network, texts)))

    def __contains__(self, address: object) -> bool:
        ip = _parse(address) if isinstance(address, str) else None
        return ip is not None and any(ip in network for network in self.networks)

    def find_client(self, peer: str, forwarded: Iterable[str]) -> str:
        """Return the address of the client behind a connection.

        Args:
            peer: Address at the other end of the connection.
            forwarded: Values of ``X-Forwarded-For`` in order.

        Returns:
            The last address that is no trusted proxy. If an entry is not an address,
            the address of the proxy that wrote it.
        """
        client = peer
        entries = [entry for value in forwarded for entry in value.split(",")]
        while entries and client in self:
            ip = _parse(_without_port(entries.pop().strip()))
            if ip is None:
                return client
            client = str(ip)
        return client


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    """Parse an address; IPv4-mapped IPv6 counts as IPv4. None if it is invalid."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _without_port(entry: str) -> str:
    """Remove the port that some proxies append, and the brackets around IPv6."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


@frozen
class ForwardedApp:
    """ASGI middleware that replaces the address of a trusted proxy by its client's.

    Attributes:
        app: Wrapped app.
        proxies: Trusted proxies.
    """

    app: App
    proxies: TrustedProxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        await self.app(self._resolve_client(scope), receive, send)

    def _resolve_client(self, scope: Scope) -> Scope:
        client = scope.get("client")
        if scope["type"] != "http" or not client or client[0] not in self.proxies:
            return scope
        forwarded = [
            value.decode("latin-1")
            for name, value in scope["headers"]
            if name == _FORWARDED
        ]
        found = self.proxies.find_client(client[0], forwarded)
        return {**scope, "client": (found, _UNKNOWN_PORT)}
