"""Lifespan of an ASGI app: it starts before the first request and stops after the last.

An app needs a lifespan here. The specification lets a server go on without one if the
app raises, which would hide that the app cannot start.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from argybargy.http.asgi import App, Message
from argybargy.system.values import define

START_SECONDS: Final = 60.0
"""Longest time for an app to start."""
STOP_SECONDS: Final = 60.0
"""Longest time for an app to stop."""


class LifespanError(Exception):
    """The app failed to start or to stop, or its lifespan ended early."""


@asynccontextmanager
async def open_lifespan(app: App) -> AsyncIterator[None]:
    """Run the lifespan of an app while the block runs.

    If it ends early, the block is cancelled.

    Raises:
        ExceptionGroup: Contains a LifespanError.
    """
    lifespan = _Lifespan(app)
    async with trio.open_nursery() as nursery:
        try:
            with trio.fail_after(START_SECONDS):
                await nursery.start(lifespan.run)
        except trio.TooSlowError:
            raise LifespanError("the app did not start in time") from None
        yield
        lifespan.stopping.set()
        try:
            with trio.fail_after(STOP_SECONDS):
                await lifespan.stopped.wait()
        except trio.TooSlowError:
            raise LifespanError("the app did not stop in time") from None
        nursery.cancel_scope.cancel()


@define(eq=False)
class _Lifespan:
    """Lifespan of one app, and its side of the messages.

    Attributes:
        app: The app.
        stopping: Set to stop the app.
        stopped: Set once the app has stopped.
    """

    app: App
    stopping: trio.Event = attrs.field(factory=trio.Event)
    stopped: trio.Event = attrs.field(factory=trio.Event)
    _is_begun: bool = False

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Run the lifespan; report its start through `task_status`.

        Raises:
            LifespanError: The app failed, or ended before it was told to stop.
        """

        async def send(message: Message) -> None:
            match message["type"]:
                case "lifespan.startup.complete":
                    task_status.started()
                case "lifespan.shutdown.complete":
                    self.stopped.set()
                case kind:
                    raise LifespanError(f"{kind}: {message.get('message', '')}")

        scope = {"type": "lifespan", "asgi": {"spec_version": "2.0", "version": "3.0"}}
        try:
            await self.app({**scope, "state": {}}, self._receive, send)
        except LifespanError:
            raise
        except Exception as error:
            raise LifespanError("the app failed") from error
        if not self.stopping.is_set():
            raise LifespanError("the app ended while it was being served")
        self.stopped.set()

    async def _receive(self) -> Message:
        if not self._is_begun:
            self._is_begun = True
            return {"type": "lifespan.startup"}
        await self.stopping.wait()  # no deadline: this is how long the app serves
        return {"type": "lifespan.shutdown"}
