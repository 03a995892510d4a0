"""What the tests of connections share: apps, a server to run them, a raw client."""

import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio
import trio.testing
from hypercorn.config import Config
from quart import request
from quart_trio import QuartTrio

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import App, Receive, Scope, Send
from argybargy.http.hypercorn.guard import HypercornServer
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import ErrorBody
from argybargy.http.server import HttpServer, open_http_server
from argybargy.web.request import DATA_HEADERS

HELLO = b"GET /hello HTTP/1.1\r\nHost: relay\r\n\r\n"
WAKE_SECONDS = 3.0
"""How long a test waits for what should take milliseconds."""
ANSWER_SECONDS = 100.0
"""How long a client waits for an answer, longer than any deadline of the server."""


def render(error: RelayError) -> ErrorBody:
    kind = error.problem.value
    detail = {"error": kind.code, "detail": error.text, **error.facts}
    return ErrorBody(json.dumps({"detail": detail}).encode(), DATA_HEADERS)


class Journal:
    """A log that tests look into."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, object]]] = []

    def error(self, event: str, /, **facts: object) -> None:
        self.entries.append((event, facts))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.entries]


@attrs.define
class PlainApp:
    """An ASGI app with a path for every way to behave.

    Attributes:
        called: Paths of the requests it got.
        parked: Set when a request starts to wait.
        cancelled: Set when a waiting request was cancelled.
    """

    called: list[str] = attrs.field(factory=list)
    parked: trio.Event = attrs.field(factory=trio.Event)
    cancelled: trio.Event = attrs.field(factory=trio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.called.append(scope["path"])
        name = scope["path"].strip("/").partition("/")[0].replace("-", "_")
        await getattr(self, f"_do_{name}")(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            await send({"type": f"lifespan.{phase}.complete"})

    async def _do_hello(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"hello")

    async def _do_say(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, scope["query_string"])

    async def _do_scope(self, scope: Scope, _receive: Receive, send: Send) -> None:
        seen = {
            "method": scope["method"],
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "version": scope["http_version"],
            "fields": [[n.decode(), v.decode("latin-1")] for n, v in scope["headers"]],
        }
        await answer(send, json.dumps(seen).encode())

    async def _do_echo(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, await read_body(receive))

    async def _do_unread(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"who are you?", status=401)

    async def _do_stream(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one ", b"", b"two ", b"three"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    async def _do_big(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"x" * int(scope["query_string"]))

    async def _do_nothing(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"", status=204)

    async def _do_close(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"bye", fields=[(b"connection", b"close")])

    async def _do_fields(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"", fields=[(b"x-broken", b"a\r\nx-injected: b")])

    async def _do_boom(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ValueError("boom")

    async def _do_group(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ValueError("boom")

    async def _do_silent(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        return

    async def _do_boom_late(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        raise ValueError("boom")

    async def _do_short(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        fields = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"short"})

    async def _do_park(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        self.parked.set()
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled.set()

    async def _do_nap(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.parked.set()
        await trio.sleep(float(scope["query_string"]))
        await answer(send, b"rested")

    async def _do_listen(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        await read_body(receive)
        self.parked.set()
        assert (await receive())["type"] == "http.disconnect"
        self.cancelled.set()

    async def _do_pour(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.parked.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                part = {"body": b"x" * 65536, "more_body": True}
                await send({"type": "http.response.body", **part})
        finally:
            self.cancelled.set()


async def answer(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    fields: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a whole answer."""
    start = {"status": status, "headers": fields or []}
    await send({"type": "http.response.start", **start})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes:
    """Read the request's body to its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body", False):
            return body


@attrs.define
class QuartApp:
    """A Quart-Trio app with some of the same paths."""

    parked: trio.Event = attrs.field(factory=trio.Event)
    cancelled: trio.Event = attrs.field(factory=trio.Event)
    app: QuartTrio = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.app = QuartTrio(__name__)
        self.app.add_url_rule("/hello", "hello", self._hello)
        self.app.add_url_rule("/echo", "echo", self._echo, methods=["POST"])
        self.app.add_url_rule("/park", "park", self._park)
        self.app.add_url_rule("/boom", "boom", self._boom)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)  # type: ignore[arg-type]

    async def _hello(self) -> str:
        return "hello"

    async def _echo(self) -> bytes:
        data = await request.get_data()
        return data if isinstance(data, bytes) else data.encode()

    async def _park(self) -> str:
        self.parked.set()
        try:
            await trio.sleep_forever()
        finally:
            self.cancelled.set()

    async def _boom(self) -> str:
        raise ValueError("boom")


@attrs.frozen
class Reply:
    """What a client read of one answer."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The code of the error in it."""
        code: str = json.loads(self.body)["detail"]["error"]
        return code

    @property
    def request_id(self) -> str:
        """What the request is called in the log."""
        name: str = json.loads(self.body)["detail"]["request_id"]
        return name


