"""Access log: one line for each request, at level ``debug``.

The relay wraps its app in AccessLog only if the log level is ``debug``, so the log
costs nothing otherwise. A line has method, path, caller, status and duration; never a
query, a body, or a secret in a path.
"""

import re
from typing import TYPE_CHECKING, Any, Final

from argybargy.system.logs import bound_contextvars, get_contextvars, get_logger
from argybargy.system.values import frozen
from argybargy.web.access.auth import presented_code
from argybargy.web.access.services import Services
from argybargy.web.errors import new_request_id

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        HTTPScope,
        Scope,
    )

log = get_logger(__name__)

PATH_CHARS: Final = 200
"""Longest path in a line; the rest is cut off."""
_SECRET: Final = re.compile(r"argy_[a-z]\d_\w+|[\w-]{32,}")
"""A code of the relay, or any word long enough to be a secret."""


@frozen
class AccessLog:
    """ASGI middleware that logs each request when its response is complete.

    It binds a request id to the context, which is in the line, in all that is logged
    for the request, and in the body of an error.

    Attributes:
        app: The wrapped app.
        services: Used to find the caller's name by its code.
    """

    app: "ASGIFramework"
    services: Services

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request and log it; pass the lifespan on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        clock, statuses = self.services.relay.clock, list[int]()
        began = clock.now().steady_seconds

        async def noting(event: Any) -> None:  # noqa: ANN401 - an ASGI event
            if event["type"] == "http.response.start":
                statuses.append(event["status"])
            await send(event)

        with bound_contextvars(request_id=new_request_id()):
            try:
                await self.app(scope, receive, noting)
            finally:
                took = clock.now().steady_seconds - began
                self._note(scope, next(iter(statuses), None), took)

    def _note(self, scope: "HTTPScope", status: int | None, seconds: float) -> None:
        """Log a request; `status` is None if the client left before the response."""
        log.debug(
            "request",
            method=scope["method"],
            path=shown_path(scope["path"]),
            status=status,
            milliseconds=round(1_000 * seconds, 1),
            **self._caller(scope),
            **get_contextvars(),
        )

    def _caller(self, scope: "HTTPScope") -> dict[str, str]:
        presented = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        relay = self.services.relay
        code = presented_code(presented)
        records = relay.codes.resolve_all(code, relay.clock.now()) if code else []
        if not records:
            return {}
        # A request chooses one of them in its query or its body.
        rooms = ",".join(record.room for record in records)
        first = records[0]
        return {"peer": first.name, "room": rooms, "key_id": first.key_id}


def shown_path(path: str) -> str:
    """Return a path for the log: escaped, with secrets masked, and truncated."""
    safe = path.encode("unicode_escape").decode("ascii")
    return _SECRET.sub("…", safe)[:PATH_CHARS]
