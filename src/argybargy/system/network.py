"""Network addresses: loopback, networks, host and port."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_HOST_BITS: Final = 64


_OLD_ADDRESS: Final = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Tell whether a host, as it is written, is this machine and no other."""
    if host.lower() == "localhost":
        return True
    ip = _parse_address(host)
    return ip is not None and ip.is_loopback


def network_of(address: str) -> str:
    """Return what stands for the one that an address belongs to, where all count.

    That is the address itself, or of IPv6 the first half, since the second is for
    whoever has the first to choose: they have 2**64 addresses.
    """
    ip = _parse_address(address)
    if not isinstance(ip, IPv6Address):
        return address if ip is None else str(ip)
    return str(IPv6Address(int(ip) >> _HOST_BITS << _HOST_BITS))


def _parse_address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an address in any spelling that sockets take; ``127.1`` is one."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return _parse_old_address(host)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _parse_old_address(host: str) -> IPv4Address | None:
    if _OLD_ADDRESS.fullmatch(host) is None:
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104
_LAST_PORT: Final = 65_535


def local_host(host: str) -> str:
    """Return where a relay that listens on `host` is reached from this machine."""
    return _WILDCARDS.get(host, host)


def host_and_port(host: str, port: int) -> str:
    """Return an address as one writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def next_port(port: int) -> int:
    """Return another port to try."""
    return port + 1 if port < _LAST_PORT else port - 1
