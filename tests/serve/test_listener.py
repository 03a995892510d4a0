"""Sockets, lifespan and shutdown around a connection handler."""

import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from hypercorn.config import Config

from argybargy.http.asgi import App, Receive, Scope, Send
from argybargy.http.hypercorn.guard import HypercornServer
from argybargy.http.server import open_http_server
from argybargy.serve.lifespan import LifespanError
from argybargy.serve.listener import ConnectionHandler, serve_app
from support.error_log import ErrorLog
from support.http_server import HELLO, Client, Journal, PlainApp, QuartApp, render


@attrs.frozen
class Running:
    """A server under `serve_app`."""

    port: int
    stop: trio.Event
    stopped: trio.Event

    async def connect(self) -> Client:
        return Client(await trio.open_tcp_stream("127.0.0.1", self.port))


@asynccontextmanager
async def open_handler(
    core: str, app: App, config: Config
) -> AsyncIterator[ConnectionHandler]:
    if core == "hypercorn":
        yield HypercornServer(app, config, render=render, log=Journal())
    else:
        async with open_http_server(app, render=render, log=Journal()) as server:
            yield server


@asynccontextmanager
async def running(core: str, app: App) -> AsyncIterator[Running]:
    config = Config()
    config.bind = "127.0.0.1:0"
    config.errorlog = None
    config.graceful_timeout = 0.5
    stop, stopped = trio.Event(), trio.Event()

    async def serve(task_status: trio.TaskStatus[list[str]]) -> None:
        async with open_handler(core, app, config) as handler:
            await serve_app(
                app,
                config,
                handler=handler,
                shutdown_trigger=stop.wait,
                task_status=task_status,
            )
        stopped.set()

    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(serve)
        assert url.startswith("http://127.0.0.1:")
        yield Running(int(url.rpartition(":")[2]), stop, stopped)
        nursery.cancel_scope.cancel()


CORES = pytest.mark.parametrize("core", ["ours", "hypercorn"])


@CORES
@pytest.mark.parametrize("make", [PlainApp, QuartApp])
async def test_it_serves_on_a_free_port_and_stops_when_told(
    core: str, make: type[PlainApp] | type[QuartApp]
) -> None:
    async with running(core, make()) as server:
        client = await server.connect()
        async with client.stream:
            assert (await client.ask(HELLO)).body == b"hello"
            server.stop.set()
            with trio.fail_after(0.4):
                assert await client.is_ended()
                await server.stopped.wait()
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await server.connect()


@CORES
async def test_a_running_request_may_finish_at_shutdown(core: str) -> None:
    app = PlainApp()
    async with running(core, app) as server:
        client = await server.connect()
        async with client.stream:
            await client.send(b"GET /nap?0.1 HTTP/1.1\r\nHost: relay\r\n\r\n")
            await app.parked.wait()
            server.stop.set()
            assert (await client.reply()).body == b"rested"
            with trio.fail_after(0.4):
                await server.stopped.wait()


@CORES
async def test_a_request_that_does_not_finish_is_cancelled_at_shutdown(
    core: str,
) -> None:
    app = PlainApp()
    async with running(core, app) as server:
        client = await server.connect()
        async with client.stream:
            await client.send(b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n")
            await app.parked.wait()
            server.stop.set()
            with trio.fail_after(1):
                await server.stopped.wait()
            assert app.cancelled.is_set()


async def _fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ValueError("cannot start")


async def _fail_by_message(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "cannot start"})


async def _end_early(_scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await trio.sleep(0.01)
    raise ValueError("died")


@pytest.mark.parametrize("app", [_fail, _fail_by_message, _end_early])
async def test_an_app_whose_lifespan_fails_fails_the_server(app: App) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with running("ours", app):
            await trio.sleep(3)
    assert "ifespan" in type(_leaf(caught.value)).__name__
    if app is not _fail_by_message:
        assert isinstance(_leaf(caught.value), LifespanError)


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def test_running_out_of_descriptors_only_delays_connections(
    caplog: pytest.LogCaptureFixture, error_log: ErrorLog
) -> None:
    async with running("ours", PlainApp()) as server:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        probe = trio.socket.socket()
        first_free = probe.fileno()
        stream = trio.SocketStream(probe)
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + 1, hard))
        try:
            await probe.connect(("127.0.0.1", server.port))
            await stream.send_all(HELLO)
            with trio.move_on_after(0.05):
                await stream.receive_some()
            said = [text for text in error_log.take() if "accepting_failed" in text]
            assert len(said) == 1
            assert "EMFILE" in said[0]
            assert caplog.text == ""
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        async with stream:
            assert (await Client(stream).reply()).body == b"hello"
