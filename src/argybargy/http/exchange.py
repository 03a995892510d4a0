"""HTTP exchange: one request and its response, as ASGI ``receive`` and ``send``.

Three tasks may meet here: the connection's, which runs the app; one of the app's own,
which may wait in ``receive`` for a disconnect (Quart-Trio starts one per request); and
a watcher of the server, which exists only for slow requests over TLS or on a system
without epoll: the `HangupWatch` sees to all others, and reads nothing. At most one of
them reads from the stream at a time: the app until the end of the body, then the first
one to ask for the disconnect. `_ClientWatch` says which.
"""

import enum
from collections.abc import Callable
from typing import Protocol

import trio

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import Message, Scope
from argybargy.http.hangups import HangupWatch
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_body import open_body
from argybargy.http.request_head import RequestHead
from argybargy.http.response import ResponseWriter
from argybargy.http.stream import NEVER, BufferedStream, ClientGoneError

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_DISCONNECT: Message = {"type": "http.disconnect"}
_ASGI = {"version": "3.0", "spec_version": "2.4"}


class ExchangeOwner(Protocol):
    """Server side of an exchange."""

    limits: ConnectionLimits
    is_draining: bool

    def get_date(self) -> bytes:
        """Return the value of the ``Date`` field; empty to leave the field out."""
        ...


class _ClientWatch(enum.Enum):
    """State of the watch for the client's end of the connection."""

    UNWATCHED = enum.auto()
    WATCHED = enum.auto()
    """A task reads ahead to notice the client's end, or a `HangupWatch` tells of it."""
    GONE = enum.auto()
    """The client has closed its side, or the connection broke."""


