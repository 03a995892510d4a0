"""One request and its answer, as the app sees them: scope, receive and send."""

from collections.abc import Callable

import trio

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import Message, Scope
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_body import open_body
from argybargy.http.request_head import RequestHead
from argybargy.http.response import ResponseWriter
from argybargy.http.stream import NEVER, BufferedStream

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_DISCONNECT: Message = {"type": "http.disconnect"}
_ASGI = {"version": "3.0", "spec_version": "2.4"}


class ClientGoneError(OSError):
    """The client left before the answer; ASGI wants an OSError from ``send``."""


class Exchange:
    """One request and its answer.

    The app runs in the task of the connection. Its client is watched by the app
    itself if it asks for more after the whole body (Quart-Trio does, in a task of
    its own), else by a task of the server, and that only once the request turns
    out to be a slow one: most are answered before a watcher could be started.

    Attributes:
        answer: What was sent so far.
        is_running: Whether the app is at work on it.
    """

    __slots__ = (
        "_body",
        "_cancel",
        "_get_date",
        "_is_delivered",
        "_is_gone",
        "_is_waited_for",
        "_limits",
        "_must_continue",
        "_wants_more",
        "_watch_ended",
        "_watch_scope",
        "_wire",
        "answer",
        "is_running",
    )

    def __init__(
        self,
        wire: BufferedStream,
        head: RequestHead,
        limits: ConnectionLimits,
        *,
        get_date: Callable[[], bytes],
        wants_more: Callable[[], bool],
        cancel: Callable[[RelayError | None], None],
    ) -> None:
        self.answer = ResponseWriter(head.method, head.http_version)
        self.is_running = True
        self._wire = wire
        self._limits = limits
        self._body = open_body(head.content_length, limits)
        self._must_continue = head.is_expecting
        self._get_date = get_date
        self._wants_more = wants_more
        self._cancel = cancel
        self._is_delivered = False
        self._is_gone = False
        self._is_waited_for = False
        self._watch_scope: trio.CancelScope | None = None
        self._watch_ended: trio.Event | None = None

    # For the app.

    async def receive(self) -> Message:
        """Give the app the next ``http.request``, then ``http.disconnect``.

        Body bytes are read from the client only in here. A broken, late or too
        large body never reaches the app: the app is cancelled, and the client
        told.
        """
        if self._is_delivered or self._is_gone:
            return await self._receive_disconnect()
        try:
            part = await self._receive_part()
        except RelayError as error:
            self._cancel(error)
            part = None
        if part is None:
            return await self._receive_disconnect()
        self._is_delivered = self._body.is_whole
        return {
            "type": "http.request",
            "body": part,
            "more_body": not self._is_delivered,
        }

    async def send(self, message: Message) -> None:
        """Take a part of the answer from the app.

        Raises:
            ClientGoneError: The client left.
            AnswerError: The message does not fit what was sent before.
        """
        match message["type"]:
            case "http.response.body":
                await self._send_body(message)
            case "http.response.start":
                self.answer.start(message["status"], message.get("headers", ()))
            case _:
                pass  # extensions of ASGI that we did not offer

    async def _receive_part(self) -> bytes | None:
        """Wait for more of the body; None if the client leaves before its end."""
        part = self._take_part()
        while part is None:
            await self._say_continue()
            if not await self._wire.read_more():
                self._wire.read_by = NEVER
                self._is_gone = True
                return None
            part = self._take_part()
        return part

    def _take_part(self) -> bytes | None:
        """Take what was read of the body; None if more must be read first."""
        body, wire = self._body, self._wire
        part = b""
        if wire.pending and not body.is_whole:
            part, wire.pending = body.take(wire.pending)
        if self._body.is_whole:
            wire.read_by = NEVER
            return part
        if wire.read_by == NEVER:
            wire.read_by = trio.current_time() + self._limits.body_seconds
        return part or None

    async def _say_continue(self) -> None:
        if self._must_continue:
            self._must_continue = False
            if not self.answer.is_begun:
                await self._write(_CONTINUE)

    async def _receive_disconnect(self) -> Message:
        if self._is_gone:
            await trio.lowlevel.checkpoint()
        elif self._is_waited_for:
            # Whoever came first sees the end, and that ends this one as well.
            await trio.sleep_forever()
        else:
            await self._wait_gone()
        return _DISCONNECT

    async def _wait_gone(self) -> None:
        self._is_waited_for = True
        try:
            await self._wire.wait_gone(self._limits.read_ahead_bytes)
            self._is_gone = True
        finally:
            self._is_waited_for = False

    async def _send_body(self, message: Message) -> None:
        if self._is_gone:
            raise ClientGoneError("the client left")
        answer, more = self.answer, message.get("more_body", False)
        is_persistent, date = True, b""
        if answer.is_head_due:
            is_persistent, date = self._can_go_on(), self._get_date()
        data = answer.add(
            message.get("body", b""),
            more=more,
            is_persistent=is_persistent,
            date=date,
        )
        await self._write(data)
        if more:
            # An app that always has more to say must let others have their turn;
            # after the last part, the wait for the next request does.
            await trio.lowlevel.checkpoint()

    async def _write(self, data: bytes) -> None:
        try:
            await self._wire.write(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._is_gone = True
            raise ClientGoneError("the client left") from error

    def _can_go_on(self) -> bool:
        """Whether the next request can be told from the rest of this one.

        A body that the app did not read is skipped if it is here already.
        """
        if not self._wants_more():
            return False
        if not self._body.is_whole and not self._must_continue:
            self._skip_body()
        return self._body.is_whole

    def _skip_body(self) -> None:
        if self._wire.read_by != NEVER:
            return  # the app is reading it at this moment, in another task
        try:
            _, self._wire.pending = self._body.take(self._wire.pending)
        except RelayError:
            return  # it has no end that we could find: the connection closes
        self._is_delivered = self._body.is_whole

    # For the connection and the server.

    @property
    def is_gone(self) -> bool:
        """Whether the client was seen to leave."""
        return self._is_gone

    @property
    def is_watchable(self) -> bool:
        """Whether nothing but the client's end, or its next request, can come."""
        return self._body.is_whole

    def watch(self, nursery: trio.Nursery) -> None:
        """Cancel the request when its client leaves; a task of `nursery` waits."""
        if not self._is_waited_for and not self._is_gone:
            self._is_waited_for = True
            self._watch_scope = trio.CancelScope()
            nursery.start_soon(self._watch, self._watch_scope)

    async def _watch(self, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._wait_gone()
                self._cancel(None)
        finally:
            self._watch_scope = None
            if self._watch_ended is not None:
                self._watch_ended.set()

    async def finish(self) -> None:
        """Wait until nobody reads from the wire on behalf of this request."""
        if self._watch_scope is not None:
            self._watch_ended = trio.Event()
            self._watch_scope.cancel()
            await self._watch_ended.wait()


def make_scope(
    head: RequestHead,
    scheme: str,
    client: tuple[str, int] | None,
    server: tuple[str, int] | None,
) -> Scope:
    """Make the ASGI scope of a request."""
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": head.http_version,
        "method": head.method,
        "scheme": scheme,
        "path": head.path,
        "raw_path": head.raw_path,
        "query_string": head.query,
        "root_path": "",
        "headers": head.fields,
        "client": client,
        "server": server,
        "extensions": {},
    }
