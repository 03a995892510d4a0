"""Wake hooks: URLs that the relay calls for agents that cannot wait.

A hook may be called only on a host that the operator allows, and only at an address
that fits how the host was allowed:

======================  ====================================================
allowed as              the addresses that may be called
======================  ====================================================
``hooks.example.com``   public, private and loopback addresses of that name
``*.example.com``       public addresses of the names below it
``10.0.0.7``            that address
======================  ====================================================

So nobody reaches an inner host through a name that points there. Addresses of the
link, such as the one with the secrets of a cloud machine, have to be allowed literally.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.host_names import is_host_listed
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.wake_policy import Wake
from argybargy.system.values import frozen

MAX_URL_CHARS: Final = 500
"""Longest URL of a hook, in characters."""
URL_RULE: Final = (
    f"http:// or https:// and a host, with a port and a path if need be; at most "
    f"{MAX_URL_CHARS} ASCII characters, no user and no fragment"
)

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]"
    r"|(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>/[!-\"$-\[\]-~]*|\?[!-\"$-\[\]-~]*)?",
    re.IGNORECASE,
)
_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_NAT64: Final = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


@frozen
class WakeUrl:
    """The parts of a hook's URL.

    Attributes:
        is_secure: Whether it is called over TLS.
        host: The host in lower case, an IPv6 address without brackets.
        port: The port.
        target: Path and query, beginning with a slash.
        authority: Host and port for the field ``Host``.
    """

    is_secure: bool
    host: str
    port: int
    target: str
    authority: str


def parse_wake_url(text: str) -> WakeUrl | None:
    """Return the parts of a URL; ``None`` if it is no URL of a hook."""
    match = _URL.fullmatch(text) if len(text) <= MAX_URL_CHARS else None
    if match is None:
        return None
    scheme, six = match["scheme"].lower(), match["six"]
    host = (six or match["host"]).lower()
    port = int(match["port"] or _PORTS[scheme])
    if not 1 <= port <= _LAST_PORT or ".." in host or (six and not _is_ip(six)):
        return None
    target = match["target"] or "/"
    shown = f"[{host}]" if six else host
    authority = shown if port == _PORTS[scheme] else f"{shown}:{port}"
    return WakeUrl(
        is_secure=scheme == "https",
        host=host,
        port=port,
        target=target if target.startswith("/") else f"/{target}",
        authority=authority,
    )


def _is_ip(text: str) -> bool:
    return _address(text) is not None


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


@frozen
class WakeHosts:
    """The hosts that the operator allows hooks on.

    Attributes:
        names: Host names and addresses in lower case; ``*.example.com`` allows every
            name below it.
    """

    names: frozenset[str] = frozenset()

    def allows(self, host: str) -> bool:
        """Tell whether a hook may be on a host."""
        return is_host_listed(host, self.names)

    def allows_address(self, host: str, text: str) -> bool:
        """Tell whether a hook on an allowed host may be called at an address."""
        found = _address(text)
        if found is None or not self.allows(host):
            return False
        if str(found) in self.names:
            return True
        address = _inner(found)
        if address.is_multicast or address.is_unspecified or address.is_link_local:
            return False
        if address.is_global:
            return True
        is_inner = address.is_private or address.is_loopback
        return is_inner and host in self.names


def _inner(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 address that leads to it."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@frozen
class WakeHook:
    """The hook of one peer.

    Attributes:
        room: The name of the room.
        name: The name of the peer.
        url: The URL to call.
        key: The key that calls are signed with.
        wake: The messages that are worth a call.
    """

    room: str
    name: str
    url: str
    key: str = attrs.field(repr=False)
    wake: Wake = Wake.ALL

    @property
    def peer(self) -> Peer:
        """The peer that the hook belongs to."""
        return Peer(room_key(self.room), peer_key(self.name))
