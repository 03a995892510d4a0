"""Parsers for the values of settings.

Each parser takes text of a variable or flag, or a value of a TOML file, and returns a
value of the setting's type. It raises ValueError with a description of valid values,
worded to follow "must be".
"""

import math
import os
import re
from collections.abc import Callable, Container
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from argybargy.system.values import frozen

Parser = Callable[[object], object]

_FLAG_WORDS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<address>[0-9a-f:.]{2,45})\]"
    r"|(?P<name>[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9.])?))"
    r"(?::(?P<port>[0-9]{0,5}))?"
)
"""Authority of a URL in lower case, without user information."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_INTEGER: Final = re.compile(r"[+-]?\d{1,15}", re.ASCII)


def parse_flag(value: object) -> bool:
    """Parse a boolean: ``true``, ``yes``, ``on``, ``1`` or the opposite."""
    word = str(value).strip().lower()
    if word not in _FLAG_WORDS:
        raise ValueError("true or false")
    return _FLAG_WORDS[word]


def integer(least: int, most: int | None = None) -> Parser:
    """Return a parser for integers from `least` to `most`, both included."""
    rule = f"a whole number, {_bounds(least, most)}"

    def parse(value: object) -> int:
        if isinstance(value, bool) or not _INTEGER.fullmatch(str(value).strip()):
            raise ValueError(rule)
        number = int(str(value))
        if number < least or (most is not None and number > most):
            raise ValueError(rule)
        return number

    return parse


def duration(least: float, most: float) -> Parser:
    """Return a parser for a time from `least` to `most`, in the setting's unit."""
    rule = f"a number, {_bounds(least, most)}"

    def parse(value: object) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(str(value))
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise ValueError(rule)
        return number

    return parse


def _bounds(least: float, most: float | None) -> str:
    return f"{least} or more" if most is None else f"{least} to {most}"


def choice(*words: str) -> Parser:
    """Return a parser for one of several words, in any case."""
    rule = f"one of {', '.join(words)}"

    def parse(value: object) -> str:
        word = str(value).strip().lower()
        if word not in words:
            raise ValueError(rule)
        return word

    return parse


def parse_host(value: object) -> str:
    """Parse a host name or an IP address without a port, into lower case."""
    text = value.strip().lower() if isinstance(value, str) else ""
    host = _unbracketed(text)
    if not _HOST.fullmatch(host):
        raise ValueError("a host name or an IP address, without a port")
    return host


def parse_bind(value: object) -> str:
    """Parse an address and port to listen on."""
    text = value.strip() if isinstance(value, str) else ""
    host, separator, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= _LAST_PORT
    bare = _unbracketed(host)
    is_whole = separator and (":" not in host or host != bare)
    if not (is_whole and is_port and _HOST.fullmatch(bare)):
        raise ValueError("an address with a port, like 127.0.0.1:9464 or [::1]:9464")
    return f"{host}:{int(port)}"


def _unbracketed(host: str) -> str:
    """Remove the brackets around an IPv6 address."""
    is_bracketed = host.startswith("[") and host.endswith("]") and ":" in host
    return host[1:-1] if is_bracketed else host


def split_bind(bind: str) -> tuple[str, int]:
    """Split the result of :func:`parse_bind` into host and port."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def parse_directory(value: object) -> Path:
    """Parse the path of a directory, which need not exist."""
    path = _parse_path(value)
    if path.exists() and not path.is_dir():
        raise ValueError("a directory, and this is a file")
    return path


def parse_file(value: object) -> Path:
    """Parse the path of a file, which must exist and be readable."""
    path = _parse_path(value)
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError("a file that this user may read")
    return path


def _parse_path(value: object) -> Path:
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise ValueError("a path")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise ValueError("a path; '~' has no home directory here") from None


def parse_base_url(value: object) -> str:
    """Parse an http or https URL without path, query and user information.

    The result is composed of validated parts, so that it is safe in shell commands,
    headers and file paths.
    """
    server = _split(value, {"", "/"})
    if server is None:
        raise ValueError("a URL like https://relay.example.com, without a path")
    return server.url


def parse_origins(value: object) -> tuple[str, ...]:
    """Parse a list of origins of web pages; ``*`` is refused."""
    rule = "a list of origins like https://example.com"
    origins = []
    for item in _items(value, rule):
        if item == "*":
            raise ValueError(f"{rule}; '*' would admit every page")
        server = _split(item, {""})
        if server is None:
            raise ValueError(rule)
        origins.append(server.origin)
    return tuple(origins)


def parse_hosts(value: object) -> tuple[str, ...]:
    """Parse a list of host names; ``*.example.com`` matches all subdomains."""
    rule = "a list of host names like relay.example.com or *.example.com, no ports"
    names = [name.lower() for name in _items(value, rule)]
    for name in names:
        if not _HOST.fullmatch(name.removeprefix("*.")):
            raise ValueError(rule)
    return tuple(names)


def parse_networks(value: object) -> tuple[str, ...]:
    """Parse a list of IP addresses and networks."""
    rule = "a list of addresses and networks like 192.0.2.1, 10.0.0.0/8 or fd00::/8"
    try:
        networks = tuple(str(ip_network(item)) for item in _items(value, rule))
    except ValueError:
        raise ValueError(rule) from None
    if any("%" in network for network in networks):
        raise ValueError(f"{rule}, without a zone")
    return networks


def _items(value: object, rule: str) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(rule)  # noqa: TRY004 - a wrong type is a wrong value here
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(rule)
    return [part.strip() for part in parts if part.strip()]


@frozen
class _Server:
    """Validated scheme, host and port of a URL.

    Attributes:
        scheme: ``http`` or ``https``.
        host: Host name or IP address, IPv6 in brackets.
        port: Port; None if the URL has none.
    """

    scheme: str
    host: str
    port: int | None

    @property
    def url(self) -> str:
        """URL with the port as given."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def origin(self) -> str:
        """Origin as browsers send it, without the scheme's default port."""
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return attrs.evolve(self, port=None).url
        return self.url


def _split(value: object, paths: Container[str]) -> _Server | None:
    """Parse a URL whose path is one of `paths`; None if it is invalid."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    match = _AUTHORITY.fullmatch(parts.netloc.lower())
    is_bare = parts.path in paths and not (parts.query or parts.fragment)
    if parts.scheme not in _DEFAULT_PORTS or match is None or not is_bare:
        return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= _LAST_PORT:
        return None
    host = match["name"] or _bracketed(match["address"])
    return None if host is None else _Server(parts.scheme, host, port)


def _bracketed(address: str) -> str | None:
    try:
        return f"[{IPv6Address(address)}]"
    except ValueError:
        return None
