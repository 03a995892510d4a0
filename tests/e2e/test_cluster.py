"""Two relays on one PostgreSQL, over real sockets. Needs PostgreSQL."""

import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import attrs
import pytest
import trio

from argybargy.torture.relay_process import NO_ANSWER
from support.postgres import PostgresServer, need_programs, start_server, stop_server
from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.cluster


@attrs.frozen
class Cluster:
    """Two relays and their common store."""

    a: RealServer
    b: RealServer
    url: str

    async def pair(self, name: str) -> tuple[AgentClient, AgentClient]:
        """Invite an agent on A; return its clients of both relays."""
        on_a = await self.a.guest(name)
        return on_a, self.b.returning(name, on_a.code)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Run a server that keeps what it has acknowledged."""
    programs = need_programs()
    started = start_server(Path(tempfile.mkdtemp(prefix="argybargy-pg-")), programs)
    yield started
    stop_server(started)


def settings(url: str) -> dict[str, str]:
    return {
        "ARGYBARGY_STORE": url,
        "ARGYBARGY_PUBLIC_URL": "http://relays.example",
        "ARGYBARGY_ALLOWED_HOSTS": "127.0.0.1",
    }


@pytest.fixture
async def cluster(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    url = server.make_database("template1")
    async with (
        open_server(tmp_path / "a", **settings(url)) as a,
        open_server(tmp_path / "b", **settings(url)) as b,
    ):
        yield Cluster(a, b, url)


async def known(agent: AgentClient) -> None:
    """Wait until a relay knows a code that was made on the other one."""
    with trio.fail_after(10):
        while (await agent.poll(0)).status != 200:  # noqa: ASYNC110 - another process
            await trio.sleep(0.02)


async def test_a_post_on_one_relay_wakes_a_poll_parked_on_the_other(
    cluster: Cluster,
) -> None:
    ann, _ = await cluster.pair("ann")
    _, bob = await cluster.pair("bob")
    await known(bob)
    seen: list[str] = []

    async def listen() -> None:
        reply = await bob.poll(0, wait=25)
        seen.extend(each["text"] for each in reply.json["messages"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await cluster.b.wait_parked(1)
        reply = await ann.post("hello over there")
        assert reply.status == 200
    assert seen == ["hello over there"]


async def test_a_cursor_moves_between_relays_without_a_reset(cluster: Cluster) -> None:
    ann, _ = await cluster.pair("ann")
    bob_a, bob_b = await cluster.pair("bob")
    await known(bob_b)
    since, texts = 0, []
    for number in range(20):
        await ann.post(f"m{number}")
        reply = (await (bob_b if number % 2 else bob_a).poll(since)).json
        assert not reply.get("reset")
        texts += [each["text"] for each in reply["messages"]]
        since = reply["cursor"]
    last = (await bob_a.poll(since)).json
    texts += [each["text"] for each in last["messages"]]
    assert texts == [f"m{number}" for number in range(20)]


async def test_a_claim_has_one_winner(cluster: Cluster) -> None:
    asker, _ = await cluster.pair("asker")
    racers = [await cluster.pair(f"racer{number}") for number in range(4)]
    for _, on_b in racers:
        await known(on_b)
    fences = set()
    for _ in range(5):
        asked = (await asker.post("who?", expects_reply="anyone")).json
        statuses: list[int] = []

        async def claim(agent: AgentClient, seq: int, into: list[int]) -> None:
            reply = await agent.claim(seq)
            into.append(reply.status)
            if reply.status == 200:
                fences.add(reply.json["fence"])

        async with trio.open_nursery() as nursery:
            for number, pair in enumerate(racers):
                agent = pair[number % 2]
                nursery.start_soon(claim, agent, asked["message"]["seq"], statuses)
        assert sorted(statuses) == [200, 409, 409, 409]
    assert len(fences) == 5


async def test_what_is_revoked_on_one_relay_is_refused_on_the_other(
    cluster: Cluster,
) -> None:
    ann_a, ann_b = await cluster.pair("ann")
    await known(ann_b)
    assert (await ann_b.post("still here")).status == 200
    reply = await cluster.a.admin(
        "POST", "/admin/revoke", {"target": "ann", "room": "build"}
    )
    assert reply.status == 200
    assert (await ann_b.post("not any more")).status == 401
    assert (await ann_a.post("not any more")).status == 401


async def test_nothing_acknowledged_is_lost_when_a_relay_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    ann_a, ann_b = await cluster.pair("ann")
    _, bob = await cluster.pair("bob")
    await known(bob)
    await known(ann_b)
    acknowledged: list[str] = []

    async def post(agent: AgentClient, mark: str, count: int) -> None:
        for number in range(count):
            text = f"{mark}{number}"
            try:
                reply = await agent.post(text, key=text)
            except NO_ANSWER:
                return
            if reply.status == 200:
                acknowledged.append(text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(post, ann_a, "a", 400)
        nursery.start_soon(post, ann_b, "b", 40)
        with trio.fail_after(30):
            while len(acknowledged) < 20:  # noqa: ASYNC110 - of the relays
                await trio.sleep(0.01)
        await cluster.a.stop(signal.SIGKILL)
    found = await bob.read_all()
    texts = [each["text"] for each in found]
    assert len(texts) == len(set(texts))
    assert set(acknowledged) <= set(texts)
    # It comes back, and both go on.
    async with open_server(tmp_path / "a", **settings(cluster.url)) as again:
        ann = again.returning("ann", ann_a.code)
        assert (await ann.post("back")).status == 200
        reply = await bob.poll(found[-1]["seq"], wait=25)
        assert [each["text"] for each in reply.json["messages"]] == ["back"]
