"""How the values of settings are read, wherever they come from.

Each parser takes the text of a variable or flag, or the value of a TOML file, and
returns the value that the relay works with. It raises ValueError with what would be
right, in words that follow "must be".
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

Parser = Callable[[object], object]

_WORDS: Final = {
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
"""A server in a URL, in lower case and whole: nothing stands around these parts."""
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65_535
_INTEGER: Final = re.compile(r"[+-]?\d{1,15}", re.ASCII)


def parse_flag(value: object) -> bool:
    """Read yes or no."""
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("true or false")
    return _WORDS[word]


def integer(least: int, most: int | None = None) -> Parser:
    """Return what reads a whole number within bounds, both included."""
    rule = f"a whole number, {_bounds(least, most)}"

    def parse(value: object) -> int:
        if isinstance(value, bool) or not _INTEGER.fullmatch(str(value).strip()):
            raise ValueError(rule)
        number = int(str(value))
        if number < least or (most is not None and number > most):
            raise ValueError(rule)
        return number

    return parse


def seconds(least: float, most: float) -> Parser:
    """Return what reads a number of seconds within bounds, both included."""
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
    """Return what reads one word out of a few."""
    rule = f"one of {', '.join(words)}"

    def parse(value: object) -> str:
        word = str(value).strip().lower()
        if word not in words:
            raise ValueError(rule)
        return word

    return parse


def parse_host(value: object) -> str:
    """Read a host name or an address, without a port, in lower case."""
    text = value.strip().lower() if isinstance(value, str) else ""
    host = _unbracketed(text)
    if not _HOST.fullmatch(host):
        raise ValueError("a host name or an IP address, without a port")
    return host


def parse_bind(value: object) -> str:
    """Read an address to listen on, with its port."""
    text = value.strip() if isinstance(value, str) else ""
    host, separator, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= _LAST_PORT
    bare = _unbracketed(host)
    is_whole = separator and (":" not in host or host != bare)
    if not (is_whole and is_port and _HOST.fullmatch(bare)):
        raise ValueError("an address with a port, like 127.0.0.1:9464 or [::1]:9464")
    return f"{host}:{int(port)}"


def _unbracketed(host: str) -> str:
    """Return a host without the two brackets that an address may stand in."""
    is_bracketed = host.startswith("[") and host.endswith("]") and ":" in host
    return host[1:-1] if is_bracketed else host


def split_bind(bind: str) -> tuple[str, int]:
    """Return the host and the port of what :func:`parse_bind` has read."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def parse_directory(value: object) -> Path:
    """Read the path of a directory, which need not be there yet."""
    path = _parse_path(value)
    if path.exists() and not path.is_dir():
        raise ValueError("a directory, and this is a file")
    return path


def parse_file(value: object) -> Path:
    """Read the path of a file, which must be there and readable."""
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
    """Read an http or https URL that names a server and nothing below it.

    The result is made of parts that were checked, so that a shell, a header or a path
    can take it.
    """
    server = _split(value, {"", "/"})
    if server is None:
        raise ValueError("a URL like https://relay.example.com, without a path")
    return server.url


def parse_origins(value: object) -> tuple[str, ...]:
    """Read a list of origins of web pages, each written out."""
    rule = "a list of origins like https://example.com"
    origins = []
    for item in _items(value, rule):
        if item == "*":
            raise ValueError(f"{rule}; '*' would let every page in")
        server = _split(item, {""})
        if server is None:
            raise ValueError(rule)
        origins.append(server.origin)
    return tuple(origins)


def parse_hosts(value: object) -> tuple[str, ...]:
    """Read a list of host names; ``*.`` before one stands for all names below it."""
    rule = "a list of host names like relay.example.com or *.example.com, no ports"
    names = [name.lower() for name in _items(value, rule)]
    for name in names:
        if not _HOST.fullmatch(name.removeprefix("*.")):
            raise ValueError(rule)
    return tuple(names)


def parse_networks(value: object) -> tuple[str, ...]:
    """Read a list of addresses and networks."""
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


@attrs.frozen
class _Server:
    """The parts of a URL that name a server, each checked.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name or an address, the latter in brackets where it has colons.
        port: The port, if the URL names one.
    """

    scheme: str
    host: str
    port: int | None

    @property
    def url(self) -> str:
        """The URL, with the port that was given."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def origin(self) -> str:
        """The URL as browsers write it: without the usual port."""
        if self.port == _USUAL_PORTS[self.scheme]:
            return attrs.evolve(self, port=None).url
        return self.url


def _split(value: object, paths: Container[str]) -> _Server | None:
    """Take apart a URL that names a server, with one of these paths behind it."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return None
    match = _AUTHORITY.fullmatch(parts.netloc.lower())
    is_bare = parts.path in paths and not (parts.query or parts.fragment)
    if parts.scheme not in _USUAL_PORTS or match is None or not is_bare:
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
