"""Allowed hosts: a defence against DNS rebinding.

A page on any site can point its own name at 127.0.0.1 and have a browser talk to a
relay there, as if it were of the same origin. The browser then sends that name as
Host, and the relay refuses it.
"""

import re
import socket
from typing import Final, Self
from urllib.parse import urlsplit

from argybargy.domain.host_names import is_host_listed
from argybargy.system.network import is_loopback
from argybargy.system.values import frozen

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^][:@/?#\\\s]+))(?::[0-9]*)?")


def hostname_of(authority: str) -> str:
    """Return the host of ``host[:port]`` in lower case, without brackets.

    It is empty for any other form, such as one with a user or a path.
    """
    match = _AUTHORITY.fullmatch(authority.lower())
    return (match[1] or match[2]).rstrip(".") if match is not None else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _leads_to_loopback(host: str) -> bool:
    """Tell whether a bind host is a loopback address, or resolves to one.

    A host that does not resolve is no loopback address; binding it fails anyway.
    """
    if is_loopback(host):
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(is_loopback(str(address[0])) for *_, address in found)


@frozen
class HostRule:
    """Hosts that are allowed in Host and Origin.

    Attributes:
        names: Host names in lower case; ``*.example.org`` allows every name below
            it. None allows every host.
    """

    names: frozenset[str] | None

    @classmethod
    def make(
        cls, bind_host: str, public_url: str | None, allowed: tuple[str, ...]
    ) -> Self:
        """Make the rule for a bind address.

        A loopback bind always has one. Any other bind has one only if `allowed` names
        hosts, since the relay cannot know the names by which it is reached.

        Args:
            bind_host: Address or name that the relay binds.
            public_url: Public URL, whose host is allowed as well.
            allowed: Hosts that the operator configured.
        """
        is_local = _leads_to_loopback(bind_host)
        if not is_local and not allowed:
            return cls(None)
        named = (bind_host, *allowed) if is_local else allowed
        names = {name.lower() for name in named} | _LOOPBACK_NAMES
        rule = cls(frozenset(names))
        return rule if public_url is None else rule.including(public_url)

    def including(self, url: str) -> Self:
        """Return the rule with the host of a URL added."""
        if self.names is None:
            return self
        return type(self)(self.names | {hostname_of(urlsplit(url).netloc)})

    def allows(self, authority: str | None) -> bool:
        """Tell whether a Host field, or the authority of an Origin, is allowed."""
        if self.names is None:
            return True
        authority = (authority or "").lower()
        host, _, port = authority.rpartition(":")
        if authority in self.names or (host in self.names and _is_port(port)):
            return True  # the usual case, without the regular expression
        host = hostname_of(authority)
        return bool(host) and is_host_listed(host, self.names)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Tell whether a page of `origin` may make a request to `host`.

        If every host is allowed, the page's own host has to be `host`.
        """
        scheme, separator, netloc = origin.partition("://")
        if not scheme or not separator:
            return False
        if self.names is None:
            return hostname_of(netloc) == hostname_of(host)
        return self.allows(netloc)
