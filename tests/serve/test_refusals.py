"""What is refused, and how: each with a whole answer, and none by the app."""

from contextlib import suppress

import pytest
import trio

from argybargy.http.limits import ConnectionLimits
from argybargy.http.server import open_http_server
from serve.kit import HELLO, Client, Journal, PlainApp, Site, open_site, render

HOST = b"Host: relay\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an odd method": b"GE\xd1 / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of another protocol": b"DESCRIBE / RTSP/1.0\r\n" + HOST + b"\r\n",
    "no protocol": b"GET / \r\n" + HOST + b"\r\n",
    "another protocol": b"GET / ICAP/1.0\r\n" + HOST + b"\r\n",
    "a long version": b"GET / HTTP/1.11\r\n" + HOST + b"\r\n",
    "an odd byte in the target": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a relative target": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "another scheme": b"GET ftp://a/b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a user in the target": b"GET http://a@b/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "GET of an asterisk": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + HOST + b"\r\n",
    "a host of odd bytes": GET + b"Host: \xff\r\n\r\n",
    "a host of two words": GET + b"Host: a b\r\n\r\n",
    "a user before the host": GET + b"Host: evil:@localhost\r\n\r\n",
    "two users before the host": GET + b"Host: x@y@localhost\r\n\r\n",
    "a port that is no number": GET + b"Host: localhost:x\r\n\r\n",
    "a path behind the host": GET + b"Host: localhost/evil\r\n\r\n",
    "an open bracket in the host": GET + b"Host: [::1\r\n\r\n",
    "a port in the target that is none": b"GET http://a:x/ HTTP/1.1\r\n"
    + HOST
    + b"\r\n",
    "a bare LF after the request line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "a bare LF after a field": GET + b"Host: relay\n\r\n",
    "a bare LF at the end": GET + HOST + b"\n",
    "a bare CR in a field": GET + b"Host: relay\rX: y\r\n\r\n",
    "NUL in a field": GET + HOST + b"X: a\x00b\r\n\r\n",
    "a control character in a field": GET + HOST + b"X: a\x01b\r\n\r\n",
    "an odd field name": GET + HOST + b"X\xff: a\r\n\r\n",
    "a space before the colon": GET + HOST + b"X : a\r\n\r\n",
    "an empty field name": GET + HOST + b": a\r\n\r\n",
    "a field without a colon": GET + HOST + b"abc\r\n\r\n",
    "a folded field": GET + HOST + b"X: a\r\n b\r\n\r\n",
    "a folded first field": GET + b" X: a\r\n" + HOST + b"\r\n",
    "length and coding": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "two lengths that differ": POST
    + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\na",
    "an empty length": POST + b"Content-Length: \r\n\r\na",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\na",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "not chunked in the end": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a hidden coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"x\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a space": CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
    "a chunk size before a bare LF": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": CHUNKED + b"fffffffffffffffff\r\nabc\r\n",
    "an endless chunk size": CHUNKED + b"0" * 1_000,
    "an odd chunk extension": CHUNKED + b"3;\x01\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it said": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "a chunk before a bare LF": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "a chunk that runs into the next": CHUNKED + b"3\r\nabc0\r\n\r\n",
    "a length in the trailer": CHUNKED + b"0\r\nContent-Length: 3\r\n\r\n",
    "an endless trailer": CHUNKED + b"0\r\nX: " + b"y" * 1_000,
}

OTHERS = {
    "HTTP/2 with prior knowledge": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        "version_not_supported",
    ),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, "version_not_supported"),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505, "version_not_supported"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 505, "version_not_supported"),
    "a websocket": (
        GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nx",
        501,
        "not_implemented",
    ),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\nx", 501, "not_implemented"),
    "another coding": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
        "not_implemented",
    ),
    "another expectation": (
        POST + b"Expect: miracles\r\nContent-Length: 3\r\n\r\nabc",
        417,
        "expectation_failed",
    ),
    "a long target": (
        b"GET /" + b"x" * 4_096 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        414,
        "url_too_long",
    ),
    "a target without end": (b"GET /" + b"x" * 20_000, 414, "url_too_long"),
    "a large head": (
        GET + HOST + b"X: " + b"y" * 20_000 + b"\r\n\r\n",
        431,
        "headers_too_large",
    ),
    "a head without end": (GET + b"X: " + b"y" * 20_000, 431, "headers_too_large"),
    "blank lines without end": (b"\r\n" * 10_000, 431, "headers_too_large"),
    "many fields": (
        GET + HOST + b"X: y\r\n" * 64 + b"\r\n",
        431,
        "headers_too_large",
    ),
    "a large body": (
        POST + b"Content-Length: 65537\r\n\r\n",
        413,
        "body_too_large",
    ),
    "a huge body": (
        POST + b"Content-Length: 1000000000000\r\nExpect: 100-continue\r\n\r\n",
        413,
        "body_too_large",
    ),
    "a large chunk": (CHUNKED + b"10001\r\n", 413, "body_too_large"),
    "many chunks": (
        CHUNKED + b"1000\r\n%b\r\n" % (b"x" * 4096) * 17,
        413,
        "body_too_large",
    ),
    "nothing but framing": (
        CHUNKED + (b"1;" + b"x" * 200 + b"\r\ny\r\n") * 4_000,
        413,
        "body_too_large",
    ),
}
CASES = {name: (data, 400, "malformed") for name, data in MALFORMED.items()} | OTHERS


async def _send_in_spite(client: Client, data: bytes) -> None:
    """Send what the server may not want to hear the end of."""
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
async def test_it_is_refused_with_a_reason(name: str) -> None:
    data, status, code = CASES[name]
    app = PlainApp()
    async with open_site(app) as site:
        client = await site.connect()
        await _send_in_spite(client, data)
        await _expect(site, client, status, code)
        assert (await (await site.connect()).ask(HELLO)).body == b"hello"
    assert app.called in (["/hello"], ["/echo", "/hello"])


@pytest.mark.parametrize("name", [name for name in CASES if len(CASES[name][0]) < 300])
async def test_it_is_refused_byte_by_byte(name: str) -> None:
    data, status, code = CASES[name]
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        for at in range(len(data)):
            await _send_in_spite(client, data[at : at + 1])
            await trio.testing.wait_all_tasks_blocked()
        await _expect(site, client, status, code)


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_behind_another_request(name: str) -> None:
    data, status, code = CASES[name]
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        await _send_in_spite(client, HELLO + data)
        assert (await client.reply()).body == b"hello"
        await _expect(site, client, status, code)


async def test_what_is_just_small_enough_is_served() -> None:
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


async def test_the_body_of_a_refused_request_does_not_hide_the_answer() -> None:
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


async def test_connections_beyond_the_limit_are_told_to_come_back() -> None:
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


async def test_of_those_refused_only_a_few_are_told_why() -> None:
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


async def test_an_address_may_have_so_many_connections_and_no_more() -> None:
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
        assert all(server._has_room(address) for address in allowed)
        assert server._has_room("2001:db8:0:1::1")
        for address in (
            "192.0.2.1",
            "::ffff:192.0.2.1",
            "2001:db8::1",
            "2001:db8::f:0",
        ):
            assert not server._has_room(address)
