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
                env={**plain_environment(), "ARGYBARGY_CONFIG": os.devnull},
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
                read = await bob.poll(since)
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
        )
    assert done.returncode == 1
    assert b"Another server is running" in done.stderr
