"""The app behind the fast path loads in a thread, and requests wait for it."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from argybargy.http.asgi import App, Receive, Scope, Send
from argybargy.serve.lifespan import LifespanError, open_lifespan
from argybargy.web.app import create_quart
from argybargy.web.late_app import HEAD_START_SECONDS, LateApp, create_late_app
from support.web_app import TOKEN, Client, open_site

BODY = b"late"


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": BODY, "more_body": False})


@attrs.define
class Builder:
    """Builds an app, in a thread, when the test allows it."""

    allowed: Callable[[], object] = lambda: None
    built: int = 0
    told: trio.Event = attrs.field(factory=trio.Event)

    def build(self) -> Any:  # noqa: ANN401 - an ASGI app
        self.allowed()
        self.built += 1
        return answer

    def app(self) -> Any:  # noqa: ANN401 - an ASGI app
        return LateApp(self.build, self.told.set)


async def test_it_loads_by_itself_after_the_head_start(
    autojump_clock: trio.testing.MockClock,
) -> None:
    builder = Builder()
    async with open_lifespan(builder.app()):
        await trio.sleep(HEAD_START_SECONDS * 0.9)
        assert builder.built == 0
        await builder.told.wait()
        assert builder.built == 1


async def test_a_request_ends_the_head_start_and_waits_for_the_app(
    mock_clock: trio.testing.MockClock,
) -> None:
    builder = Builder()
    app = builder.app()
    async with open_lifespan(app), trio.open_nursery() as nursery:
        replies = []

        async def ask() -> None:
            replies.append((await Client(app).call("GET", "/dashboard")).body)

        for _ in range(3):
            nursery.start_soon(ask)
    assert replies == [BODY] * 3
    assert builder.built == 1


async def test_a_stop_in_the_head_start_loads_nothing() -> None:
    builder = Builder()
    async with open_lifespan(builder.app()):
        pass
    assert builder.built == 0


async def test_a_stop_waits_for_the_thread_that_loads() -> None:
    token = trio.lowlevel.current_trio_token()
    going_on = trio.Event()
    builder = Builder(lambda: trio.from_thread.run(going_on.wait, trio_token=token))
    app = builder.app()
    stopped = trio.Event()

    async def run(task_status: trio.TaskStatus[None]) -> None:
        async with open_lifespan(app):
            app._wanted.set()
            await trio.testing.wait_all_tasks_blocked()
            task_status.started()
        stopped.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        await trio.testing.wait_all_tasks_blocked()
        assert not stopped.is_set()
        going_on.set()
    assert stopped.is_set()
    assert builder.built == 1
    assert builder.told.is_set()


async def test_a_failed_import_ends_the_lifespan_and_the_request() -> None:
    def refuse() -> None:
        raise ImportError("no quart")

    app = Builder(refuse).app()
    with pytest.raises(ExceptionGroup) as caught:
        async with open_lifespan(app):
            await Client(app).call("GET", "/dashboard")
    assert caught.group_contains(LifespanError)
    (error,) = caught.value.exceptions
    assert isinstance(error.__cause__, ExceptionGroup)
    (cause,) = error.__cause__.exceptions
    assert isinstance(cause, ImportError)


@pytest.mark.parametrize("target", ["/admin/state", "/", "/mcp", "/nothing"])
async def test_the_late_app_answers_as_the_whole_app_does(target: str) -> None:
    async with open_site() as site:
        late: Any = create_late_app(site.services, lambda: None)
        lifespan: App = late
        async with open_lifespan(lifespan):
            reply = await Client(late).call("GET", target, token=TOKEN)
        expected = await site.front.call("GET", target, token=TOKEN)
        assert reply.status == expected.status
        assert reply.headers.keys() == expected.headers.keys()


async def test_quart_has_nothing_to_do_in_a_lifespan() -> None:
    """The late app does not run Quart's lifespan."""
    async with open_site() as site:
        app = create_quart(site.services)
        assert app.before_serving_funcs == []
        assert app.after_serving_funcs == []
        assert app.while_serving_gens == []
