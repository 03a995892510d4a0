"""Proxies of ours, and who is behind them.

A proxy that is trusted says in ``X-Forwarded-For`` whom it speaks for; anybody else
may write there what they like. Each proxy appends the address it was called from,
so the list is read from its end, and only for as long as trusted proxies wrote it.
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

import attrs

from argybargy.http.asgi import App, Receive, Scope, Send

_FORWARDED: Final = b"x-forwarded-for"
_UNKNOWN_PORT: Final = 0


@attrs.frozen
class TrustedProxies:
    """The addresses whose word counts; a container of addresses as text.

    Attributes:
        networks: Where they are; a single address is a network of one.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def make(cls, texts: Iterable[str]) -> Self:
        """Make it of addresses and networks that were read already."""
        return cls(tuple(map(ip_network, texts)))

    def __contains__(self, address: object) -> bool:
        ip = _parse(address) if isinstance(address, str) else None
        return ip is not None and any(ip in network for network in self.networks)

    def find_client(self, peer: str, forwarded: Iterable[str]) -> str:
        """Return who is behind a connection.

        Args:
            peer: Whose connection it is.
            forwarded: The values of ``X-Forwarded-For``, in their order.

        Returns:
            The nearest address that is no trusted proxy; where an entry is no
            address, the proxy that wrote it.
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
    """Read an address; one of IPv4 within IPv6 is one of IPv4."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _without_port(entry: str) -> str:
    """Take off the port that some proxies add, and the brackets around IPv6."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


@attrs.frozen
class ForwardedApp:
    """An ASGI app that gets to see the client behind a trusted proxy.

    Attributes:
        app: Who answers.
        proxies: Whose word counts.
    """

    app: App
    proxies: TrustedProxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        await self.app(self._see_through(scope), receive, send)

    def _see_through(self, scope: Scope) -> Scope:
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
