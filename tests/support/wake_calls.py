"""A caller of wake hooks that calls nobody, and a hook on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import h11
import msgspec
import trio

from argybargy.domain.wake_hooks import WakeHosts, WakeUrl
from argybargy.relay.nudges.call import CallableHosts, CallFailedError, Headers


@attrs.define
class RecordingCaller:
    """Records calls instead of making them.

    Attributes:
        hosts: The hosts that may be called.
        is_failing: Whether calls fail.
        takes_seconds: How long a call takes.
        calls: Time, path and body of each call.
        headers: The header fields of each call.
        running: Calls under way; the most at once is in `most`.
    """

    hosts: CallableHosts = attrs.field(factory=lambda: WakeHosts(frozenset({"hook"})))
    is_failing: bool = False
    takes_seconds: float = 0
    calls: list[tuple[float, str, dict[str, object]]] = attrs.field(factory=list)
    headers: list[dict[str, str]] = attrs.field(factory=list)
    running: int = 0
    most: int = 0
    _began: float = attrs.field(factory=trio.current_time)

    @property
    def times(self) -> list[float]:
        """The times of the calls since the caller was made, in seconds."""
        return [round(at, 3) for at, _, _ in self.calls]

    @property
    def counts(self) -> list[object]:
        """The number of messages in each call."""
        return [body["count"] for _, _, body in self.calls]

    async def post(self, url: WakeUrl, headers: Headers, body: bytes) -> None:
        at = trio.current_time() - self._began
        self.calls.append((at, url.target, msgspec.json.decode(body)))
        self.headers.append({**dict(headers), "body": body.decode()})
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await trio.sleep(self.takes_seconds)
        finally:
            self.running -= 1
        if self.is_failing:
            raise CallFailedError("refused")


@attrs.define
class FakeHook:
    """An HTTP server that records requests and sends what it was told to.

    Attributes:
        port: The port on 127.0.0.1.
        answer: The bytes that it sends. After a whole head, the client closes first;
            ``None`` sends nothing and waits.
        requests: Each request with its body.
    """

    port: int
    answer: bytes | None
    requests: list[tuple[h11.Request, bytes]] = attrs.field(factory=list)

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection; a client may leave at any time."""
        try:
            async with stream:
                await self._receive(stream)
                if self.answer is None:
                    await trio.sleep_forever()
                await stream.send_all(self.answer)
                if self.answer.endswith(b"\r\n\r\n"):
                    await stream.receive_some()
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            return

    async def _receive(self, stream: trio.SocketStream) -> None:
        peer, body = h11.Connection(h11.SERVER), b""
        found: list[h11.Request] = []
        while True:
            event = peer.next_event()
            if isinstance(event, h11.Request):
                found.append(event)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif event is h11.NEED_DATA:
                peer.receive_data(bytes(await stream.receive_some(4096)))
            else:
                break
        self.requests += [(request, body) for request in found]


@asynccontextmanager
async def open_hook(
    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n",
) -> AsyncIterator[FakeHook]:
    """Serve a hook on a free port of loopback."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    hook = FakeHook(listener.socket.getsockname()[1], answer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, hook.serve, [listener])
        yield hook
        nursery.cancel_scope.cancel()
