"""A client of the operator's stream that reads on demand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import msgspec
import trio

from support.web_app import TOKEN, Site


@attrs.define
class StreamClient:
    """One stream, held open.

    Attributes:
        status: Status of the response; 0 before it.
        headers: Header fields of the response.
    """

    _lines: trio.MemoryReceiveChannel[bytes]
    _gone: trio.Event
    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)

    async def next(self, seconds: float = 30) -> Any:  # noqa: ANN401  a frame
        """Return the next frame.

        Raises:
            trio.EndOfChannel: The stream has ended.
            trio.TooSlowError: No frame came in time.
        """
        with trio.fail_after(seconds):
            return msgspec.json.decode(await self._lines.receive())

    async def next_of(self, kind: str) -> Any:  # noqa: ANN401  a frame
        """Return the next frame of one type, skipping others."""
        while True:
            frame = await self.next()
            if frame["type"] == kind:
                return frame

    async def is_silent(self, seconds: float) -> bool:
        """Tell whether no frame comes within `seconds`."""
        with trio.move_on_after(seconds):
            await self._lines.receive()
            return False
        return True

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()


@asynccontextmanager
async def open_stream(
    site: Site, token: str = TOKEN, session: str = "", **asked: object
) -> AsyncIterator[StreamClient]:
    """Open a stream; the client disconnects when the block ends."""
    send_line, receive_line = trio.open_memory_channel[bytes](0)
    client = StreamClient(receive_line, trio.Event())
    started = trio.Event()
    body = [msgspec.json.encode(asked)]
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/admin/stream",
        "raw_path": b"/admin/stream",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8765"),
            (b"x-admin-session", session.encode())
            if session
            else (b"x-admin-token", token.encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body[0])).encode()),
        ],
        "client": ("192.0.2.9", 1),
        "server": ("127.0.0.1", 8765),
        "extensions": {},
    }

    async def receive() -> Any:  # noqa: ANN401  an ASGI event
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        await client._gone.wait()
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:  # noqa: ANN401  an ASGI event
        if event["type"] == "http.response.start":
            client.status = event["status"]
            client.headers = {
                name.decode(): value.decode() for name, value in event["headers"]
            }
            started.set()
        elif event.get("body"):
            await send_line.send(event["body"])

    async def run() -> None:
        async with send_line:
            await site.front.app(scope, receive, send)

    async with receive_line, trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.fail_after(5):
            await started.wait()
        yield client
        client.leave()
