"""Pages of other origins, where the operator has named them: agents in browsers.

Off unless set, exact origins only, never with credentials, and never for the
operator's endpoints.
"""

from http import HTTPStatus
from typing import Any, Final

import attrs
from hypercorn.typing import ASGISendCallable

from argybargy.web.request import BARE_HEADERS, Headers, Response

_ALLOWED: Final = (
    (b"access-control-allow-methods", b"GET, POST, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key",
    ),
    (b"access-control-max-age", b"600"),
)
_EXPOSED: Final = (b"access-control-expose-headers", b"Retry-After")
_OPERATOR: Final = ("/admin", "/dashboard", "/metrics")


@attrs.frozen
class CorsRule:
    """The origins whose pages may call the agents' endpoints."""

    origins: frozenset[str] = frozenset()

    def allows(self, headers: Headers, path: str) -> bytes | None:
        """Return the origin of a request, if its page may make it."""
        origin = headers.get(b"origin")
        if origin is None or path.startswith(_OPERATOR):
            return None
        return origin if origin.decode("latin-1") in self.origins else None

    def preflight(self, method: str, headers: Headers, path: str) -> Response | None:
        """Answer a browser that asks whether it may ask."""
        origin = self.allows(headers, path)
        asks = b"access-control-request-method" in headers
        if origin is None or method != "OPTIONS" or not asks:
            return None
        return Response(
            HTTPStatus.NO_CONTENT, b"", (*_ALLOWED, *_granted(origin), *BARE_HEADERS)
        )

    def grant(self, send: ASGISendCallable, origin: bytes) -> ASGISendCallable:
        """Let what is sent be read by a page of `origin`."""

        async def granting(message: Any) -> None:  # noqa: ANN401  an ASGI message
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *_granted(origin), _EXPOSED]
                message = {**message, "headers": headers}
            await send(message)

        return granting


def _granted(origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))
