"""MCP on standard input and output: the shim as a process, with a real relay."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
import trio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from argybargy.agent.seat import Seat, SeatFacts, seat_at
from argybargy.agent.seat_name import seat_name_of
from argybargy.torture.relay_process import plain_environment
from support.mcp_client import use
from support.relay_process import AgentClient, RealServer, open_server

pytestmark = pytest.mark.e2e
ERAS: list[Literal["auto", "legacy"]] = ["auto", "legacy"]
PATIENCE_SECONDS = 30


@attrs.frozen
class Desk:
    """A relay, and the machine of an agent with a seat."""

    server: RealServer
    guest: AgentClient
    seat: Seat
    variables: dict[str, str]

    @property
    def command(self) -> list[str]:
        words = ["-m", "argybargy", "agent", "mcp", "--seat", str(self.seat)]
        return [sys.executable, *words]


@asynccontextmanager
async def open_desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_server(tmp_path / "data") as server:
        guest = await server.guest("bob")
        base = f"http://127.0.0.1:{server.address.port}"
        variables = {
            **plain_environment(),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "HTTP_PROXY": "http://127.0.0.1:9",
        }
        room = (await guest.call("GET", "/whoami")).json["room"]
        seat = seat_at(variables, seat_name_of(base, room, "bob"))
        seat.store(SeatFacts(base, room, "bob", "codex"), guest.code)
        yield Desk(server, guest, seat, variables)


@attrs.define
class Pipes:
    """The shim's standard input and output."""

    process: trio.Process
    rest: bytes = b""

    async def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send_all(line + b"\n")

    async def ask(self, number: int, method: str, **params: object) -> None:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.write(json.dumps(message).encode())

    async def call(self, number: int, name: str, **arguments: object) -> None:
        await self.ask(number, "tools/call", name=name, arguments=arguments)

    async def read(self) -> Any:  # noqa: ANN401 - JSON
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE_SECONDS):
            while b"\n" not in self.rest:
                self.rest += await self.process.stdout.receive_some()
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)


@asynccontextmanager
async def open_shim(desk: Desk) -> AsyncIterator[Pipes]:
    process = await trio.lowlevel.open_process(
        desk.command, env=desk.variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        pipes = Pipes(process)
        await initialize(pipes)
        yield pipes
        assert process.stdin is not None
        await process.stdin.aclose()
        with trio.fail_after(PATIENCE_SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def initialize(pipes: Pipes) -> None:
    info = {"name": "test", "version": "1"}
    await pipes.ask(
        0, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=info
    )
    answer = await pipes.read()
    assert answer["result"]["protocolVersion"] == "2025-06-18"
    await pipes.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')


def text_of(answer: Any) -> str:  # noqa: ANN401 - JSON
    (content,) = answer["result"]["content"]
    return str(content["text"])


@pytest.mark.parametrize("mode", ERAS)
async def test_the_sdk_holds_a_conversation_through_the_shim(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    async with open_desk(tmp_path) as desk:
        ann = await desk.server.guest("ann")
        command, *arguments = desk.command
        parameters = StdioServerParameters(
            command=command, args=arguments, env=desk.variables
        )
        with open(os.devnull, "w") as quiet:  # noqa: ASYNC230, PTH123 - the null device
            async with Client(stdio_client(parameters, quiet), mode=mode) as client:
                assert len((await client.list_tools()).tools) == 5
                await ann.post("Who can?", expects_reply="anyone")
                assert await use(client, "read") == "1 ann asks anyone: Who can?"
                assert (await use(client, "claim", n=1)).startswith("claimed 1")
                said = await use(client, "post", text="I.", to="ann", reply=1)
                assert said.startswith("ok 2")
        answer = (await ann.poll(0, wait=5)).json["messages"]
        assert [each["text"] for each in answer] == ["I."]


async def test_a_parked_read_holds_up_nothing_and_can_be_cancelled(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path) as desk, open_shim(desk) as shim:
        ann = await desk.server.guest("ann")
        await shim.call(1, "read", wait=50)
        await desk.server.wait_parked(1)
        await shim.call(2, "who")
        answer = await shim.read()
        assert answer["id"] == 2
        await ann.post("hello")
        answer = await shim.read()
        assert (answer["id"], text_of(answer)) == (1, "1 ann: hello")
        await shim.call(3, "read", wait=50)
        await desk.server.wait_parked(1)
        cancel = {"method": "notifications/cancelled", "params": {"requestId": 3}}
        await shim.write(json.dumps({"jsonrpc": "2.0", **cancel}).encode())
        await desk.server.wait_parked(0)
        await shim.call(4, "who")
        assert (await shim.read())["id"] == 4


async def test_refusals_are_errors_of_the_protocol(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, open_shim(desk) as shim:
        await shim.write(b"not JSON")
        assert (await shim.read())["error"]["code"] == -32700
        await shim.write(b"[]")
        assert (await shim.read())["error"]["code"] == -32600
        header = desk.seat.folder / "header"
        code = header.read_bytes()
        header.write_bytes(code[:-3] + b"xx\n")
        await shim.call(1, "who")
        answer = await shim.read()
        assert answer["id"] == 1
        assert "unauthorized" in answer["error"]["message"]
        header.write_bytes(code)
        await desk.server.stop()
        await shim.call(2, "who")
        answer = await shim.read()
        assert answer["id"] == 2
        assert "cannot be reached" in answer["error"]["message"]


async def test_many_requests_at_once_are_all_answered(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk, open_shim(desk) as shim:
        for number in range(1, 41):
            await shim.call(number, "who")
        answers = [await shim.read() for _ in range(40)]
        assert {answer["id"] for answer in answers} == set(range(1, 41))
        assert {text_of(answer) for answer in answers} == {text_of(answers[0])}
