"""Which hosts the relay answers to.

A page on any site can point its own name at 127.0.0.1 and have a browser talk to
a relay there. The browser then sends that page's name as Host, which is how it is
told from the people the relay is for.
"""

import re
import socket
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

from argybargy.system.network import is_loopback

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^][:@/?#\\\s]+))(?::[0-9]*)?")


def hostname_of(authority: str) -> str:
    """Return the host of ``host[:port]`` in lower case, without brackets.

    It is empty for anything else: a user before the host, a path behind it.
    """
    match = _AUTHORITY.fullmatch(authority.lower())
    return (match[1] or match[2]).rstrip(".") if match is not None else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _leads_to_loopback(host: str) -> bool:
    """Tell whether a socket bound to a host is reached from this machine.

    It asks the system, since a name of this machine may stand for either. What has
    no address cannot be bound.
    """
    if is_loopback(host):
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(is_loopback(str(address[0])) for *_, address in found)


@attrs.frozen
class HostRule:
    """The hosts that may be named in a request.

    Attributes:
        names: Host names in lower case; one that begins with ``*.`` stands for
            every name below it. ``None`` allows every host.
    """

    names: frozenset[str] | None

    @classmethod
    def make(
        cls, bind_host: str, public_url: str | None, allowed: tuple[str, ...]
    ) -> Self:
        """Make the rule for a bind address.

        On loopback it always holds. On any other address it holds once hosts are
        named, since nobody else can know under which names the relay is reached.
        """
        is_local = _leads_to_loopback(bind_host)
        if not is_local and not allowed:
            return cls(None)
        named = (bind_host, *allowed) if is_local else allowed
        names = {name.lower() for name in named} | _LOOPBACK_NAMES
        rule = cls(frozenset(names))
        return rule if public_url is None else rule.including(public_url)

    def including(self, url: str) -> Self:
        """Return the rule with the host of a URL allowed as well."""
        if self.names is None:
            return self
        return type(self)(self.names | {hostname_of(urlsplit(url).netloc)})

    def allows(self, authority: str | None) -> bool:
        """Tell whether a Host header, or the host of an Origin, is one of ours."""
        if self.names is None:
            return True
        authority = (authority or "").lower()
        host, _, port = authority.rpartition(":")
        if authority in self.names or (host in self.names and _is_port(port)):
            return True  # the usual case, known without taking it apart
        host = hostname_of(authority)
        if not host:
            return False
        if host in self.names:
            return True
        labels = host.split(".")
        return any(
            "*." + ".".join(labels[start:]) in self.names
            for start in range(1, len(labels))
        )

    def allows_origin(self, origin: str, host: str) -> bool:
        """Tell whether a request to `host` may come from a page of that origin.

        Where no hosts are named, a page may talk to the host that it came from.
        """
        scheme, separator, netloc = origin.partition("://")
        if not scheme or not separator:
            return False
        if self.names is None:
            return hostname_of(netloc) == hostname_of(host)
        return self.allows(netloc)
