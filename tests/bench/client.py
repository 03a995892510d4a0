"""What drives a server: a keep-alive connection, an agent, an operator.

Rules of this file:
- Every exchange has a deadline; a server that does not answer costs its caller that
  time and a ``TooSlowError``, never the run.
- One request at a time on a connection, none pipelined. After an exchange that was
  cancelled or failed the connection is closed, because a late answer would be taken
  for the next one's.
- A request is never sent twice: a connection that has been idle is opened anew
  instead, since the server may have closed it meanwhile.
"""

import attrs
import msgspec
import trio

from bench.wire import Answer, BadAnswer, encode_request, parse_answer

# Below every server's keep-alive timeout (uvicorn's is 5 s).
REUSE_WITHIN_SECONDS = 2.0
EXCHANGE_SECONDS = 10.0
RECEIVE_BYTES = 262_144


@attrs.frozen
class Address:
    """Where a server listens."""

    host: str
    port: int


@attrs.frozen
class Message:
    """A message as a reader gets it; only what the bench looks at."""

    seq: int
    text: str


@attrs.frozen
class Page:
    """The answer to a poll."""

    messages: list[Message]
    cursor: int


@attrs.frozen
class _Posted:
    message: Message


@attrs.frozen
class _Invited:
    code: str


_PAGE = msgspec.json.Decoder(Page)
_POSTED = msgspec.json.Decoder(_Posted)
_INVITED = msgspec.json.Decoder(_Invited)


@attrs.define
class Connection:
    """One keep-alive connection, opened when it is first needed."""

    address: Address
    # The only state: the socket, if open, and when it was last used.
    _stream: trio.SocketStream | None = attrs.field(default=None, init=False)
    _used_at: float = attrs.field(default=0.0, init=False)

    async def exchange(
        self, request: bytes, deadline_seconds: float = EXCHANGE_SECONDS
    ) -> Answer:
        """Send a request and return its answer.

        Raises:
            trio.TooSlowError: If there was no answer in ``deadline_seconds``.
            BadAnswer: If the answer was cut off or is no HTTP.
            OSError: If the server does not accept the connection.
            trio.BrokenResourceError: If the server reset it.
        """
        is_done = False
        try:
            with trio.fail_after(deadline_seconds):
                stream = await self._open_stream()
                await stream.send_all(request)
                answer = await _receive_answer(stream)
            is_done = not answer.is_last
        finally:
            self._used_at = trio.current_time()
            if not is_done:
                self.close_nowait()
        return answer

    async def open(self) -> None:
        """Connect now, so that the first request does not pay for it."""
        with trio.fail_after(EXCHANGE_SECONDS):
            await self._open_stream()

    def close_nowait(self) -> None:
        """Close the socket, if it is open; the next exchange opens another."""
        if self._stream is not None:
            self._stream.socket.close()
            self._stream = None

    async def _open_stream(self) -> trio.SocketStream:
        if trio.current_time() - self._used_at > REUSE_WITHIN_SECONDS:
            self.close_nowait()
        if self._stream is None:
            where = self.address
            self._stream = await trio.open_tcp_stream(where.host, where.port)
            self._used_at = trio.current_time()
        return self._stream


async def _receive_answer(stream: trio.SocketStream) -> Answer:
    data = b""
    while True:
        more = await stream.receive_some(RECEIVE_BYTES)
        data += more
        parsed = parse_answer(data, at_end=not more)
        if parsed is None:
            continue
        if parsed.size_bytes != len(data):
            raise BadAnswer("bytes after the answer that nobody asked for")
        return parsed.answer


@attrs.define
class Agent:
    """A peer with a code, on a connection of its own.

    Attributes:
        name: As the operator invited it.
        room: Where it may read and post.
        cursor: Where its next poll goes on; set by :meth:`poll`.
    """

    name: str
    room: str
    connection: Connection
    _fields: dict[str, str]
    cursor: int = 0

    async def enter(self) -> None:
        """Connect and be seen, so that a row does not measure first contact.

        Raises:
            BadAnswer: If the code is not accepted.
        """
        _expect(await self.connection.exchange(self.request("GET", "/whoami")), 200)

    def request(self, method: str, target: str, body: object = None) -> bytes:
        """Return a request of this agent's as bytes."""
        return encode_request(method, target, self._fields, body)

    async def post(
        self, text: str, to: str = "all", expects_reply: str = "none"
    ) -> int:
        """Post and return the seq that the server acknowledged.

        Raises:
            BadAnswer: If the answer is not 200; the message counts as not sent.
        """
        body = {"text": text, "to": to, "expects_reply": expects_reply}
        answer = await self.connection.exchange(self.request("POST", "/messages", body))
        return _POSTED.decode(_expect(answer, 200).body).message.seq

    async def poll(self, wait_seconds: int = 0) -> tuple[Message, ...]:
        """Return what came after the cursor, and move it.

        Args:
            wait_seconds: How long the server may park the poll. The answer has
                :data:`EXCHANGE_SECONDS` more than that to arrive.

        Raises:
            BadAnswer: If the answer is not 200.
        """
        target = f"/messages?since={self.cursor}&wait={wait_seconds}"
        answer = await self.connection.exchange(
            self.request("GET", target), wait_seconds + EXCHANGE_SECONDS
        )
        page = _PAGE.decode(_expect(answer, 200).body)
        self.cursor = page.cursor
        return tuple(page.messages)

    async def claim(self, seq: int) -> bool:
        """Claim a question; tell whether it was won.

        Raises:
            BadAnswer: If the answer is neither 200 nor 409.
        """
        request = self.request("POST", f"/messages/{seq}/claim")
        return _expect(await self.connection.exchange(request), 200, 409).status == 200


@attrs.define
class Operator:
    """Whoever holds the admin token."""

    address: Address
    token: str = attrs.field(repr=False)

    async def invite(self, room: str, names: tuple[str, ...]) -> tuple[Agent, ...]:
        """Return an agent in ``room`` for each name; none is connected yet.

        Raises:
            BadAnswer: If the token is refused, or a name.
        """
        connection = Connection(self.address)
        try:
            return tuple([await self._invite(connection, room, n) for n in names])
        finally:
            connection.close_nowait()

    async def _invite(self, connection: Connection, room: str, name: str) -> Agent:
        body = {"name": name, "room": room}
        fields = {"X-Admin-Token": self.token}
        request = encode_request("POST", "/admin/invite", fields, body)
        answer = _expect(await connection.exchange(request), 200, 201)
        code = _INVITED.decode(answer.body).code
        fields = {"Authorization": f"Bearer {code}"}
        return Agent(name, room, Connection(self.address), fields)


async def is_healthy(address: Address, deadline_seconds: float = 1.0) -> bool:
    """Ask ``/health`` once, on a connection of its own."""
    connection = Connection(address)
    request = encode_request("GET", "/health", {})
    try:
        return (await connection.exchange(request, deadline_seconds)).status == 200
    except (OSError, BadAnswer, trio.TooSlowError, trio.BrokenResourceError):
        return False
    finally:
        connection.close_nowait()


def _expect(answer: Answer, *statuses: int) -> Answer:
    if answer.status not in statuses:
        body = answer.body[:120].decode(errors="replace")
        raise BadAnswer(f"status {answer.status}: {body}")
    return answer
