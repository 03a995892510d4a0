"""Bodies that are not read before their endpoint asks for them.

Quart reads beside the endpoint, from the start: a stranger's body would be read, and
asked for with ``100 Continue``, before anybody knows that it is a stranger's.
"""

from collections.abc import Generator
from typing import Any

import trio
from hypercorn.typing import ASGIReceiveCallable
from quart.wrappers import Request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers.request import TrioBody, TrioRequest


def read_bodies_late(app: QuartTrio) -> None:
    """Make an app read a body once its endpoint wants it, and not before."""
    app.request_class = _LateRequest
    app.asgi_http_class = _LateConnection


class _LateBody(TrioBody):
    """A body that says when it is wanted."""

    def __init__(self, expected: int | None, most: int | None) -> None:
        super().__init__(expected, most)
        self.wanted = trio.Event()

    def __aiter__(self) -> "_LateBody":
        self._want()
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        self._want()
        return super().__await__()

    def _want(self) -> None:
        if self._must_raise is None:  # what is too large is not read at all
            self.wanted.set()


class _LateRequest(TrioRequest):
    body_class = _LateBody  # type: ignore[assignment]  # declared too narrowly


class _LateConnection(TrioASGIHTTPConnection):
    async def handle_messages(  # type: ignore[override]  # as Quart-Trio has it
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Read the body when it is wanted, then wait for the client to leave.

        Without a body there is nothing to be late for.
        """
        if request.content_length or "transfer-encoding" in request.headers:
            assert isinstance(request.body, _LateBody)
            await request.body.wanted.wait()
        await super().handle_messages(nursery, request, receive)
