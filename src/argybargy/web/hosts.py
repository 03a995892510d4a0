"""Which hosts the relay answers to.

A page on any site can point its own name at 127.0.0.1 and have a browser talk to
a relay there. The browser then sends that page's name as Host, which is how it is
told from the people the relay is for.
"""

import ipaddress
from typing import Final, Self
from urllib.parse import urlsplit

import attrs

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def hostname_of(authority: str) -> str:
    """Return the host of ``host[:port]`` in lower case, without brackets."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Tell whether a bind address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
        if not is_loopback(bind_host) and not allowed:
            return cls(None)
        names = {name.lower() for name in allowed} | _LOOPBACK_NAMES
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
        if authority in self.names or authority.rpartition(":")[0] in self.names:
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
