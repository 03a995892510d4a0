"""A cluster of ``argybargy cluster --try``, and a look at it from outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from argybargy.store.data_directory import find_server_address
from argybargy.torture.client.connection import Address, KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from argybargy.torture.relay_process import (
    NO_ANSWER,
    NO_RATE_LIMITS,
    AgentClient,
    plain_environment,
)
from support.relay_process import free_port

START_SECONDS: Final = 90
_SHOWN_BYTES: Final = 3_000
_READY: Final = "/ready?storage=any"


@attrs.frozen
class RunningCluster:
    """A cluster, reached through its balancer.

    Attributes:
        process: The process that keeps the others up.
        address: Address of the balancer.
        folder: Folder of everything that it keeps.
        facts: What it has printed.
    """

    process: trio.Process
    address: Address
    folder: Path
    facts: Any

    async def admin(
        self,
        method: str,
        target: str,
        body: object = None,
        address: Address | None = None,
    ) -> Any:  # noqa: ANN401
        """Make a request as the operator, through the balancer or at a node."""
        token = (self.folder / "admin.token").read_text().strip()
        request = encode_request(method, target, {"x-admin-token": token}, body)
        connection = KeepAliveConnection(address or self.address)
        answer = await connection.exchange(request, 20.0)
        connection.close_nowait()
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def nodes(self) -> list[Address]:
        """Return the addresses of the nodes themselves."""
        return [
            Address("127.0.0.1", int(url.rpartition(":")[2]))
            for url in self.facts["nodes"]
        ]

    async def guest(self, name: str) -> AgentClient:
        body = {"name": name, "room": "build"}
        made = await self.admin("POST", "/admin/invite", body)
        # A code that was made on one node is known to the others within a second.
        for address in self.nodes():
            on_node = AgentClient(name, made["code"], address)
            with trio.fail_after(START_SECONDS):
                while (await on_node.poll(0)).status != 200:  # noqa: ASYNC110
                    await trio.sleep(0.05)
            on_node.close()
        return AgentClient(name, made["code"], self.address)

    async def parked(self) -> list[int]:
        """Return the number of parked polls at each node."""
        stats = [
            await self.admin("GET", "/admin/stats", address=each)
            for each in self.nodes()
        ]
        return [each["parked_polls"] for each in stats]

    def pid_of(self, number: int) -> int:
        """Return the process id of a node; 0 while there is none."""
        found = find_server_address(self.folder / f"node-{number}")
        return 0 if found is None else found.pid

    def engine_pid(self) -> int:
        """Return the process id of PostgreSQL; 0 while there is none."""
        file = self.folder / "postgres" / "data" / "postmaster.pid"
        try:
            return int(file.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError):  # missing, or just made
            return 0

    def engine_backends(self) -> list[int]:
        """Return the processes of PostgreSQL that serve the nodes."""
        pid = self.engine_pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(each)
            for each in children
            if "postgres: relay relay" in Path(f"/proc/{each}/cmdline").read_text()
        ]

    def engine_log(self) -> str:
        """Return what PostgreSQL has logged."""
        return (self.folder / "postgres" / "postgres.log").read_text()

    def kill(self, number: int) -> int:
        """Kill a node; return its process id."""
        pid = self.pid_of(number)
        assert pid, f"node {number} is not up"  # 0 would be this process's own group
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_engine(self) -> int:
        """Kill the first process of PostgreSQL, and no other; return its id.

        The others end by themselves when they notice, each at its own time.
        """
        pid = self.engine_pid()
        assert pid, "PostgreSQL is not up"
        os.kill(pid, signal.SIGKILL)
        return pid

    async def wait_back(self, number: int, killed: int) -> None:
        """Wait until another process is the node."""
        with trio.fail_after(START_SECONDS):
            while self.pid_of(number) in {0, killed}:  # noqa: ASYNC110
                await trio.sleep(0.05)

    async def describe(self) -> str:
        """Return where everything stands, for the text of a failure."""
        told = [f"cluster: {_state_of(self.process.pid)}"]
        for number, address in enumerate(self.nodes(), 1):
            pid = self.pid_of(number)
            told.append(f"node-{number}: process {pid}, {_state_of(pid)}")
            told.append(f"  /ready: {await _ask(address, '/ready')}")
            told.append(f"  without storage: {await _ask(address, _READY)}")
        pid = self.engine_pid()
        told.append(f"PostgreSQL: process {pid}, {_state_of(pid)}")
        told.append(f"balancer: {await _ask(self.address, _READY)}")
        for log in sorted(self.folder.glob("*/*.log")):
            end = log.read_bytes()[-_SHOWN_BYTES:].decode(errors="replace")
            told.append(f"--- {log.relative_to(self.folder)}\n{end}")
        return "\n".join(told)


def _state_of(pid: int) -> str:
    """Return the letter of a process's state, as Linux gives it."""
    with suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return f"state {stat.rpartition(')')[2].split()[0]}"
    return "not running"


async def _ask(address: Address, target: str) -> str:
    connection = KeepAliveConnection(address)
    try:
        answer = await connection.exchange(encode_request("GET", target, {}), 5.0)
    except NO_ANSWER as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close_nowait()
    return f"{answer.status} {answer.body.decode(errors='replace')}"


@asynccontextmanager
async def open_cluster(folder: Path, balancer: str) -> AsyncIterator[RunningCluster]:
    """Run a cluster while the block runs, unless it ends by itself."""
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
