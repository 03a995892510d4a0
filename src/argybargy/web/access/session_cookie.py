"""The session cookie, for browsers over TLS.

Scripts cannot read the cookie (HttpOnly), so a script injected into the dashboard could
not steal it. But browsers send it with every request, so it counts only if Origin or
Sec-Fetch-Site shows that the dashboard made the request. ``SameSite=Strict`` does not
suffice against cross-site request forgery: on a shared domain, as tunnels have it,
other customers are the same site.

Browsers keep cookies by host, not by port. The name of the cookie therefore includes
the public port, so that two relays on one host do not overwrite each other's.
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
    """Return the header fields that set the session cookie."""
    return _fields(_names(request, public_url)[-1:], f"{token}; {_ATTRIBUTES}")


def clear_cookie(request: Request, public_url: str) -> list[tuple[bytes, bytes]]:
    """Return the header fields that delete the session cookie."""
    return _fields(_names(request, public_url), f"; Max-Age=0; {_ATTRIBUTES}")


def _fields(names: list[str], value: str) -> list[tuple[bytes, bytes]]:
    return [(b"set-cookie", f"{name}={value}".encode()) for name in names]


def _names(request: Request, public_url: str) -> list[str]:
    """Return the possible names of the cookie, the likeliest last.

    The port is that of Origin. A GET has no Origin, and a proxy may have replaced the
    Host, so both Host and the public URL are candidates.
    """
    origin = request.header(b"origin")
    if origin is not None:
        return [_name_at(origin)]
    urls = (request.header(b"host") or "", public_url)
    return list(dict.fromkeys(_name_at(url) for url in urls))


def _name_at(url: str) -> str:
    """Return the name of the cookie for an https URL or authority."""
    port = url.rpartition(":")[2]
    is_port = port.isascii() and port.isdigit()
    return _NAME + (port if is_port else _DEFAULT_PORT)


def can_keep_cookie(request: Request, public_url: str) -> bool:
    """Tell whether the browser uses TLS and would keep the cookie.

    TLS may end at a proxy, so the scheme of the connection does not tell. Origin does:
    browsers set it, and pages cannot. Without it, Host has to be that of a public URL
    with https.
    """
    origin = request.header(b"origin")
    if origin is not None:
        return _is_own(origin, request, public_url)
    parts = urlsplit(public_url)
    return parts.scheme == "https" and request.header(b"host") == parts.netloc


def read_cookies(request: Request, public_url: str) -> list[str]:
    """Return possible sessions in the cookies, if the dashboard made the request."""
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
    """Tell whether `origin` is the https origin of this relay.

    It is compared with Host and with the public URL, as a proxy may replace the Host.
    """
    parts = urlsplit(public_url)
    host = request.header(b"host") or ""
    own = {f"https://{host}", f"{parts.scheme}://{parts.netloc}"}
    return origin.startswith("https://") and origin in own
