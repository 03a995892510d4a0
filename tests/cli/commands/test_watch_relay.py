"""Following the rooms of a real relay across a restart."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e


@attrs.define
class Watcher:
    """The command as a process, with its output read line by line."""

    process: trio.Process
    _buffer: bytes = b""

    async def line(self) -> str:
        """Wait for a line."""
        assert self.process.stdout is not None
        with trio.fail_after(30):
            while b"\n" not in self._buffer:
                more = await self.process.stdout.receive_some()
                assert more, "it ended"
                self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    async def end(self) -> int:
        """Wait for its end; return the exit code."""
        with trio.fail_after(30):
            return await self.process.wait()


@asynccontextmanager
async def watching(server: RealServer, *arguments: str) -> AsyncIterator[Watcher]:
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "argybargy", "watch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={
            "ARGYBARGY_DATA": str(server.data),
            "ARGYBARGY_PORT": str(server.address.port),
            "PYTHONUTF8": "1",
        },
    )
    try:
        yield Watcher(process)
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def test_messages_are_shown_until_the_room_is_closed(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        agent = await server.guest("alice")
        await agent.post("early")
        async with watching(server, "build", "--since", "0") as watcher:
            assert (await watcher.line()).endswith(" alice → all  early")
            await agent.post("Ship it?", expects_reply="operator")
            line = await watcher.line()
            assert line.startswith("#build 2 ")
            assert line.endswith(" alice → all  [asks you]  Ship it?")
            await server.admin("POST", "/admin/rooms/build/close", {"by": "titus"})
            while " closed by titus at " not in line:
                line = await watcher.line()
            assert await watcher.end() == 6


async def test_nothing_is_lost_when_the_relay_is_restarted(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as first:
        agent = await first.guest("alice")
        await agent.post("one")
        port = str(first.address.port)
        async with watching(first, "build", "--since", "0", "--json") as watcher:
            assert json.loads(await watcher.line())["text"] == "one"
            assert await first.stop() == 0
            async with open_server(tmp_path / "data", ARGYBARGY_PORT=port) as server:
                again = server.returning("alice", agent.code)
                for text in ("two", "three"):
                    await again.post(text)
                told = [json.loads(await watcher.line()) for _ in range(2)]
                assert [each["text"] for each in told] == ["two", "three"]
                watcher.process.send_signal(signal.SIGINT)
                assert await watcher.end() == 130
