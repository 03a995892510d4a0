"""A line in the log for each request, at level ``debug`` and at no other.

The relay puts this around its app when such lines are wanted, so that nobody else pays
for them. A line says what was asked, by whom, and what came of it; never a query, a
body, or a secret that somebody has put into a path.
"""

import re
from typing import Any, Final

import attrs
import structlog
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)
from structlog.contextvars import bound_contextvars

from argybargy.web.access.auth import presented_code
from argybargy.web.access.services import Services
from argybargy.web.errors import new_request_id

log = structlog.get_logger(__name__)

PATH_CHARS: Final = 200
"""How much of a path is shown."""
_SECRET: Final = re.compile(r"argy_[a-z]\d_\w+|[\w-]{32,}")
"""A code of any kind, or what is long enough to be the secret of something else."""


@attrs.frozen
class AccessLog:
    """An ASGI app around another, which logs each request once it is answered.

    While it lasts, the request has a name: it is in the line, in whatever else is
    logged on behalf of the request, and in the body of an error.

    Attributes:
        app: Answers.
        services: Tells whose request it is.
    """

    app: ASGIFramework
    services: Services

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve one request, or the lifespan."""
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

    def _note(self, scope: HTTPScope, status: int | None, seconds: float) -> None:
        """Log a request; without a status, its client left before the answer."""
        log.debug(
            "request",
            method=scope["method"],
            path=shown_path(scope["path"]),
            status=status,
            milliseconds=round(1_000 * seconds, 1),
            **self._whose(scope),
            **structlog.contextvars.get_contextvars(),
        )

    def _whose(self, scope: HTTPScope) -> dict[str, str]:
        shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        relay = self.services.relay
        code = presented_code(shown)
        record = relay.directory.resolve(code, relay.clock.now()) if code else None
        if record is None:
            return {}
        return {"peer": record.name, "room": record.room, "key_id": record.key_id}


def shown_path(path: str) -> str:
    """Return a path as it may be logged: short, on one line, without a secret."""
    safe = path.encode("unicode_escape").decode("ascii")
    return _SECRET.sub("…", safe)[:PATH_CHARS]
