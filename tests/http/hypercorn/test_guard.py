"""The guard around Hypercorn's connection; other tests run for both cores."""

import pytest
import trio
from trio.testing import MockClock

from argybargy.http.limits import ConnectionLimits
from support.http_server import (
    HELLO,
    WAKE_SECONDS,
    PlainApp,
    QuartApp,
    open_guarded_site,
)
from support.refused_requests import CASES

SAME = [
    "HTTP/2 with prior knowledge",
    "a websocket",
    "a large body",
    "a long target",
    "many fields",
    "another expectation",
    "a huge body",
    "a length with a sign",
    "no host",
    "a fragment",
    "a relative target",
    "another scheme",
    "a user in the target",
    "GET of an asterisk",
    "a tunnel",
    "a user before the host",
    "two users before the host",
    "a port that is no number",
    "a path behind the host",
    "an open bracket in the host",
]


@pytest.mark.parametrize("name", SAME)
async def test_hypercorn_refuses_the_same_requests_as_our_own_connection(
    name: str,
) -> None:
    data, status, code = CASES[name]
    app = PlainApp()
    async with open_guarded_site(app) as site:
        client = await site.connect()
        reply = await client.ask(data)
        assert (reply.status, reply.error) == (status, code)
        assert await client.is_ended()
        await site.wait_empty()
        assert app.called == []
        assert site.server.statistics().refused == {code: 1}


async def test_a_target_with_a_host_of_its_own_is_refused() -> None:
    """The Host field is checked, and a host in the target would override it."""
    app = PlainApp()
    async with open_guarded_site(app) as site:
        client = await site.connect()
        target = b"GET http://evil.example/hello HTTP/1.1\r\nHost: relay\r\n\r\n"
        reply = await client.ask(target)
        assert (reply.status, reply.error) == (400, "malformed")
        assert app.called == []


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    app = PlainApp()
    async with open_guarded_site(app, ConnectionLimits(write_seconds=0.1)) as site:
        client = await site.connect()
        await client.send(b"GET /pour HTTP/1.1\r\nHost: relay\r\n\r\n")
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()


@pytest.mark.parametrize("part", [b"", b"x"])
@pytest.mark.parametrize("make", [PlainApp, QuartApp])
async def test_a_late_body_is_refused_at_its_deadline(
    make: type[PlainApp] | type[QuartApp], part: bytes
) -> None:
    async with open_guarded_site(make(), ConnectionLimits(body_seconds=0.2)) as site:
        client = await site.connect()
        head = b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 9\r\n\r\n"
        await client.send(head + part)
        with trio.fail_after(WAKE_SECONDS):
            reply = await client.reply()
            assert (reply.status, reply.error) == (408, "request_timeout")
            assert await client.is_ended()
        await site.wait_empty()
        assert site.journal.events == []


@pytest.mark.parametrize("path", ["/unread", "/boom", "/nap?0.1"])
async def test_an_unread_body_in_many_parts_does_not_block_the_connection(
    path: str,
) -> None:
    async with open_guarded_site(PlainApp()) as site:
        client = await site.connect()
        await client.send(
            f"POST {path} HTTP/1.1\r\nHost: relay\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"1\r\nx\r\n" * 100
        )
        with trio.fail_after(WAKE_SECONDS):
            assert (await client.reply()).status in {200, 401, 500}
            assert await client.is_ended()
        await site.wait_empty()


@pytest.mark.parametrize("make", [PlainApp, QuartApp])
async def test_an_idle_connection_is_closed_at_its_deadline(
    make: type[PlainApp] | type[QuartApp],
) -> None:
    async with open_guarded_site(make(), ConnectionLimits(idle_seconds=0.2)) as site:
        client = await site.connect()
        assert (await client.ask(HELLO)).body == b"hello"
        with trio.fail_after(WAKE_SECONDS):
            assert await client.is_ended()


async def test_an_idle_connection_has_the_same_deadline_as_our_own(
    autojump_clock: MockClock,
) -> None:
    limits = ConnectionLimits()
    async with open_guarded_site(PlainApp(), limits) as site:
        client = site.connect_in_memory()
        assert (await client.ask(HELLO)).body == b"hello"
        await trio.sleep(limits.idle_seconds - 1)
        assert (await client.ask(HELLO)).body == b"hello"
        start = trio.current_time()
        assert await client.is_ended()
        assert trio.current_time() - start == pytest.approx(limits.idle_seconds)


@pytest.mark.parametrize("before", [b"", HELLO])
async def test_a_head_that_stalls_is_refused(before: bytes) -> None:
    async with open_guarded_site(
        PlainApp(), ConnectionLimits(head_seconds=0.2)
    ) as site:
        client = await site.connect()
        await client.send(before + HELLO[:-1])
        with trio.fail_after(WAKE_SECONDS):
            if before:
                assert (await client.reply()).body == b"hello"
            reply = await client.reply()
            assert (reply.status, reply.error) == (408, "request_timeout")
            assert await client.is_ended()


@pytest.mark.parametrize("ahead", [b"", HELLO])
@pytest.mark.parametrize("make", [PlainApp, QuartApp])
async def test_a_parked_request_is_cancelled_when_its_client_leaves(
    make: type[PlainApp] | type[QuartApp], ahead: bytes
) -> None:
    app = make()
    async with open_guarded_site(app) as site:
        client = await site.connect()
        await client.send(b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n" + ahead)
        await app.parked.wait()
        await client.stream.aclose()
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()
