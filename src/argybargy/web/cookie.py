"""The session as a cookie, for browsers that come over TLS.

A script cannot read it, which is what it is for. A browser sends it by itself, which
is what makes it dangerous: so it counts only on requests that say themselves that our
own page makes them. ``SameSite=Strict`` is not enough for that, since on a shared
domain, as tunnels have it, strangers are the same site.
"""

from typing import Final
from urllib.parse import urlsplit

from argybargy.web.request import Request

NAME: Final = "__Host-argybargy"
_ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Strict; Path=/"


def set_cookie(token: str) -> tuple[bytes, bytes]:
    """Return the header field that gives a browser its session."""
    return (b"set-cookie", f"{NAME}={token}; {_ATTRIBUTES}".encode())


def clear_cookie() -> tuple[bytes, bytes]:
    """Return the header field that takes it away."""
    return (b"set-cookie", f"{NAME}=; Max-Age=0; {_ATTRIBUTES}".encode())


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


def read_cookie(request: Request, public_url: str) -> str | None:
    """Return the session in the cookie of a request that our own page has made."""
    token = _find(request.header(b"cookie") or "")
    return token if token and _is_from_own_page(request, public_url) else None


def _find(cookies: str) -> str | None:
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME:
            return value
    return None


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