class Client:
    """A client that sends exactly the bytes it is given."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._read = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def ask(self, data: bytes, *, is_head: bool = False) -> Reply:
        await self.send(data)
        return await self.reply(is_head=is_head)

    async def reply(self, *, is_head: bool = False) -> Reply:
        """Read one answer.

        Raises:
            EOFError: The connection ended within it.
        """
        with trio.fail_after(ANSWER_SECONDS):
            head = await self._read_until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        status = int(lines[0].split(" ")[1])
        with trio.fail_after(ANSWER_SECONDS):
            body = await self._read_body(status, fields, is_head=is_head)
        return Reply(status, fields, body)

    async def _read_body(
        self, status: int, fields: dict[str, str], *, is_head: bool
    ) -> bytes:
        if is_head or status in {100, 204, 304}:
            return b""
        if fields.get("transfer-encoding") == "chunked":
            return await self._read_chunks()
        if "content-length" in fields:
            return await self._read_exactly(int(fields["content-length"]))
        return await self.rest()

    async def _read_chunks(self) -> bytes:
        body = b""
        while size := int(await self._read_until(b"\r\n"), 16):
            body += await self._read_exactly(size)
            assert await self._read_exactly(2) == b"\r\n"
        assert await self._read_exactly(2) == b"\r\n"
        return body

    async def rest(self) -> bytes:
        """Read to the end of the connection."""
        with trio.fail_after(ANSWER_SECONDS):
            while await self._read_more():
                pass
        rest, self._read = self._read, b""
        return rest

    async def is_ended(self) -> bool:
        """Wait for the end of the connection; whether nothing came before it."""
        try:
            return await self.rest() == b""
        except trio.BrokenResourceError:
            return True

    async def _read_more(self) -> bool:
        data = await self.stream.receive_some(65536)
        self._read += data
        return bool(data)

    async def _read_until(self, end: bytes) -> bytes:
        while end not in self._read:
            if not await self._read_more():
                raise EOFError(self._read)
        found, _, self._read = self._read.partition(end)
        return found

    async def _read_exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            if not await self._read_more():
                raise EOFError(self._read)
        found, self._read = self._read[:size], self._read[size:]
        return found


@attrs.define
class Site:
    """A server that runs, and ways to it.

    Attributes:
        server: The server.
        journal: Its log.
        connect: Opens a connection to it.
    """

    server: HttpServer | HypercornServer
    journal: Journal
    nursery: trio.Nursery
    port: int
    clients: list[Client] = attrs.field(factory=list)

    async def connect(self) -> Client:
        client = Client(await trio.open_tcp_stream("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    def connect_in_memory(self) -> Client:
        """Open a connection without sockets, for tests that own the clock."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server, theirs)
        return Client(ours)

    async def wait_empty(self) -> None:
        """Wait until no connection is open."""
        with trio.fail_after(WAKE_SECONDS):
            while self.server.statistics().connections:  # noqa: ASYNC110 - a test
                await trio.sleep(0.01)


@asynccontextmanager
async def open_guarded_site(
    app: App, limits: ConnectionLimits | None = None
) -> AsyncIterator[Site]:
    """Run the same with Hypercorn's connection behind its guard."""
    journal = Journal()
    config = Config()
    config.errorlog = None
    config.keep_alive_max_requests = 100_000
    server = HypercornServer(app, config, render=render, log=journal, limits=limits)
    async with _open_site(server, journal) as site:
        yield site


@asynccontextmanager
async def open_site(
    app: App,
    limits: ConnectionLimits | None = None,
    wall_clock: Callable[[], float] | None = None,
) -> AsyncIterator[Site]:
    """Run a server for `app` on a free port of this machine."""
    journal = Journal()
    async with (
        open_http_server(
            app, render=render, log=journal, limits=limits, wall_clock=wall_clock
        ) as server,
        _open_site(server, journal) as site,
    ):
        yield site


@asynccontextmanager
async def _open_site(
    server: HttpServer | HypercornServer, journal: Journal
) -> AsyncIterator[Site]:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server, 0)
        port = listeners[0].socket.getsockname()[1]
        site = Site(server, journal, nursery, port)
        try:
            yield site
        finally:
            for client in site.clients:
                await trio.aclose_forcefully(client.stream)
        nursery.cancel_scope.cancel()


OPENERS = {"ours": open_site, "hypercorn": open_guarded_site}
"""Ways to open a site, for tests of what both connections have in common."""


def reset_connection(client: Client) -> None:
    """Close a client's socket so that its server sees a reset."""
    assert isinstance(client.stream, trio.SocketStream)
    sock = client.stream.socket
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    sock.close()
