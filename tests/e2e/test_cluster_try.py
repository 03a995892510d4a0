"""A cluster on this machine: PostgreSQL, two nodes and a real balancer. Slow."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from argybargy.store.data_directory import find_server_address
from argybargy.torture.client.connection import Address, KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from argybargy.torture.relay_process import (
    NO_ANSWER,
    NO_RATE_LIMITS,
    AgentClient,
    JsonResponse,
    plain_environment,
)
from support.debian import alone, install
from support.postgres import need_programs
from support.relay_process import free_port

pytestmark = pytest.mark.cluster
START_SECONDS = 90


@attrs.frozen
class RunningCluster:
    """A cluster, reached through its balancer."""

    process: trio.Process
    address: Address
    folder: Path
    facts: Any

    async def admin(self, method: str, target: str, body: object = None) -> Any:  # noqa: ANN401
        token = (self.folder / "node-1" / "admin.token").read_text().strip()
        request = encode_request(method, target, {"x-admin-token": token}, body)
        connection = KeepAliveConnection(self.address)
        answer = await connection.exchange(request, 20.0)
        connection.close_nowait()
        assert answer.status == 200, answer
        return json.loads(answer.body)

    async def guest(self, name: str) -> AgentClient:
        body = {"name": name, "room": "build"}
        made = await self.admin("POST", "/admin/invite", body)
        # A code that was made on one node is known to the others within a second.
        for url in self.facts["nodes"]:
            address = Address("127.0.0.1", int(url.rpartition(":")[2]))
            on_node = AgentClient(name, made["code"], address)
            with trio.fail_after(START_SECONDS):
                while (await on_node.poll(0)).status != 200:  # noqa: ASYNC110
                    await trio.sleep(0.05)
            on_node.close()
        return AgentClient(name, made["code"], self.address)

    def pid_of(self, number: int) -> int:
        found = find_server_address(self.folder / f"node-{number}")
        return 0 if found is None else found.pid

    def kill(self, number: int) -> int:
        """Kill a node; return its process id."""
        pid = self.pid_of(number)
        os.kill(pid, signal.SIGKILL)
        return pid

    async def wait_back(self, number: int, killed: int) -> None:
        """Wait until another process is the node."""
        with trio.fail_after(START_SECONDS):
            while self.pid_of(number) in {0, killed}:  # noqa: ASYNC110
                await trio.sleep(0.05)


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


@asynccontextmanager
async def open_cluster(folder: Path, balancer: str) -> AsyncIterator[RunningCluster]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "argybargy", "cluster", "--try", "--json"),
        *("--port", str(port), "--data", str(folder), "--balancer", balancer),
    ]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                command,
                stdout=subprocess.PIPE,
                check=False,
                env={
                    **plain_environment(),
                    **NO_RATE_LIMITS,
                    "ARGYBARGY_CONFIG": os.devnull,
                },
            )
        )
        with trio.fail_after(START_SECONDS):
            line = await process.stdout.receive_some()
        assert line, "the cluster did not start"
        yield RunningCluster(
            process, Address("127.0.0.1", port), folder / "cluster", json.loads(line)
        )
        if process.poll() is None:
            process.terminate()


async def _insist(call: Callable[[], Awaitable[JsonResponse]]) -> JsonResponse:
    """Repeat a request whose answer is lost with a relay, as agents are told to."""
    with trio.fail_after(START_SECONDS):
        while True:
            with suppress(*NO_ANSWER):
                reply = await call()
                if reply.status not in {502, 503, 504}:
                    assert reply.status == 200, reply
                    return reply
            await trio.sleep(0.1)


async def _listen(ear: AgentClient, after: int, into: list[JsonResponse]) -> None:
    into.append(await _insist(partial(ear.poll, after, wait=25)))


async def test_nobody_notices_that_a_relay_is_killed_in_a_conversation(
    folder: Path, balancer: str
) -> None:
    async with open_cluster(folder, balancer) as cluster:
        alice, bob = await cluster.guest("alice"), await cluster.guest("bob")
        ear, since = AgentClient("alice", alice.code, cluster.address), 0
        for number in (1, 2, 1):
            ask = partial(
                alice.post, "Who?", f"q{number}{since}", expects_reply="anyone"
            )
            asked = await _insist(ask)
            seq, heard = asked.json["message"]["seq"], list[Any]()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(_listen, ear, seq, heard)
                # The other relay may hear of a post a moment after its answer.
                read = await bob.poll(since, wait=10)
                assert [each["seq"] for each in read.json["messages"]] == [seq]
                killed = cluster.kill(number)
                claimed = await _insist(partial(bob.claim, seq))
                assert claimed.json["won"] is True
                answer = {"to": "alice", "reply_to": seq, "expects_reply": "none"}
                said = await _insist(partial(bob.post, "Mine.", f"k{seq}", **answer))
            (found,) = heard
            assert [each["text"] for each in found.json["messages"]] == ["Mine."]
            assert not found.json.get("reset")
            since = said.json["message"]["seq"]
            await cluster.wait_back(number, killed)
        history = await _insist(partial(bob.poll, 0))
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


# -- torture -------------------------------------------------------------------------


@attrs.define
class Load:
    """Writers and a reader, and what they have seen.

    Mutable state: the texts that were acknowledged, in the order of the answers, those
    that were read, and the winners of questions.
    """

    acknowledged: list[str] = attrs.field(factory=list)
    read: list[str] = attrs.field(factory=list)
    resets: int = 0
    wins: dict[int, set[tuple[str, int]]] = attrs.field(factory=dict)
    is_over: bool = False
    is_written: bool = False

    async def write(self, agent: AgentClient) -> None:
        number = 0
        while not self.is_over:
            number += 1
            text = f"{agent.name}-{number}"
            await _insist(partial(agent.post, text, text))
            self.acknowledged.append(text)

    async def listen(self, agent: AgentClient) -> None:
        since = 0
        while not (self.is_written and set(self.acknowledged) <= set(self.read)):
            body = (await _insist(partial(agent.poll, since, wait=1))).json
            self.resets += bool(body.get("reset"))
            self.read += [
                each["text"]
                for each in body["messages"]
                if each["from"].startswith("writer")
            ]
            since = body["cursor"]

    async def race(self, asker: AgentClient, racers: list[AgentClient]) -> None:
        """Ask, and let all claim at once, again and again."""
        number = 0
        while not self.is_over:
            number += 1
            ask = partial(asker.post, "who?", f"ask{number}", expects_reply="anyone")
            seq = (await _insist(ask)).json["message"]["seq"]
            async with trio.open_nursery() as nursery:
                for racer in racers:
                    nursery.start_soon(self._claim, racer, seq)

    async def _claim(self, racer: AgentClient, seq: int) -> None:
        with trio.fail_after(START_SECONDS):
            while True:
                with suppress(*NO_ANSWER):
                    reply = await racer.claim(seq)
                    if reply.status == 200:
                        win = racer.name, reply.json["fence"]
                        self.wins.setdefault(seq, set()).add(win)
                    if reply.status in {200, 409}:
                        return
                await trio.sleep(0.1)


async def test_nothing_is_lost_or_doubled_when_processes_are_killed_under_load(
    folder: Path, pytestconfig: pytest.Config
) -> None:
    need_programs()
    rounds, load = pytestconfig.getoption("--rounds"), Load()
    async with open_cluster(folder, "caddy") as cluster:
        writers = [await cluster.guest(f"writer{number}") for number in range(3)]
        racers = [await cluster.guest(f"racer{number}") for number in range(3)]
        reader, asker = await cluster.guest("reader"), await cluster.guest("asker")
        pidfile = cluster.folder / "postgres" / "data" / "postmaster.pid"
        async with trio.open_nursery() as reading:
            reading.start_soon(load.listen, reader)
            async with trio.open_nursery() as writing:
                for writer in writers:
                    writing.start_soon(load.write, writer)
                writing.start_soon(load.race, asker, racers)
                for number in range(rounds):
                    count = len(load.acknowledged)
                    if number % 3 == 2:
                        os.kill(int(pidfile.read_text().split()[0]), signal.SIGKILL)
                    else:
                        killed = cluster.kill(number % 3 + 1)
                        await cluster.wait_back(number % 3 + 1, killed)
                    with trio.fail_after(START_SECONDS):
                        while len(load.acknowledged) < count + 30:  # noqa: ASYNC110
                            await trio.sleep(0.02)
                load.is_over = True
            # The reader ends once it has all that was acknowledged.
            reading.cancel_scope.deadline = trio.current_time() + START_SECONDS
            load.is_written = True
        for each in (*writers, *racers, reader, asker):
            each.close()
    lost = set(load.acknowledged) - set(load.read)
    doubled = len(load.read) - len(set(load.read))
    several = {seq: wins for seq, wins in load.wins.items() if len(wins) > 1}
    print(  # noqa: T201 - the figures of a long run
        f"{rounds} kills, {len(load.acknowledged)} posts, {len(load.wins)} questions: "
        f"{len(lost)} lost, {doubled} doubled, {load.resets} resets, "
        f"{len(several)} with several winners"
    )
    assert (len(lost), doubled, load.resets, several) == (0, 0, 0, {})


async def test_polls_come_back_through_the_balancer_in_a_rolling_restart(
    folder: Path, balancer: str
) -> None:
    async with open_cluster(folder, balancer) as cluster:
        ears = [await cluster.guest(f"ear{number}") for number in range(6)]
        writer, heard = await cluster.guest("writer0"), [Load() for _ in ears]
        async with trio.open_nursery() as nursery:
            for ear, load in zip(ears, heard, strict=True):
                nursery.start_soon(load.listen, ear)
            for number in (1, 2):
                pid = cluster.pid_of(number)
                os.kill(pid, signal.SIGTERM)
                await cluster.wait_back(number, pid)
                text = f"after {number}"
                await _insist(partial(writer.post, text, text))
            for load in heard:
                load.acknowledged = ["after 1", "after 2"]
                load.is_written = True
        assert [load.read for load in heard] == [["after 1", "after 2"]] * len(ears)
        assert sum(load.resets for load in heard) == 0
        for each in (*ears, writer):
            each.close()
