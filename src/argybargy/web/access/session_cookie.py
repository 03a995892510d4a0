"""The session as a cookie, for browsers that come over TLS.

A script cannot read it, which is what it is for. A browser sends it by itself, which
is what makes it dangerous: so it counts only on requests that say themselves that our
own page makes them. ``SameSite=Strict`` is not enough for that, since on a shared
domain, as tunnels have it, strangers are the same site.

A cookie belongs to a host, whatever the port. Two relays on one host are told apart by
its name, which has the port that the browser sees.
"""

from typing import Final
from urllib.parse import urlsplit

from argybargy.web.request import Request

_NAME: Final = "__Host-argybargy-"
_DEFAULT_PORT: Final = "443"
_ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Strict; Path=/"


def set_cookie(
    request: Request, public_url: str, token: str
) -> list[tuple[bytes, bytes]]:
    """Return the header fields that give a browser its session."""
    return _fields(_names(request, public_url)[-1:], f"{token}; {_ATTRIBUTES}")


def clear_cookie(request: Request, public_url: str) -> list[tuple[bytes, bytes]]:
    """Return the header fields that take the session from a browser."""
    return _fields(_names(request, public_url), f"; Max-Age=0; {_ATTRIBUTES}")


def _fields(names: list[str], value: str) -> list[tuple[bytes, bytes]]:
    return [(b"set-cookie", f"{name}={value}".encode()) for name in names]


def _names(request: Request, public_url: str) -> list[str]:
    """Return the names that the cookie of a request may have, the likeliest last.

    The origin of the page says it. Where none is named, as in a GET, a proxy may have
    put another host, and so another port, in the place of the public one.
    """
    origin = request.header(b"origin")
    if origin is not None:
        return [_name_at(origin)]
    urls = (request.header(b"host") or "", public_url)
    return list(dict.fromkeys(_name_at(url) for url in urls))


def _name_at(url: str) -> str:
    """Return the name of the cookie of a relay with TLS at a URL or authority."""
    port = url.rpartition(":")[2]
    is_port = port.isascii() and port.isdigit()
    return _NAME + (port if is_port else _DEFAULT_PORT)


def can_keep_cookie(request: Request, public_url: str) -> bool:
    """Tell whether a request comes over TLS, as far as anybody can know.

    A browser says so by the origin of its page, which no page can choose. Where none
    is named, the host must be that of a public URL with https.
    """
    origin = request.header(b"origin")
    if origin is not None:
        return _is_own(origin, request, public_url)
    parts = urlsplit(public_url)
    return parts.scheme == "https" and request.header(b"host") == parts.netloc


def read_cookies(request: Request, public_url: str) -> list[str]:
    """Return what may be the session, of a request that our own page has made."""
    cookies = request.header(b"cookie")
    if cookies is None or not _is_from_own_page(request, public_url):
        return []
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    values = {name: value for name, _, value in pairs}
    names = _names(request, public_url)
    return [values[name] for name in reversed(names) if values.get(name)]


def _is_from_own_page(request: Request, public_url: str) -> bool:
    origin, site = request.header(b"origin"), request.header(b"sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    return _is_own(origin, request, public_url) and site in {None, "same-origin"}


def _is_own(origin: str, request: Request, public_url: str) -> bool:
    """Tell whether a page with https comes from where the request goes.

    A proxy may have put another host in the place of the public one.
    """
    parts = urlsplit(public_url)
    host = request.header(b"host") or ""
    own = {f"https://{host}", f"{parts.scheme}://{parts.netloc}"}
    return origin.startswith("https://") and origin in own
