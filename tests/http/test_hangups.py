"""The hang-up watch tells of clients that leave, with one task for all of them."""

import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest
import trio

from argybargy.http import server as server_module
from argybargy.http.hangups import HangupWatch, open_hangup_watch
from support.http_server import WAKE_SECONDS, PlainApp, open_site

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is of Linux")

PARK = b"GET /park HTTP/1.1\r\nHost: relay\r\n\r\n"
STEP_SECONDS = 0.25
"""Time after which a request counts as slow."""


class Told:
    """Counts what it was told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.times = 0
        self.event = trio.Event()

    def __call__(self) -> None:
        self.times += 1
        self.event.set()


@asynccontextmanager
async def running_watch() -> AsyncIterator[HangupWatch]:
    with ExitStack() as stack:
        watch = open_hangup_watch(stack)
        assert watch is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            yield watch
            nursery.cancel_scope.cancel()


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


async def test_a_client_that_leaves_behind_unread_bytes_is_told_of_once() -> None:
    told, others = Told(), Told()
    async with running_watch() as watch:
        with pair() as (ours, theirs), pair() as (stays, _):
            assert watch.add(ours.fileno(), told)
            assert watch.add(stays.fileno(), others)
            theirs.send(b"GET / HTTP/1.1\r\n")
            theirs.shutdown(socket.SHUT_WR)
            with trio.fail_after(WAKE_SECONDS):
                await told.event.wait()
            await trio.testing.wait_all_tasks_blocked()
            assert (told.times, others.times) == (1, 0)
            watch.remove(ours.fileno())
            watch.remove(stays.fileno())


async def test_a_client_that_is_removed_is_not_told_of() -> None:
    told, last = Told(), Told()
    async with running_watch() as watch:
        with pair() as (ours, theirs), pair() as (other, their_other):
            assert watch.add(ours.fileno(), told)
            assert watch.add(other.fileno(), last)
            watch.remove(ours.fileno())
            theirs.close()
            their_other.close()
            with trio.fail_after(WAKE_SECONDS):
                await last.event.wait()
            assert told.times == 0


async def test_more_clients_than_fit_a_turn_may_leave_at_once() -> None:
    told = [Told() for _ in range(300)]
    async with running_watch() as watch:
        with ExitStack() as stack:
            pairs = [stack.enter_context(pair()) for _ in told]
            for (ours, _), each in zip(pairs, told, strict=True):
                assert watch.add(ours.fileno(), each)
            for _, theirs in pairs:
                theirs.close()
            with trio.fail_after(WAKE_SECONDS):
                for each in told:
                    await each.event.wait()
    assert {each.times for each in told} == {1}


async def test_a_parked_request_has_no_task_but_that_of_its_connection() -> None:
    app = PlainApp()
    async with open_site(app) as site:
        before = trio.lowlevel.current_statistics().tasks_living
        clients = [await site.connect() for _ in range(10)]
        for client in clients:
            await client.send(PARK)
        with trio.fail_after(WAKE_SECONDS):
            while site.server.statistics().requests < 10:  # noqa: ASYNC110
                await trio.sleep(0.01)
        await trio.sleep(STEP_SECONDS)
        assert trio.lowlevel.current_statistics().tasks_living == before + 10


class FullWatch:
    """A watch whose kernel has no room for another socket."""

    def add(self, _descriptor: int, _tell: Callable[[], None], /) -> bool:
        return False

    def remove(self, _descriptor: int, /) -> None:
        raise AssertionError("nothing was added")

    async def run(self) -> None:
        await trio.sleep_forever()


@pytest.mark.parametrize("watch", [FullWatch(), None], ids=["full", "no epoll"])
async def test_without_a_place_in_the_watch_a_task_notices_the_end(
    watch: HangupWatch | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "open_hangup_watch", lambda _stack: watch)
    app = PlainApp()
    async with open_site(app) as site:
        client = await site.connect()
        await client.send(PARK)
        await app.parked.wait()
        await trio.sleep(STEP_SECONDS)
        await client.stream.aclose()
        with trio.fail_after(WAKE_SECONDS):
            await app.cancelled.wait()
        await site.wait_empty()
