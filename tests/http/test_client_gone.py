"""A waiting request is cancelled as soon as its client leaves."""

from collections.abc import Callable

import pytest
import trio

from argybargy.http.limits import ConnectionLimits
from argybargy.http.server import HttpServer
from support.http_server import (
    HELLO,
    WAKE_SECONDS,
    Client,
    PlainApp,
    QuartApp,
    open_site,
    reset_connection,
)

PARK = b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n"
LISTEN = b"GET /listen HTTP/1.1\r\nHost: relay\r\n\r\n"
STEP_SECONDS = 0.25
"""Time after which a request counts as slow."""

APPS = {
    "an app that never listens": (PlainApp, PARK),
    "an app that listens": (PlainApp, LISTEN),
    "quart": (QuartApp, PARK),
}


async def close(client: Client) -> None:
    await client.stream.aclose()


async def half_close(client: Client) -> None:
    assert isinstance(client.stream, trio.SocketStream)
    await client.stream.send_eof()


async def reset(client: Client) -> None:
    reset_connection(client)
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("leave", [close, half_close, reset])
@pytest.mark.parametrize("step_seconds", [0, STEP_SECONDS])
@pytest.mark.parametrize("ahead", [b"", b"G", HELLO * 3])
@pytest.mark.parametrize("name", APPS)
async def test_a_parked_request_is_cancelled_when_its_client_leaves(
    name: str, ahead: bytes, step_seconds: float, leave: Callable[[Client], object]
) -> None:
    make, request = APPS[name]
    app: PlainApp | QuartApp = make()
    async with open_site(app) as site:
        client = await site.connect()
        await client.send(request)
        await app.parked.wait()
        await trio.sleep(step_seconds)
        await client.send(ahead)
        left = leave(client)
        assert hasattr(left, "__await__")
        await left
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()
        assert site.journal.events == []


async def test_a_client_that_leaves_is_noticed_behind_a_full_read_ahead() -> None:
    app = PlainApp()
    async with open_site(app, ConnectionLimits(read_ahead_bytes=10)) as site:
        client = await site.connect()
        await client.send(PARK + HELLO * 2)
        await app.parked.wait()
        await trio.sleep(STEP_SECONDS)
        await client.send(HELLO * 1_000)
        await client.stream.aclose()
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()


@pytest.mark.parametrize("step_seconds", [0, STEP_SECONDS])
async def test_a_stream_is_cancelled_when_its_client_leaves(
    step_seconds: float,
) -> None:
    app = PlainApp()
    async with open_site(app) as site:
        client = await site.connect()
        await client.send(b"GET /pour HTTP/1.1\r\nHost: relay\r\n\r\n")
        await app.parked.wait()
        await trio.sleep(step_seconds)
        await client.stream.aclose()
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()
        assert site.journal.events == []


async def test_the_app_gets_a_disconnect_when_the_client_leaves_within_its_body() -> (
    None
):
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        await client.send(
            b"POST /listen HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\nabc"
        )
        await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == ["app_failed"]


async def test_a_body_is_not_read_before_the_app_asks_for_it() -> None:
    app = PlainApp()
    async with open_site(app) as site:
        client = site.connect_in_memory()
        await client.send(
            b"POST /nap?0.5 HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\n"
        )
        await app.parked.wait()
        await client.send(b"body")
        await trio.sleep(STEP_SECONDS)
        assert isinstance(site.server, HttpServer)
        (connection,) = site.server._connections
        assert connection.stream.pending == b""
        assert (await client.reply()).fields["connection"] == "close"


async def test_many_parked_requests_are_cancelled_one_by_one() -> None:
    app = PlainApp()
    async with open_site(app) as site:
        clients = [await site.connect() for _ in range(100)]
        for client in clients:
            await client.send(PARK)
        await trio.sleep(STEP_SECONDS)
        assert site.server.statistics().connections == 100
        for client in clients:
            await client.stream.aclose()
        await site.wait_empty()
