"""Lazy request bodies for Quart-Trio: read when the endpoint asks, not before.

Quart-Trio starts to receive the body together with the endpoint. A client without
valid credentials would then be answered ``100 Continue`` and could upload a whole body
before authentication refuses it. The classes below delay the first receive until the
endpoint awaits the body. They override internals of Quart-Trio (`handle_messages`,
`_must_raise`), which is why its version is constrained.
"""

from collections.abc import Generator
from typing import Any

import trio
from hypercorn.typing import ASGIReceiveCallable
from quart.wrappers import Request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers.request import TrioBody, TrioRequest


def read_bodies_lazily(app: QuartTrio) -> None:
    """Make an app receive a request body when its endpoint awaits it."""
    app.request_class = _LazyRequest
    app.asgi_http_class = _LazyConnection


class _LazyBody(TrioBody):
    """A body that sets the event `wanted` when it is first awaited or iterated."""

    def __init__(self, expected: int | None, most: int | None) -> None:
        super().__init__(expected, most)
        self.wanted = trio.Event()

    def __aiter__(self) -> "_LazyBody":
        self._want()
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        self._want()
        return super().__await__()

    def _want(self) -> None:
        # A body declared too large raises when awaited: never start to receive it.
        if self._must_raise is None:
            self.wanted.set()


class _LazyRequest(TrioRequest):
    body_class = _LazyBody  # type: ignore[assignment]  # declared too narrowly


class _LazyConnection(TrioASGIHTTPConnection):
    async def handle_messages(  # type: ignore[override]  # as Quart-Trio has it
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Receive the body when it is wanted, then wait for the disconnect.

        A request without a body goes straight to the wait, so that the disconnect of
        its client cancels the endpoint.
        """
        if request.content_length or "transfer-encoding" in request.headers:
            assert isinstance(request.body, _LazyBody)
            await request.body.wanted.wait()
        await super().handle_messages(nursery, request, receive)
