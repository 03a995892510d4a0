"""Deadlines for slow clients, on a mock clock."""

import pytest
import trio
from trio.testing import MockClock

from argybargy.http.limits import ConnectionLimits
from support.http_server import HELLO, Client, PlainApp, Site, open_site

LIMITS = ConnectionLimits()
SLACK_SECONDS = 1.5
"""Interval at which deadlines are checked."""

POST = b"POST /echo HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000\r\n\r\n"


async def _dribble(client: Client, data: bytes) -> None:
    """Send a byte a second until the server has enough of it."""
    try:
        for at in range(len(data)):
            await client.send(data[at : at + 1])
            await trio.sleep(1)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


async def _time_of_408(site: Site, client: Client) -> float:
    start = trio.current_time()
    reply = await client.reply()
    assert (reply.status, reply.error) == (408, "request_timeout")
    taken = trio.current_time() - start
    await client.stream.aclose()
    await site.wait_empty()
    return taken


async def test_an_idle_connection_is_closed(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site:
        for greeting in (b"", HELLO):
            client = site.connect_in_memory()
            if greeting:
                await client.ask(greeting)
            start = trio.current_time()
            assert await client.is_ended()
            taken = trio.current_time() - start
            assert 0 <= taken - LIMITS.idle_seconds <= SLACK_SECONDS


async def test_a_head_that_stalls_is_refused(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        await client.send(HELLO[:-1])
        taken = await _time_of_408(site, client)
        assert 0 <= taken - LIMITS.head_seconds <= SLACK_SECONDS


async def test_a_head_that_trickles_is_refused(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site, trio.open_nursery() as nursery:
        client = site.connect_in_memory()
        nursery.start_soon(_dribble, client, HELLO)
        taken = await _time_of_408(site, client)
        assert 0 <= taken - LIMITS.head_seconds <= SLACK_SECONDS


async def test_blank_lines_that_trickle_are_refused(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site, trio.open_nursery() as nursery:
        client = site.connect_in_memory()
        nursery.start_soon(_dribble, client, b"\r\n" * 100)
        taken = await _time_of_408(site, client)
        assert 0 <= taken - LIMITS.head_seconds <= SLACK_SECONDS


@pytest.mark.parametrize("body", [b"", b"x" * 1_000])
async def test_a_body_that_is_slow_is_refused(
    body: bytes, autojump_clock: MockClock
) -> None:
    async with open_site(PlainApp()) as site, trio.open_nursery() as nursery:
        client = site.connect_in_memory()
        await client.send(POST)
        nursery.start_soon(_dribble, client, body)
        taken = await _time_of_408(site, client)
        assert 0 <= taken - LIMITS.body_seconds <= SLACK_SECONDS
        assert site.journal.events == []


async def test_a_head_within_its_time_is_served(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        await client.send(HELLO[:5])
        await trio.sleep(LIMITS.head_seconds - 0.1)
        assert (await client.ask(HELLO[5:])).body == b"hello"
        await trio.sleep(LIMITS.idle_seconds - 0.1)
        assert (await client.ask(HELLO)).body == b"hello"


async def test_a_parked_request_has_no_deadline(autojump_clock: MockClock) -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        await client.send(b"GET /nap?1000 HTTP/1.1\r\nHost: relay\r\n\r\n")
        with trio.fail_after(1_001):
            while (data := await client.stream.receive_some()) == b"":
                pass
        assert data.endswith(b"rested")


async def test_a_client_that_does_not_read_is_disconnected(
    autojump_clock: MockClock,
) -> None:
    async with open_site(PlainApp()) as site:
        ours, theirs = trio.testing.lockstep_stream_pair()
        site.nursery.start_soon(site.server, theirs)
        await ours.send_all(b"GET /big?100000 HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert len(await ours.receive_some(1_000)) > 0
        start = trio.current_time()
        while site.server.statistics().connections:  # noqa: ASYNC110 - a test
            await trio.sleep(0.1)
        taken = trio.current_time() - start
        assert 0 <= taken - LIMITS.write_seconds <= SLACK_SECONDS
        assert site.journal.events == []


async def test_a_client_that_reads_slowly_is_served(
    autojump_clock: MockClock,
) -> None:
    async with open_site(PlainApp()) as site:
        ours, theirs = trio.testing.lockstep_stream_pair()
        site.nursery.start_soon(site.server, theirs)
        await ours.send_all(b"GET /big?100000 HTTP/1.1\r\nHost: relay\r\n\r\n")
        taken = 0
        while taken < 100_000:
            await trio.sleep(LIMITS.write_seconds / 2)
            taken += len(await ours.receive_some(16 * 1024))
        await ours.aclose()
        await site.wait_empty()


async def test_a_waiting_app_does_not_use_up_the_clients_deadlines(
    autojump_clock: MockClock,
) -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        head = b"POST /nap?50 HTTP/1.1\r\nHost: relay\r\nContent-Length: 4\r\n\r\n"
        await client.send(head)
        await trio.sleep(49.9)
        reply = await client.reply()
        assert (reply.status, reply.fields["connection"]) == (200, "close")


async def test_lingering_has_a_deadline(
    autojump_clock: MockClock,
) -> None:
    async with open_site(PlainApp()) as site:
        client = site.connect_in_memory()
        reply = await client.ask(b"GET / HTTP/3.0\r\n\r\n")
        assert reply.status == 505
        start = trio.current_time()
        await site.wait_empty()
        assert trio.current_time() - start < LIMITS.linger_seconds + SLACK_SECONDS
