"""A cluster on this machine: PostgreSQL, two nodes and a real balancer. Slow."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from argybargy.torture.relay_process import (
    AgentClient,
    JsonResponse,
    plain_environment,
)
from support.cluster_load import Load, Requests
from support.cluster_try import START_SECONDS, RunningCluster, open_cluster
from support.debian import alone, install
from support.postgres import need_programs
from support.relay_process import free_port

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["caddy", "nginx"])
def balancer(request: pytest.FixtureRequest) -> str:
    need_programs()
    name: str = request.param
    with alone():
        if shutil.which(name) is None and not install(name):
            pytest.fail(f"{name} is not installed and cannot be fetched")
    return name


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that the user of PostgreSQL can enter."""
    made = Path(tempfile.mkdtemp(prefix="argybargy-try-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


async def _listen(
    requests: Requests, ear: AgentClient, after: int, into: list[JsonResponse]
) -> None:
    into.append(await requests.insist("ear", partial(ear.poll, after, wait=25)))


async def test_nobody_notices_that_a_relay_is_killed_in_a_conversation(
    folder: Path, balancer: str
) -> None:
    async with open_cluster(folder, balancer) as cluster:
        requests = Requests(cluster)
        alice, bob = await cluster.guest("alice"), await cluster.guest("bob")
        ear, since = AgentClient("alice", alice.code, cluster.address), 0
        for number in (1, 2, 1):
            ask = partial(
                alice.post, "Who?", f"q{number}{since}", expects_reply="anyone"
            )
            asked = await requests.insist("alice", ask)
            seq, heard = asked.json["message"]["seq"], list[Any]()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(_listen, requests, ear, seq, heard)
                # The other relay may hear of a post a moment after its answer.
                read = await bob.poll(since, wait=10)
                assert [each["seq"] for each in read.json["messages"]] == [seq]
                killed = cluster.kill(number)
                claimed = await requests.insist("bob", partial(bob.claim, seq))
                assert claimed.json["won"] is True
                answer = {"to": "alice", "reply_to": seq, "expects_reply": "none"}
                say = partial(bob.post, "Mine.", f"k{seq}", **answer)
                said = await requests.insist("bob", say)
            (found,) = heard
            assert [each["text"] for each in found.json["messages"]] == ["Mine."]
            assert not found.json.get("reset")
            since = said.json["message"]["seq"]
            await cluster.wait_back(number, killed)
        history = await requests.insist("bob", partial(bob.poll, 0))
        assert [each["text"] for each in history.json["messages"]] == ["Who?"] * 3
        for each in (alice, bob, ear):
            each.close()


async def test_it_ends_in_order_and_goes_on_where_it_was(
    folder: Path, balancer: str
) -> None:
    async with open_cluster(folder, balancer) as cluster:
        alice = await cluster.guest("alice")
        assert (await alice.post("before")).status == 200
        alice.close()
        pids = [cluster.pid_of(1), cluster.pid_of(2)]
        cluster.process.send_signal(signal.SIGTERM)
        with trio.fail_after(START_SECONDS):
            assert await cluster.process.wait() == 0
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert not (folder / "cluster/postgres/data/postmaster.pid").exists()
        log = (folder / "cluster/postgres/postgres.log").read_text()
        assert "database system is shut down" in log
    async with open_cluster(folder, balancer) as cluster:
        again = AgentClient("alice", alice.code, cluster.address)
        assert (await again.post("after")).json["message"]["seq"] == 2
        again.close()


async def test_a_second_cluster_on_the_same_data_is_refused(folder: Path) -> None:
    need_programs()
    async with open_cluster(folder, "caddy"):
        done = await trio.run_process(
            [
                *(sys.executable, "-m", "argybargy", "cluster", "--try"),
                *("--data", str(folder), "--port", str(free_port())),
            ],
            capture_stderr=True,
            check=False,
            env=plain_environment(),
        )
    assert done.returncode == 1
    assert b"Another server is running" in done.stderr


async def test_a_postgresql_that_is_survived_by_its_processes_comes_back(
    folder: Path,
) -> None:
    """It cannot start before the last of them has let go of its shared memory."""
    need_programs()
    async with open_cluster(folder, "caddy") as cluster:
        requests, alice = Requests(cluster), await cluster.guest("alice")
        held = cluster.engine_backends()[0]
        os.kill(held, signal.SIGSTOP)
        cluster.kill_engine()
        with trio.fail_after(START_SECONDS):
            while cluster.engine_log().count("is still in use") < 5:  # noqa: ASYNC110
                await trio.sleep(0.05)
        assert (await alice.post("too early")).status == 503
        os.kill(held, signal.SIGCONT)
        await requests.insist("alice", partial(alice.post, "in time"))
        alice.close()


# -- torture -------------------------------------------------------------------------


async def test_nothing_is_lost_or_doubled_when_processes_are_killed_under_load(
    folder: Path, balancer: str, pytestconfig: pytest.Config
) -> None:
    rounds = pytestconfig.getoption("--rounds")
    async with open_cluster(folder, balancer) as cluster:
        load = Load(Requests(cluster))
        writers = [await cluster.guest(f"writer{number}") for number in range(3)]
        racers = [await cluster.guest(f"racer{number}") for number in range(3)]
        reader, asker = await cluster.guest("reader"), await cluster.guest("asker")
        async with trio.open_nursery() as reading:
            reading.start_soon(load.listen, reader)
            async with trio.open_nursery() as writing:
                for writer in writers:
                    writing.start_soon(load.write, writer)
                writing.start_soon(load.race, asker, racers)
                for number in range(rounds):
                    await _kill_in_turn(cluster, load, number)
                load.is_over = True
            # The reader ends once it has all that was acknowledged.
            reading.cancel_scope.deadline = trio.current_time() + START_SECONDS
            load.is_written = True
        for each in (*writers, *racers, reader, asker):
            each.close()
    print(load.figures())  # noqa: T201 - of a long run
    assert not load.misattributed
    bad = load.lost(), load.doubled(), load.resets, load.several_winners()
    assert bad == (set(), [], 0, {})


async def _kill_in_turn(cluster: RunningCluster, load: Load, number: int) -> None:
    """Kill a node or PostgreSQL; wait until it is back and posts go on."""
    node = number % 3 + 1
    if node > 2:
        await load.kill("PostgreSQL", 30, cluster.kill_engine)
    else:
        killed = cluster.pid_of(node)
        await load.kill(f"node {node}", 30, partial(cluster.kill, node))
        await cluster.wait_back(node, killed)


# -- one by one ----------------------------------------------------------------------


WAIT_SECONDS = 25


@attrs.define
class Ear:
    """An agent that polls all the time.

    Mutable state: its cursor, when it last polled, its answers, what it has heard.
    """

    agent: AgentClient
    requests: Requests
    cursor: int = 0
    polled_at: float = 0.0
    answers: list[JsonResponse] = attrs.field(factory=list)
    heard: list[str] = attrs.field(factory=list)

    async def listen(self, last: str) -> None:
        """Poll until the last text was heard."""
        while last not in self.heard:
            self.polled_at = trio.current_time()
            poll = partial(self.agent.poll, self.cursor, wait=WAIT_SECONDS)
            reply = await self.requests.insist(self.agent.name, poll)
            self.answers.append(reply)
            self.heard += [each["text"] for each in reply.json["messages"]]
            self.cursor = reply.json["cursor"]


async def test_polls_come_back_through_the_balancer_in_a_rolling_restart(
    folder: Path, balancer: str
) -> None:
    async with open_cluster(folder, balancer) as cluster:
        requests = Requests(cluster)
        ears = [Ear(await cluster.guest(f"ear{n}"), requests) for n in range(6)]
        writer = await cluster.guest("writer0")
        async with trio.open_nursery() as nursery:
            for ear in ears:
                nursery.start_soon(ear.listen, "after 2")
            for number in (1, 2):
                await _drain(cluster, number, ears)
                text = f"after {number}"
                await requests.insist("writer0", partial(writer.post, text, text))
        for ear in ears:
            assert ear.heard == ["after 1", "after 2"]
            assert not any(reply.json.get("reset") for reply in ear.answers)
            ear.agent.close()
        # No poll had to be repeated: those that came too late went to the other node.
        assert not requests.repeated, await cluster.describe()
        writer.close()


async def _drain(cluster: RunningCluster, number: int, ears: list[Ear]) -> None:
    """End a node that has parked polls; check what they are answered."""
    parked = await _wait_parked(cluster, number, ears)
    before = [(len(ear.answers), ear.cursor) for ear in ears]
    pid = cluster.pid_of(number)
    os.kill(pid, signal.SIGTERM)
    await cluster.wait_back(number, pid)
    following = [
        (ear.answers[count], cursor)
        for ear, (count, cursor) in zip(ears, before, strict=True)
        if len(ear.answers) > count
    ]
    drained = [
        (reply.status, reply.json["messages"], reply.json["cursor"] - cursor)
        for reply, cursor in following
        if "retry_after" in reply.json
    ]
    assert drained == [(200, [], 0)] * parked


async def _wait_parked(cluster: RunningCluster, number: int, ears: list[Ear]) -> int:
    """Wait until all polls are parked, some at a node, and none is about to end."""
    with trio.fail_after(START_SECONDS):
        while True:
            parked = await cluster.parked()
            oldest = min(ear.polled_at for ear in ears)
            is_fresh = trio.current_time() - oldest < WAIT_SECONDS / 2
            if is_fresh and parked[number - 1] and sum(parked) == len(ears):
                return parked[number - 1]
            await trio.sleep(0.05)
