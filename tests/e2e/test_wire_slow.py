"""Clients that take their time take nobody else's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from argybargy.torture.client.raw import RawClient, connect, encode
from argybargy.torture.relay_process import COMMAND
from support.health_check import (
    became_true,
    call_witness,
    count_descriptors,
    find_errors,
)
from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.e2e
SILENT, DRIBBLING, DEAF = 100, 40, 5
CUT_SECONDS = 16.0
"""Ten of the server's limits, one until it looks, and some for a busy machine."""
EXIT_SECONDS = 10.0
"""Two to drain, five of grace, and some for a busy machine."""
FEW = 128
MANY = 400


async def test_slow_clients_are_cut_in_time_while_others_are_served(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        code = await _fill_room(server)
        agent = await server.guest("agent", "brisk")
        witness = await call_witness(server)
        async with _silent_clients(server), _deaf_clients(server, code):
            async with trio.open_nursery() as serving:
                serving.start_soon(_talk, agent)
                with trio.fail_after(CUT_SECONDS):
                    async with trio.open_nursery() as nursery:
                        for data in _dribbled(code):
                            nursery.start_soon(_dribble_until_cut, server, data)
                serving.cancel_scope.cancel()
            # The deaf cannot have noticed; the silent may be so for much longer.
            agent.close()
            left = witness.descriptors["socket"] + SILENT
            assert await became_true(lambda: _count_sockets(server) == left)
        await witness.check()
        assert await server.stop() == 0


async def test_sigterm_does_not_wait_for_slow_clients(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        code = await _fill_room(server)
        async with (
            _silent_clients(server),
            _deaf_clients(server, code),
            trio.open_nursery() as nursery,
        ):
            for data in _dribbled(code):
                nursery.start_soon(_dribble, server, data)
            expected = SILENT + DRIBBLING + DEAF
            assert await became_true(lambda: _count_sockets(server) >= expected)
            with trio.fail_after(EXIT_SECONDS):
                assert await server.stop() == 0
        assert find_errors(server.log) == []


async def test_running_out_of_descriptors_ends_when_clients_leave(
    tmp_path: Path,
) -> None:
    limited = ("sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh", *COMMAND)
    async with open_server(tmp_path / "data", command=limited) as server:
        agent = await server.guest("agent", "brisk")
        witness = await call_witness(server)
        witness.may_log_errors = True
        async with trio.open_nursery() as serving:
            await serving.start(_talk, agent)  # while it can still get a connection
            async with _silent_clients(server, MANY):
                assert await became_true(lambda: bool(find_errors(server.log)))
                assert count_descriptors(server).total() >= FEW - 2
                await trio.sleep(0.5)  # in which the agent is served as ever
            serving.cancel_scope.cancel()
        await witness.check()
        assert (await agent.call("GET", "/ready")).status == 200
        errors = find_errors(server.log)
        assert [line for line in errors if "accepting_failed" not in line] == []
        assert await server.stop() == 0


async def _fill_room(server: RealServer) -> str:
    """Say so much in a room that no socket holds its history; return a code for it."""
    guest = await server.guest("speaker", "loud")
    for number in range(250):
        reply = await guest.post(f"{number} " + "\N{SPEAKER}" * 5_000)
        assert reply.status == 200
    return guest.code


async def _talk(
    agent: AgentClient, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Post all the time, and find the relay ready each time."""
    number = 0
    while True:
        with trio.fail_after(5):
            assert (await agent.post(f"{number}")).status == 200
            assert (await agent.call("GET", "/ready")).status == 200
        number += 1
        if number == 1:
            task_status.started()
        await trio.sleep(0.1)


def _dribbled(code: str) -> list[bytes]:
    """Return heads and bodies that are never complete."""
    bearer = f"Authorization: Bearer {code}"
    head = encode("GET", "/whoami", [bearer, "A: " + "b" * 1_000])
    fields = [bearer, "Content-Type: application/json"]
    sized = encode("POST", "/messages", [*fields, "Content-Length: 1000"])
    chunked = encode("POST", "/messages", [*fields, "Transfer-Encoding: chunked"])
    body = b'{"text":"' + b"a" * 900
    ready = [b"G" + head[1:], sized + body, chunked + b"3e8\r\n" + body]
    return [ready[number % len(ready)] for number in range(DRIBBLING)]


async def _dribble_until_cut(server: RealServer, data: bytes) -> None:
    answer = await _dribble(server, data)
    assert answer.startswith(b"HTTP/1.1 408 "), answer[:40]


async def _dribble(server: RealServer, data: bytes) -> bytes:
    """Send a byte now and then, up to the end of the connection; return the answer."""
    client = await connect(server.address)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_slowly, client, data)
            answer = await client.receive_all()
            nursery.cancel_scope.cancel()
    finally:
        client.leave()
    return answer


async def _send_slowly(client: RawClient, data: bytes) -> None:
    head_bytes = data.find(b"\r\n\r\n") + 4
    at_once = head_bytes if head_bytes < len(data) else 1
    try:
        await client.send(data[:at_once])
        for at in range(at_once, len(data)):
            await client.send(data[at : at + 1])
            await trio.sleep(0.25)
    except OSError:
        return  # cut, as it should be


@asynccontextmanager
async def _silent_clients(
    server: RealServer, count: int = SILENT
) -> AsyncIterator[None]:
    clients = [await connect(server.address) for _ in range(count)]
    try:
        yield
    finally:
        for client in clients:
            client.leave()


@asynccontextmanager
async def _deaf_clients(server: RealServer, code: str) -> AsyncIterator[None]:
    """Ask for the largest answer there is, and read nothing of it."""
    request = encode("GET", "/history?limit=500", [f"Authorization: Bearer {code}"])
    clients = [await connect(server.address, 4_096) for _ in range(DEAF)]
    for client in clients:
        await client.send(request)
    try:
        yield
    finally:
        for client in clients:
            client.leave()


def _count_sockets(server: RealServer) -> int:
    return count_descriptors(server)["socket"]
