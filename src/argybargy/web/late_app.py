"""The app behind the fast path, imported and built while agents are already served.

Quart, the operator's endpoints, the OpenAPI document and the dashboard's files take as
long to load as everything that agents need. They load in a thread, so that the event
loop goes on serving: at the first request for them, or a moment after the start.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from argybargy.system.values import define
from argybargy.web.access.services import Services
from argybargy.web.fast_path import FastPath

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        Scope,
    )

HEAD_START_SECONDS: Final = 0.5
"""Time for the first agents, who would share Python's lock with the import. A request
for the app ends it."""


def create_late_app(services: Services, tell_loaded: Callable[[], object]) -> FastPath:
    """Return the app that is served: the fast path, then the rest once it has loaded.

    Args:
        services: Services of the endpoints.
        tell_loaded: Called once the rest has loaded.
    """

    def build() -> "ASGIFramework":
        from argybargy.web.app import create_rest  # noqa: PLC0415 - in the thread

        return create_rest(services)

    return FastPath(services, LateApp(build, tell_loaded))


@define(eq=False)
class LateApp:
    """ASGI app that imports and builds another one, and passes requests on to it.

    Its lifespan is the owner of that work: it ends with the lifespan, and its failure
    ends the lifespan, and so the server. The lifespan of the other app is not run: it
    has no background tasks, and no functions to call at the start or the end.

    The mutable state is the other app.
    """

    _build: Callable[[], "ASGIFramework"]
    _tell_loaded: Callable[[], object]
    _app: "ASGIFramework | None" = None
    _wanted: trio.Event = attrs.field(factory=trio.Event)
    _loaded: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request, once the other app has loaded; or run the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self._wanted.set()
        # No deadline: if loading fails, the server ends, and this request with it.
        await self._loaded.wait()
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _live(self, receive: "ASGIReceiveCallable", send: Any) -> None:  # noqa: ANN401 - as messages of the lifespan are typed
        await receive()  # the start
        # Before the work: the listener opens now.
        await send({"type": "lifespan.startup.complete"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._load)
            await receive()  # no deadline: this is how long the relay runs
            nursery.cancel_scope.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _load(self) -> None:
        with trio.move_on_after(HEAD_START_SECONDS):
            await self._wanted.wait()
        # Not `abandon_on_cancel`: an import that still ran at the end of the process
        # could crash it, so that a stop waits for the rest of the import.
        self._app = await trio.to_thread.run_sync(self._build)
        self._tell_loaded()
        self._loaded.set()
