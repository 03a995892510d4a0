"""Failures of one connection leave the server and other connections running."""

import os
import random
from pathlib import Path

import pytest
import trio

from argybargy.http.asgi import App
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import ErrorBody
from argybargy.web.request import DATA_HEADERS
from support.error_log import ErrorLog
from support.http_server import (
    HELLO,
    OPENERS,
    WAKE_SECONDS,
    Client,
    PlainApp,
    QuartApp,
    Site,
    open_site,
    reset_connection,
)

FUZZ_SECONDS = float(os.environ.get("ARGYBARGY_FUZZ_SECONDS", "2"))  # noqa: TID251
SEED = 20_111

KILLERS = {
    "a websocket upgrade and a byte": (
        b"GET /hello HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nx"
    ),
    "an upgrade to h2c": (
        b"GET /hello HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nx"
    ),
    "an odd method": b"GE\xd1 / HTTP/1.1\r\nHost: relay\r\n\r\n",
    "three requests at once": HELLO * 3,
    "a host of odd bytes": b"GET /hello HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a length and a coding": (
        b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "bytes behind the last request": (
        b"GET /hello HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\nxx" + HELLO
    ),
    "a request without end": HELLO[:-2],
    "a body without end": (
        b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\nx"
    ),
    "a parked request": b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\nx",
    "nothing": b"",
}

SEEDS = [
    HELLO,
    b"GET /stream HTTP/1.1\r\nHost: relay\r\n\r\n",
    b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n",
    b"HEAD /hello HTTP/1.1\r\nHost: relay\r\nExpect: 100-continue\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /echo HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nbody\r\n0\r\n\r\n",
    b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
]

APPS: dict[str, type[PlainApp] | type[QuartApp]] = {
    "plain": PlainApp,
    "quart": QuartApp,
}


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def assail(site: Site, data: bytes, *, is_reset: bool) -> None:
    """Send bytes, read what comes at once, and leave."""
    stream = await trio.open_tcp_stream("127.0.0.1", site.port)
    client = Client(stream)
    try:
        await client.send(data)
        with trio.move_on_after(0.01):
            await stream.receive_some()
    except trio.BrokenResourceError:
        pass
    if is_reset:
        reset_connection(client)
    await trio.aclose_forcefully(stream)


async def assert_alive(site: Site) -> None:
    await site.wait_empty()
    stream = await trio.open_tcp_stream("127.0.0.1", site.port)
    async with stream:
        client = Client(stream)
        assert (await client.ask(HELLO)).body == b"hello"
    await site.wait_empty()


@pytest.mark.parametrize("core", OPENERS)
@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize("name", KILLERS)
@pytest.mark.parametrize("kind", APPS)
async def test_known_killer_requests_leave_the_server_running(
    core: str, kind: str, name: str, is_reset: bool
) -> None:
    app: App = APPS[kind]()
    async with OPENERS[core](app) as site:
        await assert_alive(site)
        base = count_descriptors()
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(_assail, site, KILLERS[name], is_reset)
        await assert_alive(site)
        assert count_descriptors() == base


async def _assail(site: Site, data: bytes, is_reset: bool) -> None:
    await assail(site, data, is_reset=is_reset)


def mutate(rng: random.Random) -> bytes:
    """Make a few requests with random byte errors."""
    data = bytearray(b"".join(rng.choices(SEEDS, k=rng.randint(1, 3))))
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data.insert(at, rng.choice(b"\r\n\x00 :\xff0,;"))
            case 2:
                del data[at : at + rng.randint(1, 8)]
            case _:
                data[at:at] = data[at : at + rng.randint(1, 40)]
        if not data:
            return b""
    return bytes(data[: rng.randint(1, len(data))] if rng.random() < 0.2 else data)


@pytest.mark.parametrize("core", OPENERS)
@pytest.mark.parametrize("kind", APPS)
async def test_mutated_requests_leave_the_server_running(core: str, kind: str) -> None:
    rng = random.Random(SEED)
    app: App = APPS[kind]()
    async with OPENERS[core](app) as site:
        await assert_alive(site)
        base = count_descriptors()
        end = trio.current_time() + FUZZ_SECONDS / len(APPS)
        while trio.current_time() < end:
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    data, is_reset = mutate(rng), rng.random() < 0.5
                    nursery.start_soon(_assail, site, data, is_reset)
        await assert_alive(site)
        assert count_descriptors() == base
        assert core != "ours" or "connection_failed" not in site.journal.events


@pytest.mark.parametrize("core", OPENERS)
@pytest.mark.parametrize("data", SEEDS)
@pytest.mark.parametrize("is_reset", [False, True])
async def test_a_client_may_leave_at_every_byte(
    core: str, data: bytes, is_reset: bool
) -> None:
    async with OPENERS[core](PlainApp()) as site:
        await assert_alive(site)
        base = count_descriptors()
        for size in range(len(data)):
            stream = await trio.open_tcp_stream("127.0.0.1", site.port)
            await stream.send_all(data[:size])
            if is_reset:
                reset_connection(Client(stream))
            await trio.aclose_forcefully(stream)
        await assert_alive(site)
        assert count_descriptors() == base
        assert core != "ours" or "connection_failed" not in site.journal.events


FAILURES = [(core, path) for core in OPENERS for path in ("boom", "group", "silent")]
FAILURES += [("ours", "fields"), ("ours", "short")]


@pytest.mark.parametrize(("core", "path"), FAILURES)
async def test_an_app_that_fails_before_its_response_gets_a_500(
    core: str, path: str
) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert (reply.status, reply.error) == (500, "internal_error")
        for _, facts in site.journal.entries:
            assert facts["request_id"] == reply.request_id
        assert await client.is_ended()
        expected = [] if path == "silent" else ["app_failed"]
        assert site.journal.events == expected
        assert site.server.statistics().refused == {"internal_error": 1}


async def test_a_response_of_an_app_that_fails_within_it_is_cut_off() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        with pytest.raises(EOFError):
            await client.ask(b"GET /boom-late HTTP/1.1\r\nHost: a\r\n\r\n")
        assert site.journal.events == ["app_failed"]


@pytest.mark.parametrize("core", OPENERS)
async def test_an_error_in_quart_is_a_500_by_quart(
    core: str, error_log: ErrorLog
) -> None:
    async with OPENERS[core](QuartApp()) as site:
        client = await site.connect()
        reply = await client.ask(b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reply.status == 500
        assert (await client.ask(HELLO)).body == b"hello"
    assert len(error_log.take()) == 1


async def test_a_failing_error_renderer_ends_its_connection_only() -> None:
    async with open_site(PlainApp()) as site:

        def fail(_error: object) -> ErrorBody:
            raise ValueError("no")

        client = await site.connect()
        assert (await client.ask(HELLO)).status == 200
        site.server.render = fail
        await client.send(b"garbage\r\n\r\n")
        assert await client.is_ended()
        assert site.journal.events == ["connection_failed"]
        await assert_alive(site)


@pytest.mark.parametrize("core", OPENERS)
async def test_a_cancellation_from_outside_cancels_a_running_request(
    core: str,
) -> None:
    app = PlainApp()
    async with OPENERS[core](app) as site:
        client = await site.connect()
        await client.send(b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n")
        await app.parked.wait()
    assert app.cancelled.is_set()
    assert site.server.statistics().connections == 0
    assert site.journal.events == []


async def test_draining_ends_idle_connections_and_lets_requests_finish() -> None:
    app = PlainApp()
    async with open_site(app) as site:
        idle, busy = await site.connect(), await site.connect()
        await idle.ask(HELLO)
        await busy.send(b"GET /nap?0.05 HTTP/1.1\r\nHost: relay\r\n\r\n" + HELLO)
        await app.parked.wait()
        site.server.drain()
        with trio.fail_after(0.04):
            assert await idle.is_ended()
        reply = await busy.reply()
        assert (reply.body, reply.fields["connection"]) == (b"rested", "close")
        assert await busy.is_ended()


@pytest.mark.parametrize("make", [PlainApp, QuartApp])
@pytest.mark.parametrize(
    "half",
    [
        b"G",
        HELLO[:-1],
        HELLO + HELLO[:-1],
        b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\nx",
        b"POST /echo HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_draining_does_not_wait_for_the_rest_of_a_request(
    half: bytes, make: type[PlainApp] | type[QuartApp]
) -> None:
    async with open_site(make()) as site:
        client = site.connect_in_memory()
        await client.send(half)
        await trio.testing.wait_all_tasks_blocked()
        site.server.drain()
        with trio.fail_after(WAKE_SECONDS):
            if half.startswith(HELLO):
                assert (await client.reply()).body == b"hello"
            reply = await client.reply()
            assert (reply.status, reply.error) == (503, "draining")
            assert reply.fields["retry-after"] == "5"
            assert await client.is_ended()
        await client.stream.aclose()
        await site.wait_empty()
        assert site.journal.events == []


@pytest.mark.parametrize("core", OPENERS)
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/2.0\r\nHost: relay\r\n\r\n", 505),
        (b"GET /boom HTTP/1.1\r\nHost: relay\r\n\r\n", 500),
        (HELLO[:-1], 408),
    ],
)
async def test_a_response_of_the_server_is_as_safe_as_one_of_the_app(
    core: str, data: bytes, status: int
) -> None:
    limits = ConnectionLimits(head_seconds=0.1)
    async with OPENERS[core](PlainApp(), limits) as site:
        client = await site.connect()
        reply = await client.ask(data)
        assert reply.status == status
        for name, value in DATA_HEADERS:
            assert reply.fields[name.decode()] == value.decode()
