"""How the values of settings are read, wherever they come from.

Each parser takes the text of a variable or flag, or the value of a TOML file, and
returns the value that the relay works with. It raises ValueError with what would be
right, in words that follow "must be".
"""

import math
import os
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

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
    host = value.strip().strip("[]").lower() if isinstance(value, str) else ""
    if not _HOST.fullmatch(host):
        raise ValueError("a host name or an IP address, without a port")
    return host


def parse_bind(value: object) -> str:
    """Read an address to listen on, with its port."""
    text = value.strip() if isinstance(value, str) else ""
    host, separator, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and int(port) <= _LAST_PORT
    bare = host.removeprefix("[").removesuffix("]")
    is_whole = separator and (":" not in host or host != bare)
    if not (is_whole and is_port and _HOST.fullmatch(bare)):
        raise ValueError("an address with a port, like 127.0.0.1:9464 or [::1]:9464")
    return f"{host}:{int(port)}"


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
    """Read an http or https URL that names a server and nothing below it."""
    parts = _split(value)
    if parts is None or parts.path not in {"", "/"}:
        raise ValueError("a URL like https://relay.example.com, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def parse_origins(value: object) -> tuple[str, ...]:
    """Read a list of origins of web pages, each written out."""
    rule = "a list of origins like https://example.com"
    origins = []
    for item in _items(value, rule):
        if item == "*":
            raise ValueError(f"{rule}; '*' would let every page in")
        parts = _split(item)
        if parts is None or parts.path:
            raise ValueError(rule)
        origins.append(_origin(parts))
    return tuple(origins)


def _origin(parts: SplitResult) -> str:
    """Return the origin of a URL as browsers write it: without the usual port."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = _USUAL_PORTS[parts.scheme]
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


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


def _split(value: object) -> SplitResult | None:
    """Return the parts of a URL that holds a server and perhaps a path."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return None
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not is_bare:
        return None
    return parts if host and _HOST.fullmatch(host) else None
