"""A real relay whose disk fills up, and one that stands still for a while."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import trio

from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.e2e
FROZEN_SECONDS = 3.0
POSTERS, LISTENERS = 8, 20


def _limit_files(server: RealServer, size: int) -> None:
    limits = (size, resource.RLIM_INFINITY)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


async def _history(guest: AgentClient) -> list[str]:
    reply = await guest.call("GET", "/history?limit=500")
    assert reply.status == 200
    return [message["text"] for message in reply.json["messages"]]


async def test_files_that_may_not_grow_refuse_posts_and_heal_without_a_restart(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    acknowledged, unsure = [], set[str]()
    async with open_server(data) as server:
        alice, bob = await server.guest("alice"), await server.guest("bob")
        assert (await alice.post("before")).status == 200
        acknowledged.append("before")
        _limit_files(server, (data / "relay.db-wal").stat().st_size + 40_000)
        for number in range(40):
            text = f"{number} " + "x" * 4_000
            reply = await alice.post(text)
            if reply.status == 200:
                acknowledged.append(text)
                continue
            assert reply.status == 503
            if reply.json["detail"]["error"] == "storage_unknown":
                unsure.add(text)
            assert reply.json["detail"]["retry_after"] >= 1
        assert 1 < len(acknowledged) < 20
        assert set(await _history(bob)) - unsure == set(acknowledged)
        await trio.sleep(1.01)
        ready = await bob.call("GET", "/ready")
        assert (ready.status, ready.json["detail"]["error"]) == (
            503,
            "storage_unavailable",
        )
        _limit_files(server, resource.RLIM_INFINITY)
        assert (await alice.post("after")).status == 200
        acknowledged.append("after")
        await trio.sleep(1.01)
        assert (await bob.call("GET", "/ready")).status == 200
        await server.stop(signal.SIGKILL)
    async with open_server(data) as server:
        found = await _history(server.returning("bob", bob.code))
        assert [text for text in found if text not in unsure] == acknowledged
        assert len(found) == len(set(found))


@attrs.define
class Crowd:
    """Some who post and some who listen, without a pause, and what they were told.

    Attributes:
        server: The relay.
        heard: What each listener got, in its order.
        posted: The seq of each text that was acknowledged.
        is_over: Whether the posters are to stop.
        posting: How many of them have not stopped.
    """

    server: RealServer
    heard: dict[str, list[str]] = attrs.field(factory=dict)
    posted: dict[str, int] = attrs.field(factory=dict)
    is_over: bool = False
    posting: int = POSTERS

    async def post(self, guest: AgentClient) -> None:
        number = 0
        while not self.is_over:
            reply = await guest.post(f"{guest.name} {number}")
            assert reply.status == 200
            self.posted[f"{guest.name} {number}"] = reply.json["message"]["seq"]
            number += 1
            await trio.sleep(0.04)
        self.posting -= 1

    async def listen(self, guest: AgentClient) -> None:
        mine, cursor = self.heard.setdefault(guest.name, []), 0
        while self.posting or cursor < len(self.posted):
            reply = await guest.poll(cursor, wait=1)
            assert reply.status == 200
            mine += [message["text"] for message in reply.json["messages"]]
            cursor = reply.json["cursor"]

    async def park(self, guest: AgentClient) -> None:
        reply = await guest.poll(0, wait=FROZEN_SECONDS * 2 / 3)
        assert (reply.status, reply.json["messages"]) == (200, [])
        assert reply.json["should_exit"] is False


@contextmanager
def _frozen(server: RealServer) -> Iterator[None]:
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


async def test_a_relay_that_stood_still_answers_everybody_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        crowd = Crowd(server)
        async with trio.open_nursery() as nursery:
            for number in range(POSTERS):
                guest = await server.guest(f"poster{number}")
                nursery.start_soon(crowd.post, guest)
            for number in range(LISTENERS):
                guest = await server.guest(f"listener{number}")
                nursery.start_soon(crowd.listen, guest)
                quiet = await server.guest(f"quiet{number}", "silent")
                nursery.start_soon(crowd.park, quiet)
            await trio.sleep(0.5)
            before = len(crowd.posted)
            with _frozen(server):
                await trio.sleep(FROZEN_SECONDS)
                during = len(crowd.posted)
            with trio.fail_after(10):
                while len(crowd.posted) < during + 50:  # noqa: ASYNC110
                    await trio.sleep(0.05)
            crowd.is_over = True
        assert before > 0
        assert during < before + 2 * POSTERS
        in_order = sorted(crowd.posted, key=crowd.posted.__getitem__)
        assert sorted(crowd.posted.values()) == list(range(1, len(in_order) + 1))
        assert list(crowd.heard.values()) == [in_order] * LISTENERS
        assert await server.parked() == 0
        assert await server.stop() == 0
