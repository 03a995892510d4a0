"""IP addresses: loopback, networks, host and port."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_HOST_BITS: Final = 64
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104
_LAST_PORT: Final = 65_535
_LEGACY_ADDRESS: Final = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Return whether a host, as written, can only be this machine. Resolves nothing."""
    if host.lower() == "localhost":
        return True
    ip = _parse_address(host)
    return ip is not None and ip.is_loopback


def network_of(address: str) -> str:
    """Return the key under which limits count an address.

    For IPv4 the address itself. For IPv6 its /64 network: one customer usually has a
    whole /64, and could change among 2**64 addresses.
    """
    ip = _parse_address(address)
    if not isinstance(ip, IPv6Address):
        return address if ip is None else str(ip)
    return str(IPv6Address(int(ip) >> _HOST_BITS << _HOST_BITS))


def _parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Parse an address in any spelling that sockets accept, such as ``127.1``."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return _parse_legacy_address(host)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _parse_legacy_address(host: str) -> IPv4Address | None:
    if _LEGACY_ADDRESS.fullmatch(host) is None:
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def local_host(host: str) -> str:
    """Return the address that reaches a listener on `host` from this machine."""
    return _WILDCARDS.get(host, host)


def host_and_port(host: str, port: int) -> str:
    """Format a host and a port, with brackets around IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def next_port(port: int) -> int:
    """Return a neighbouring port, to suggest when `port` is in use."""
    return port + 1 if port < _LAST_PORT else port - 1
