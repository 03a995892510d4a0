"""CORS for agents that run in browsers, on pages of other origins.

Off by default. Origins are compared exactly, credentials (cookies) are never allowed,
and the operator's endpoints are excluded.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from argybargy.system.values import frozen
from argybargy.web.request import BARE_HEADERS, Headers, Response

if TYPE_CHECKING:
    from hypercorn.typing import ASGISendCallable

_ALLOWED: Final = (
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-Match, Prefer, "
        b"X-Argybargy-Ear",
    ),
    (b"access-control-max-age", b"600"),
)
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Retry-After, X-Argybargy-Cursor, Preference-Applied",
)
_OPERATOR: Final = ("/admin", "/dashboard", "/metrics")


@frozen
class CorsRule:
    """Origins whose pages may call the agents' endpoints.

    Attributes:
        origins: Exact origins, such as ``https://example.org``.
    """

    origins: frozenset[str] = frozenset()

    def allows(self, headers: Headers, path: str) -> bytes | None:
        """Return the request's Origin if it is allowed for `path`, else ``None``."""
        origin = headers.get(b"origin")
        if origin is None or path.startswith(_OPERATOR):
            return None
        return origin if origin.decode("latin-1") in self.origins else None

    def preflight(self, method: str, headers: Headers, path: str) -> Response | None:
        """Return the response to a CORS preflight; ``None`` for any other request."""
        origin = self.allows(headers, path)
        asks = b"access-control-request-method" in headers
        if origin is None or method != "OPTIONS" or not asks:
            return None
        return Response(
            HTTPStatus.NO_CONTENT, b"", (*_ALLOWED, *_granted(origin), *BARE_HEADERS)
        )

    def grant(self, send: "ASGISendCallable", origin: bytes) -> "ASGISendCallable":
        """Wrap `send` to add the CORS header fields for `origin` to the response."""

        async def granting(message: Any) -> None:  # noqa: ANN401  an ASGI message
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *_granted(origin), _EXPOSED]
                message = {**message, "headers": headers}
            await send(message)

        return granting


def _granted(origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
