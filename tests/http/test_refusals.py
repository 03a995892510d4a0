"""Refusals by the server: each is a complete response, without the app."""

from contextlib import suppress

import pytest
import trio

from argybargy.http.limits import ConnectionLimits
from argybargy.http.server import open_http_server
from support.http_server import (
    HELLO,
    Client,
    Journal,
    PlainApp,
    Site,
    open_site,
    render,
)
from support.refused_requests import CASES, CHUNKED, GET, HOST, POST


async def _send_in_spite(client: Client, data: bytes) -> None:
    """Send a request that the server may refuse before its end."""
    with suppress(trio.BrokenResourceError):
        await client.send(data)


async def _expect(site: Site, client: Client, status: int, code: str) -> None:
    reply = await client.reply()
    assert (reply.status, reply.error) == (status, code)
    assert reply.fields["content-type"] == "application/json"
    assert reply.fields["connection"] == "close"
    await client.stream.aclose()
    await site.wait_empty()
    refused = site.server.statistics().refused
    assert refused == {code: refused[code]}
    assert site.journal.events == []


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_request_is_refused_with_a_reason(name: str) -> None:
    data, status, code = CASES[name]
    app = PlainApp()
    async with open_site(app) as site:
        client = await site.connect()
        await _send_in_spite(client, data)
        await _expect(site, client, status, code)
        assert (await (await site.connect()).ask(HELLO)).body == b"hello"
    assert app.called in (["/hello"], ["/echo", "/hello"])


@pytest.mark.parametrize("name", [name for name in CASES if len(CASES[name][0]) < 300])
async def test_a_bad_request_is_refused_when_sent_byte_by_byte(name: str) -> None:
    data, status, code = CASES[name]
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        for at in range(len(data)):
            await _send_in_spite(client, data[at : at + 1])
            await trio.testing.wait_all_tasks_blocked()
        await _expect(site, client, status, code)


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_request_is_refused_behind_a_good_one(name: str) -> None:
    data, status, code = CASES[name]
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        await _send_in_spite(client, HELLO + data)
        assert (await client.reply()).body == b"hello"
        await _expect(site, client, status, code)


async def test_a_request_of_the_maximum_size_is_served() -> None:
    limits = ConnectionLimits()
    lines = GET.replace(b"/", b"/hello", 1) + HOST
    filler = b"X: " + b"y" * (limits.head_bytes - len(lines) - 7) + b"\r\n\r\n"
    target = b"/say?" + b"x" * (limits.url_bytes - 5)
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        assert (await client.ask(lines + filler)).status == 200
        reply = await client.ask(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert len(reply.body) == limits.url_bytes - 5
        assert (await client.ask(lines + b"X: y\r\n" * 63 + b"\r\n")).status == 200
        body = b"x" * limits.body_bytes
        reply = await client.ask(POST + b"Content-Length: 65536\r\n\r\n" + body)
        assert reply.body == body
        reply = await client.ask(CHUNKED + b"10000\r\n" + body + b"\r\n0\r\n\r\n")
        assert reply.body == body


async def test_a_body_in_the_smallest_chunks_is_served() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(CHUNKED + b"1\r\nx\r\n" * 65_536 + b"0\r\n\r\n")
        assert reply.body == b"x" * 65_536


async def test_the_unread_body_of_a_refused_request_does_not_lose_the_response() -> (
    None
):
    async with open_site(PlainApp()) as site, trio.open_nursery() as nursery:
        client = await site.connect()
        head = POST + b"Content-Length: 200000\r\n\r\n"
        nursery.start_soon(_send_in_spite, client, head + b"x" * 200_000)
        reply = await client.reply()
        assert (reply.status, reply.error) == (413, "body_too_large")


async def test_a_refused_head_request_has_no_body() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        await client.send(b"HEAD /boom HTTP/1.1\r\nHost: relay\r\n\r\n")
        reply = await client.reply(is_head=True)
        assert reply.status == 500
        assert await client.rest() == b""


async def test_connections_beyond_the_limit_get_a_retry_after() -> None:
    async with open_site(PlainApp(), ConnectionLimits(connections=2)) as site:
        first, second = await site.connect(), await site.connect()
        assert (await first.ask(HELLO)).status == 200
        assert (await second.ask(HELLO)).status == 200
        third = await site.connect()
        reply = await third.ask(HELLO)
        assert (reply.status, reply.error) == (503, "busy")
        assert reply.fields["retry-after"] == "5"
        assert await third.is_ended()
        await first.stream.aclose()
        with trio.fail_after(3):
            while (await (await site.connect()).ask(HELLO)).status != 200:  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_only_a_bounded_number_of_refusals_get_a_response() -> None:
    limits = ConnectionLimits(connections=1, refusals=1)
    async with open_site(PlainApp(), limits) as site:
        first = await site.connect()
        assert (await first.ask(HELLO)).status == 200
        told, other = await site.connect(), await site.connect()
        assert (await told.reply()).status == 503
        assert await other.is_ended(), "while the one before it still lingers"
        assert site.server.statistics().refused == {"busy": 2}


async def test_loopback_is_not_counted_against_the_limit_of_an_address() -> None:
    limits = ConnectionLimits(connections_per_address=1)
    async with open_site(PlainApp(), limits) as site:
        for _ in range(3):
            assert (await (await site.connect()).ask(HELLO)).status == 200


async def test_connections_per_address_are_limited() -> None:
    limits = ConnectionLimits(connections_per_address=2)
    async with open_http_server(
        PlainApp(),
        render=render,
        log=Journal(),
        limits=limits,
        trusted_addresses=frozenset({"192.0.2.9"}),
    ) as server:
        for address in ("192.0.2.1", "192.0.2.9", "::1", "127.0.0.9", "2001:db8::"):
            server._by_network[address] = limits.connections_per_address
        allowed = ["192.0.2.9", "::1", "127.0.0.9", "::ffff:127.0.0.1", "192.0.2.2", ""]
        assert all(server._has_capacity(address) for address in allowed)
        assert server._has_capacity("2001:db8:0:1::1")
        for address in (
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "2001:db8::1",
            "2001:db8::f:0",
        ):
            assert not server._has_capacity(address)
