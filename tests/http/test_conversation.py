"""HTTP/1.1 conversations: framing, pipelining and keep-alive."""

import json
import secrets
import sys

import pytest
import trio

from argybargy.http.asgi import Receive, Scope, Send
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import render_head
from support.http_server import (
    HELLO,
    OPENERS,
    Client,
    PlainApp,
    QuartApp,
    Site,
    answer,
    open_site,
)


def post(path: str, body: bytes, *fields: str) -> bytes:
    lines = "".join(f"{field}\r\n" for field in fields)
    length = f"Content-Length: {len(body)}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: relay\r\n{lines}{length}\r\n"
    return head.encode() + body


def post_chunks(path: str, *chunks: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n"
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head.encode() + framed + b"0\r\n\r\n"


@pytest.mark.parametrize("core", OPENERS)
async def test_a_connection_answers_one_request_after_another(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        for _ in range(3):
            reply = await client.ask(HELLO)
            assert (reply.status, reply.body) == (200, b"hello")
            assert "connection" not in reply.fields
        assert site.server.statistics().requests == 3
        assert site.server.statistics().connections == 1


async def test_a_complete_response_is_one_write() -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        await client.send(HELLO)
        data = await client.stream.receive_some()
        assert data == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


@pytest.mark.parametrize("core", OPENERS)
async def test_the_scope_describes_the_whole_request(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(
            b"PATCH /scope/a%20b?c=%20d HTTP/1.1\r\n"
            b"Host: relay\r\nX-Odd:  a b \t\r\n\r\n"
        )
        assert json.loads(reply.body) == {
            "method": "PATCH",
            "path": "/scope/a b",
            "raw_path": "/scope/a%20b",
            "query": "c=%20d",
            "version": "1.1",
            "fields": [["host", "relay"], ["x-odd", "a b"]],
        }


@pytest.mark.parametrize("wish", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
async def test_an_absolute_target_overrules_the_host_field(wish: bytes) -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(
            b"GET http://other:80/scope?q HTTP/1.1\r\nHost: relay\r\n" + wish + b"\r\n"
        )
        seen = json.loads(reply.body)
        assert (seen["path"], seen["query"]) == ("/scope", "q")
        assert seen["fields"][0] == ["host", "other:80"]


@pytest.mark.parametrize("core", OPENERS)
@pytest.mark.parametrize("request_", [post, post_chunks])
async def test_a_body_reaches_the_app_in_any_framing(
    core: str, request_: object
) -> None:
    assert callable(request_)
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        for body in (b"a", b"x" * 5_000, b"y\r\n" * 20_000):
            reply = await client.ask(request_("/echo", body))
            assert (reply.status, reply.body) == (200, body)


async def test_blank_lines_before_a_request_are_skipped() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        for lines in (b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"):
            assert (await client.ask(lines + HELLO)).body == b"hello"


@pytest.mark.parametrize("core", OPENERS)
async def test_a_body_in_chunks_may_have_extensions_and_a_trailer(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        await client.send(
            b"POST /echo HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"003;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Check: 1\r\n\r\n" + HELLO
        )
        assert (await client.reply()).body == b"abc0123456789"
        assert (await client.reply()).body == b"hello"


async def test_every_request_survives_being_cut_at_every_byte() -> None:
    requests = [HELLO, post("/echo", b"body"), post_chunks("/echo", b"one", b"two")]
    async with open_site(PlainApp()) as site:
        for data in requests:
            for cut in range(1, len(data)):
                client = site.connect_in_memory()
                await client.send(data[:cut])
                await trio.testing.wait_all_tasks_blocked()
                await client.send(data[cut:] + HELLO)
                assert (await client.reply()).status == 200
                assert (await client.reply()).body == b"hello"
                await client.stream.aclose()


async def test_requests_survive_being_sent_byte_by_byte() -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        data = HELLO + post("/echo", b"body") + post_chunks("/echo", b"one", b"two")
        for at in range(len(data)):
            await client.send(data[at : at + 1])
            await trio.testing.wait_all_tasks_blocked()
        bodies = [(await client.reply()).body for _ in range(3)]
        assert bodies == [b"hello", b"body", b"onetwo"]


@pytest.mark.parametrize("core", OPENERS)
async def test_pipelined_requests_are_answered_in_order(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        asked = [
            b"GET /nap?0.01 HTTP/1.1\r\nHost: relay\r\n\r\n",
            post("/echo", b"second"),
            b"GET /stream HTTP/1.1\r\nHost: relay\r\n\r\n",
            post_chunks("/echo", b"four", b"th"),
            post("/unread", b"fifth"),
            HELLO,
        ]
        await client.send(b"".join(asked))
        bodies = [(await client.reply()).body for _ in asked]
        assert bodies == [
            b"rested",
            b"second",
            b"one two three",
            b"fourth",
            b"who are you?",
            b"hello",
        ]


@pytest.mark.parametrize("core", OPENERS)
async def test_hundreds_of_pipelined_requests_are_all_answered(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site, trio.open_nursery() as nursery:
        client = await site.connect()
        nursery.start_soon(client.send, HELLO * 3_000)
        for _ in range(3_000):
            assert (await client.reply()).body == b"hello"


async def test_pipelined_requests_do_not_starve_other_tasks() -> None:
    turns, seen = 0, list[int]()

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(turns)
        await answer(send, b"hello")

    async with open_site(app) as site, trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        client = await site.connect()
        await client.send(HELLO * 100)
        for _ in range(100):
            assert (await client.reply()).body == b"hello"
        nursery.cancel_scope.cancel()
    # About 75: both tasks run in each round, in random order.
    assert len(set(seen)) > 30


async def test_an_endless_response_does_not_starve_other_tasks() -> None:
    async with open_site(PlainApp()) as site, trio.open_nursery() as nursery:
        pouring, other = await site.connect(), await site.connect()
        nursery.start_soon(pouring.ask, b"GET /pour HTTP/1.1\r\nHost: relay\r\n\r\n")
        for _ in range(10):
            assert (await other.ask(HELLO)).body == b"hello"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("core", OPENERS)
async def test_connection_close_is_obeyed_and_confirmed(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(
            b"GET /hello HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n"
        )
        assert reply.fields["connection"] == "close"
        with trio.fail_after(0.5):
            assert await client.is_ended()


@pytest.mark.parametrize("core", OPENERS)
async def test_an_app_may_close_the_connection(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(b"GET /close HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert reply.fields["connection"] == "close"
        assert await client.is_ended()


async def test_http_1_0_closes_unless_asked_to_keep_the_connection() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        kept = await client.ask(
            b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        )
        assert kept.fields["connection"] == "keep-alive"
        closed = await client.ask(b"GET /hello HTTP/1.0\r\n\r\n")
        assert closed.body == b"hello"
        assert await client.is_ended()


@pytest.mark.parametrize("core", OPENERS)
async def test_a_stream_is_chunked_for_http_1_1(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(b"GET /stream HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert reply.fields["transfer-encoding"] == "chunked"
        assert reply.body == b"one two three"
        assert (await client.ask(HELLO)).body == b"hello"


@pytest.mark.parametrize("core", OPENERS)
async def test_a_stream_ends_with_the_connection_for_http_1_0(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(
            b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        )
        assert "transfer-encoding" not in reply.fields
        assert reply.body == b"one two three"


async def test_head_has_the_length_of_get_and_no_body() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        head = b"HEAD /hello HTTP/1.1\r\nHost: relay\r\n\r\n"
        for _ in range(2):
            reply = await client.ask(head, is_head=True)
            assert (reply.status, reply.fields["content-length"]) == (200, "5")
        stream = b"HEAD /stream HTTP/1.1\r\nHost: relay\r\n\r\n"
        assert (await client.ask(stream, is_head=True)).status == 200
        assert (await client.ask(HELLO)).body == b"hello"


@pytest.mark.parametrize("core", OPENERS)
async def test_204_has_neither_body_nor_length(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(b"GET /nothing HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert reply.status == 204
        assert "content-length" not in reply.fields
        assert (await client.ask(HELLO)).body == b"hello"


@pytest.mark.parametrize("core", OPENERS)
async def test_a_large_response_arrives_completely(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(b"GET /big?3000000 HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert len(reply.body) == 3_000_000


@pytest.mark.parametrize("core", OPENERS)
async def test_100_continue_is_sent_when_the_app_reads_the_body(core: str) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        data = post("/echo", b"body", "Expect: 100-continue")
        assert (await client.ask(data[:-4])).status == 100
        assert (await client.ask(b"body")).body == b"body"
        assert (await client.ask(data[:-4])).status == 100


async def test_100_continue_is_not_sent_when_the_body_has_arrived() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(post("/echo", b"body", "Expect: 100-continue"))
        assert (reply.status, reply.body) == (200, b"body")


async def test_100_continue_is_not_sent_when_the_app_refuses() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        data = post("/unread", b"body", "Expect: 100-continue")
        reply = await client.ask(data[:-4])
        assert (reply.status, reply.fields["connection"]) == (401, "close")
        assert await client.is_ended()


async def test_an_unread_body_that_has_not_arrived_ends_the_connection() -> None:
    async with open_site(PlainApp()) as site:
        client = await site.connect()
        reply = await client.ask(post("/unread", b"x" * 60_000)[:-1])
        assert (reply.status, reply.fields["connection"]) == (401, "close")
        await client.send(b"x" + HELLO)
        assert await client.is_ended()


async def test_the_date_is_sent_when_there_is_a_clock() -> None:
    async with open_site(PlainApp(), wall_clock=lambda: 784111777.0) as site:
        client = await site.connect()
        reply = await client.ask(HELLO)
        assert reply.fields["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize("core", OPENERS)
async def test_an_upgrade_to_h2c_is_ignored(
    core: str,
) -> None:
    async with OPENERS[core](PlainApp()) as site:
        client = await site.connect()
        wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")
        reply = await client.ask(post("/echo", b"body", *wish))
        assert (reply.status, reply.body) == (200, b"body")
        assert (await client.ask(HELLO)).body == b"hello"


async def _park_for_a_while(site: Site) -> Client:
    client = await site.connect()
    await client.send(b"GET /nap?0.4 HTTP/1.1\r\nHost: relay\r\n\r\n")
    return client


@pytest.mark.parametrize("core", OPENERS)
async def test_a_request_sent_during_a_parked_one_is_answered_after_it(
    core: str,
) -> None:
    app = PlainApp()
    async with OPENERS[core](app) as site:
        client = await _park_for_a_while(site)
        await app.parked.wait()
        for _ in range(3):
            await trio.sleep(0.1)
            await client.send(HELLO)
        bodies = [(await client.reply()).body for _ in range(4)]
        assert bodies == [b"rested", b"hello", b"hello", b"hello"]


async def test_requests_beyond_the_read_ahead_are_answered_after_a_parked_one() -> None:
    limits = ConnectionLimits(read_ahead_bytes=100)
    async with open_site(PlainApp(), limits) as site:
        client = await _park_for_a_while(site)
        await client.send(HELLO * 50)
        assert (await client.reply()).body == b"rested"
        for _ in range(50):
            assert (await client.reply()).body == b"hello"


@pytest.mark.parametrize("core", OPENERS)
async def test_quart_serves_several_requests_of_one_connection(core: str) -> None:
    async with OPENERS[core](QuartApp()) as site:
        client = await site.connect()
        for _ in range(3):
            reply = await client.ask(b"GET /hello HTTP/1.1\r\nHost: relay\r\n\r\n")
            assert reply.body == b"hello"
            assert (await client.ask(post("/echo", b"body"))).body == b"body"
            assert (await client.ask(post_chunks("/echo", b"bo", b"dy"))).status == 200
        await client.send(HELLO + post("/echo", b"body") + HELLO)
        bodies = [(await client.reply()).body for _ in range(3)]
        assert bodies == [b"hello", b"body", b"hello"]


@pytest.mark.parametrize("core", OPENERS)
async def test_quart_honours_connection_close(core: str) -> None:
    async with OPENERS[core](QuartApp()) as site:
        client = await site.connect()
        await client.ask(
            b"GET /hello HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n"
        )
        with trio.fail_after(0.5):
            assert await client.is_ended()


def test_no_secret_of_a_response_is_cached() -> None:
    cookie = b"session=%b; HttpOnly" % secrets.token_hex(8).encode()
    before = sys.getrefcount(cookie)
    assert cookie in render_head(200, [(b"set-cookie", cookie)])
    assert sys.getrefcount(cookie) == before