class Exchange:
    """One request and its response.

    The app runs in the task of the connection. A client that leaves is noticed by
    the app itself if it waits in ``receive`` after the whole body, else by a task
    of the server, which `watch` starts only once the request proves slow: most
    requests end before a watcher could start.

    Attributes:
        method: Request method in upper case.
        response: Response so far.
        is_running: Whether the app still handles the request.
    """

    __slots__ = (
        "_body",
        "_client",
        "_end_connection",
        "_hangups",
        "_is_body_delivered",
        "_is_persistent",
        "_must_continue",
        "_owner",
        "_stream",
        "_watch_ended",
        "_watch_scope",
        "is_running",
        "method",
        "response",
    )

    def __init__(
        self,
        stream: BufferedStream,
        head: RequestHead,
        owner: ExchangeOwner,
        *,
        end_connection: Callable[[RelayError | None], None],
    ) -> None:
        self.method = head.method
        self.response = ResponseWriter(head.method, head.http_version)
        self.is_running = True
        self._stream = stream
        self._owner = owner
        self._end_connection = end_connection
        self._body = open_body(head.content_length, owner.limits)
        self._is_body_delivered = False
        self._is_persistent = head.is_persistent
        self._must_continue = head.is_expecting
        self._client = _ClientWatch.UNWATCHED
        self._hangups: tuple[HangupWatch, int] | None = None
        self._watch_scope: trio.CancelScope | None = None
        self._watch_ended: trio.Event | None = None

    # ASGI.

    async def receive(self) -> Message:
        """Return the next ``http.request``, then wait for ``http.disconnect``.

        The body is read from the client only in here, so that an app that reads
        slowly slows the client down. A malformed, late or oversized body never
        reaches the app: the connection is cancelled, the app with it, and the
        client gets the refusal.
        """
        if self._is_body_delivered or self.is_client_gone:
            return await self._receive_disconnect()
        try:
            part = await self._receive_part()
        except RelayError as error:
            # Not raised into the app, which could catch it and answer in its own
            # way. The wait below ends with the cancellation.
            self._end_connection(error)
            part = None
        if part is None:
            return await self._receive_disconnect()
        self._is_body_delivered = self._body.is_whole
        return {
            "type": "http.request",
            "body": part,
            "more_body": not self._is_body_delivered,
        }

    async def send(self, message: Message) -> None:
        """Accept ``http.response.start`` or ``http.response.body``.

        Blocks while the client does not read. The head is sent with the first part
        of the body.

        Raises:
            ClientGoneError: The client left.
            ResponseError: The message breaks the rules of ASGI or HTTP.
        """
        match message["type"]:
            case "http.response.body":
                await self._send_body(message)
            case "http.response.start":
                self.response.start(message["status"], message.get("headers", ()))
            case _:
                pass  # an ASGI extension that the scope did not offer

    async def _receive_part(self) -> bytes | None:
        """Wait for a part of the body; None if the client left before its end."""
        part = self._take_part()
        while part is None:
            await self._send_continue()
            if not await self._stream.read_more():
                self._stream.read_by = NEVER
                self._client = _ClientWatch.GONE
                return None
            part = self._take_part()
        return part

    def _take_part(self) -> bytes | None:
        """Take buffered bytes of the body; None if more must be read first."""
        body, stream = self._body, self._stream
        part = b""
        if stream.pending and not body.is_whole:
            part, stream.pending = body.take(stream.pending)
        if body.is_whole:
            stream.read_by = NEVER
            return part
        # One deadline for the whole body, from the app's first read of it: an app
        # that waits before it reads does not use up the client's time.
        if stream.read_by == NEVER:
            stream.read_by = trio.current_time() + self._owner.limits.body_seconds
        return part or None

    async def _send_continue(self) -> None:
        """Send ``100 Continue`` once, if the client waits for it (RFC 9110, 10.1.1)."""
        if self._must_continue:
            self._must_continue = False
            if not self.response.is_begun:
                await self._write(_CONTINUE)

    async def _receive_disconnect(self) -> Message:
        match self._client:
            case _ClientWatch.GONE:
                # An app that calls `receive` in a loop must still yield.
                await trio.lowlevel.checkpoint()
            case _ClientWatch.WATCHED:
                # Two tasks must not read from one stream. The watcher cancels the
                # connection when the client leaves, and this wait with it.
                await trio.sleep_forever()
            case _ClientWatch.UNWATCHED:
                await self._wait_gone()
        return _DISCONNECT

    async def _wait_gone(self) -> None:
        """Wait until the client leaves, as the only task that reads the stream."""
        self._client = _ClientWatch.WATCHED
        try:
            await self._stream.wait_gone(self._owner.limits.read_ahead_bytes)
            self._client = _ClientWatch.GONE
        finally:
            # Cancelled: the next caller may watch. If a failed write has meanwhile
            # found the client gone, that result stays.
            if self._client is _ClientWatch.WATCHED:
                self._client = _ClientWatch.UNWATCHED

    async def _send_body(self, message: Message) -> None:
        if self.is_client_gone:
            raise ClientGoneError("the client left")
        response, more = self.response, message.get("more_body", False)
        is_persistent, date = True, b""
        if response.is_head_due:
            is_persistent, date = self._is_reusable(), self._owner.get_date()
        data = response.add(
            message.get("body", b""),
            more=more,
            is_persistent=is_persistent,
            date=date,
        )
        await self._write(data)
        if more:
            # `write` is no checkpoint while the socket accepts everything, so that
            # an app that streams without end would starve all other tasks. After
            # the last part, the read of the next request is the checkpoint.
            await trio.lowlevel.checkpoint()

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.write(data)
        except ClientGoneError:
            self._client = _ClientWatch.GONE
            raise

    def _is_reusable(self) -> bool:
        """Decide whether the connection can carry another request after this one.

        Not if the server drains, the client wants to close, or part of the request
        body may still arrive and would be taken for the next request. A body that
        the app did not read is skipped if it is buffered already.
        """
        if not self._is_persistent or self._owner.is_draining:
            return False
        if not self._body.is_whole and not self._must_continue:
            self._skip_body()
        return self._body.is_whole

    def _skip_body(self) -> None:
        if self._stream.read_by != NEVER:
            return  # another task of the app is reading the body right now
        try:
            _, self._stream.pending = self._body.take(self._stream.pending)
        except RelayError:
            return  # malformed, so that its end cannot be found: close instead
        self._is_body_delivered = self._body.is_whole

    # Called by the connection and the server.

    @property
    def is_client_gone(self) -> bool:
        """Whether the client was seen to leave."""
        return self._client is _ClientWatch.GONE

    @property
    def is_body_complete(self) -> bool:
        """Whether the whole request body was read.

        From then on a read finds the client's end, or bytes of its next request.
        """
        return self._body.is_whole

    def watch(self, nursery: trio.Nursery, hangups: HangupWatch | None) -> None:
        """End the connection when the client leaves.

        Does nothing if a task watches already. Call it only once the body is
        complete: before, the app reads from the stream.

        Args:
            nursery: Runs a task for a stream that `hangups` cannot watch.
            hangups: Watches plain sockets; None on a system without epoll.
        """
        if self._client is not _ClientWatch.UNWATCHED:
            return
        # Set here and not in the task: the app may call `receive` before the task has
        # run for the first time.
        self._client = _ClientWatch.WATCHED
        descriptor = self._stream.descriptor
        if hangups is None or descriptor is None:
            has_place = False
        else:
            has_place = hangups.add(descriptor, self._end_gone)
            self._hangups = (hangups, descriptor) if has_place else None
        if not has_place:
            self._watch_scope = trio.CancelScope()
            nursery.start_soon(self._watch, self._watch_scope)

    def _end_gone(self) -> None:
        self._client = _ClientWatch.GONE
        self._end_connection(None)

    def unwatch(self) -> None:
        """Leave the `HangupWatch`, before the socket is used again or closed."""
        if self._hangups is not None:
            hangups, descriptor = self._hangups
            self._hangups = None
            hangups.remove(descriptor)

    async def _watch(self, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._wait_gone()
                self._end_connection(None)
        finally:
            self._watch_scope = None
            if self._watch_ended is not None:
                self._watch_ended.set()

    async def finish(self) -> None:
        """Stop the watcher, and wait until it has left the stream.

        A cancelled task stops at its next run and not at once. If the connection
        read its next request before that, two tasks would read from one stream.
        """
        if self._watch_scope is not None:
            self._watch_ended = trio.Event()
            self._watch_scope.cancel()
            # No deadline: the watcher does nothing after it is cancelled.
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
