"""The operator's stream over real sockets, on both cores."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import trio

from argybargy.torture.client.raw import Leaving, RawClient, connected, encode
from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


@attrs.define
class Frames:
    """Reads the lines of one stream as they come, whatever the chunks."""

    client: RawClient
    head: bytes = b""
    _data: bytes = b""
    _lines: bytes = b""

    async def read_head(self) -> None:
        """Wait for the head of the answer."""
        while b"\r\n\r\n" not in self._data:
            self._data += await self.client.receive()
        self.head, _, self._data = self._data.partition(b"\r\n\r\n")

    async def next(self) -> Any:  # noqa: ANN401  a frame
        """Return the next frame; ``None`` when the stream has ended."""
        while b"\n" not in self._lines:
            if not await self._take_chunk():
                return None
        line, _, self._lines = self._lines.partition(b"\n")
        return msgspec.json.decode(line)

    async def _take_chunk(self) -> bool:
        while b"\r\n" not in self._data:
            self._data += await self.client.receive()
        size, _, rest = self._data.partition(b"\r\n")
        length = int(size, 16)
        while len(rest) < length + 2:
            rest += await self.client.receive()
        self._lines += rest[:length]
        self._data = rest[length + 2 :]
        return length > 0


@asynccontextmanager
async def open_frames(
    server: RealServer, leaving: Leaving = Leaving.FIN
) -> AsyncIterator[Frames]:
    fields = [f"X-Admin-Token: {server.token()}"]
    async with connected(server.address, leaving) as client:
        await client.send(encode("POST", "/admin/stream", fields, b"{}"))
        frames = Frames(client)
        await frames.read_head()
        yield frames


@CORES
async def test_what_is_said_is_on_the_stream_in_order_and_the_end_is_announced(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        alice = await server.guest("alice")
        async with open_frames(server) as frames:
            assert b" 200 " in frames.head
            assert b"application/x-ndjson" in frames.head
            assert (await frames.next())["type"] == "hello"
            assert (await frames.next())["type"] == "snapshot"
            texts: list[str] = []
            for number in range(20):
                await alice.post(str(number))
                while len(texts) <= number:
                    frame = await frames.next()
                    texts += [row["text"] for row in frame.get("messages", ())]
            assert texts == [str(number) for number in range(20)]
            server.process.send_signal(signal.SIGTERM)
            frame = await frames.next()
            while frame["type"] == "delta":
                frame = await frames.next()
            assert frame == {"type": "bye", "reason": "draining", "retry_after": 1}
            assert await frames.next() is None
            with trio.fail_after(10):
                assert await server.process.wait() == 0


@CORES
@pytest.mark.parametrize("leaving", list(Leaving))
async def test_those_who_leave_make_room_for_others(
    tmp_path: Path, core: str, leaving: Leaving
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        async with AsyncExitStack() as stack:
            for _ in range(64):
                opened = open_frames(server, leaving)
                frames = await stack.enter_async_context(opened)
                assert b" 200 " in frames.head
            async with open_frames(server) as one_too_many:
                assert b" 503 " in one_too_many.head
                assert b"retry-after: 1" in one_too_many.head.lower()
        with trio.fail_after(10):
            head = b""
            while b" 200 " not in head:
                async with open_frames(server) as frames:
                    head = frames.head
