"""The session cookie of browsers.

Scripts cannot read the cookie (HttpOnly), and all tabs share it. It holds one half of
the session's secret. The page keeps the other half in the storage of its origin, and
sends it in ``X-Admin-Session``. Neither half opens anything alone, because:

- browsers keep cookies by host, not by port, and send them to every server there.
  Whoever runs another server on the same host gets the cookie, and no other half;
- browsers send cookies with requests of other pages too. The half in the header cannot
  be sent by a page of another origin;
- a script injected into the dashboard could read the half in the storage, but could not
  take the session away.

Besides, Origin and Sec-Fetch-Site have to be those of the dashboard.

The name of the cookie has the port that the browser uses, so that two relays on one
host do not overwrite each other's. Over TLS it has the prefix ``__Host-`` and is
Secure; browsers would not keep such a cookie over plain HTTP.
"""

from typing import Final
from urllib.parse import urlsplit

from argybargy.web.request import Request

_STEM: Final = "argybargy-"
_SECURE_PREFIX: Final = "__Host-"
_DEFAULT_PORTS: Final = {"https": "443", "http": "80"}
_ATTRIBUTES: Final = "HttpOnly; SameSite=Strict; Path=/"


def set_cookie(
    request: Request, public_url: str, value: str, max_age_seconds: int
) -> list[tuple[bytes, bytes]]:
    """Return the header fields that set the session cookie.

    Args:
        request: A request that :func:`can_keep_cookie` accepts.
        public_url: The relay's public URL.
        value: Half of the session's secret.
        max_age_seconds: Time after which the browser deletes the cookie.
    """
    name = _names(request, public_url)[-1]
    return [_field(name, value, max_age_seconds)]


def clear_cookie(request: Request, public_url: str) -> list[tuple[bytes, bytes]]:
    """Return the header fields that delete the session cookie."""
    return [_field(name, "", 0) for name in _names(request, public_url)]


def _field(name: str, value: str, max_age_seconds: int) -> tuple[bytes, bytes]:
    secure = "Secure; " if name.startswith(_SECURE_PREFIX) else ""
    text = f"{name}={value}; Max-Age={max_age_seconds}; {secure}{_ATTRIBUTES}"
    return b"set-cookie", text.encode()


def _names(request: Request, public_url: str) -> list[str]:
    """Return the possible names of the cookie, the likeliest last.

    Scheme and port are those of Origin. A GET has no Origin, TLS may end at a proxy,
    and a proxy may have replaced the Host; so Host and public URL are candidates, Host
    with both schemes.
    """
    origin = request.header(b"origin")
    if origin is not None:
        scheme, _, authority = origin.partition("://")
        return [_name_at(scheme, authority)]
    host, public = request.header(b"host") or "", urlsplit(public_url)
    found = [("http", host), ("https", host), (public.scheme, public.netloc)]
    return list(dict.fromkeys(_name_at(scheme, place) for scheme, place in found))


def _name_at(scheme: str, authority: str) -> str:
    """Return the name of the cookie for a scheme and ``host[:port]``."""
    port = authority.rpartition(":")[2]
    if not (port.isascii() and port.isdigit()):
        port = _DEFAULT_PORTS.get(scheme, "")
    return f"{_SECURE_PREFIX if scheme == 'https' else ''}{_STEM}{port}"


def can_keep_cookie(request: Request, public_url: str) -> bool:
    """Tell whether the dashboard made a request, in a browser that keeps the cookie.

    Origin tells: browsers set it, and pages cannot. Without it, Host has to be that of
    a public URL with https.
    """
    origin = request.header(b"origin")
    if origin is not None:
        return _is_own(origin, request, public_url)
    parts = urlsplit(public_url)
    return parts.scheme == "https" and request.header(b"host") == parts.netloc


def read_cookies(request: Request, public_url: str) -> list[str]:
    """Return possible halves of sessions, if the dashboard made the request."""
    cookies = request.header(b"cookie")
    if cookies is None or not _is_from_own_page(request, public_url):
        return []
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    values = {name: value for name, _, value in pairs}
    names = _names(request, public_url)
    return [values[name] for name in reversed(names) if values.get(name)]


def _is_from_own_page(request: Request, public_url: str) -> bool:
    """Tell whether nothing shows that another page made the request.

    Over plain HTTP, except on loopback, browsers send neither field with a GET.
    """
    origin, site = request.header(b"origin"), request.header(b"sec-fetch-site")
    is_own = origin is None or _is_own(origin, request, public_url)
    return is_own and site in {None, "same-origin"}


def _is_own(origin: str, request: Request, public_url: str) -> bool:
    """Tell whether `origin` is an origin of this relay.

    It is compared with Host and with the public URL, as a proxy may replace the Host.
    """
    parts = urlsplit(public_url)
    host = request.header(b"host") or ""
    own = {f"https://{host}", f"http://{host}", f"{parts.scheme}://{parts.netloc}"}
    return origin in own
