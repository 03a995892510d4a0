"""Lifespan of an ASGI app, without sockets."""

import pytest
import trio
import trio.lowlevel
import trio.testing

from argybargy.http.asgi import App, Message, Receive, Scope, Send
from argybargy.serve.lifespan import (
    START_SECONDS,
    STOP_SECONDS,
    LifespanError,
    open_lifespan,
)

COMPLETE: Message = {"type": "lifespan.startup.complete"}
STOPPED: Message = {"type": "lifespan.shutdown.complete"}


async def test_an_app_starts_before_the_block_and_stops_after_it() -> None:
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (scope["type"], scope["state"]) == ("lifespan", {})
        events.append((await receive())["type"])
        await send(COMPLETE)
        events.append((await receive())["type"])
        await send(STOPPED)

    async with open_lifespan(app):
        await trio.testing.wait_all_tasks_blocked()
        events.append("block")
    assert events == ["lifespan.startup", "block", "lifespan.shutdown"]


async def test_an_app_may_return_instead_of_reporting_its_stop() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await send(COMPLETE)
        await receive()
        await receive()

    async with open_lifespan(app):
        pass


async def _never_starts(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await trio.sleep_forever()


async def _never_stops(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(COMPLETE)
    await trio.sleep_forever()


async def _fails_to_stop(_scope: Scope, receive: Receive, send: Send) -> None:
    await send(COMPLETE)
    await receive()
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "stuck"})


async def _does_not_start(_scope: Scope, _receive: Receive, _send: Send) -> None:
    return


@pytest.mark.parametrize(
    ("app", "text", "seconds"),
    [
        (_never_starts, "the app did not start in time", START_SECONDS),
        (_never_stops, "the app did not stop in time", STOP_SECONDS),
        (_fails_to_stop, "lifespan.shutdown.failed: stuck", 0),
        (_does_not_start, "the app ended while it was being served", 0),
    ],
)
async def test_an_app_that_does_not_start_or_stop_is_an_error(
    app: App, text: str, seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    began = trio.current_time()
    with pytest.raises(ExceptionGroup) as caught:
        async with open_lifespan(app):
            pass
    assert caught.group_contains(LifespanError, match=text)
    assert trio.current_time() - began == seconds


async def test_an_app_that_ends_early_cancels_the_block() -> None:
    failure = ValueError("died")

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(COMPLETE)
        await trio.lowlevel.checkpoint()
        raise failure

    with pytest.raises(ExceptionGroup) as caught:
        async with open_lifespan(app):
            await trio.sleep_forever()
    (error,) = caught.value.exceptions
    assert isinstance(error, LifespanError)
    assert error.__cause__ is failure
