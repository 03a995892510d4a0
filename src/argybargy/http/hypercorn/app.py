"""Wrapper for the app under Hypercorn: body deadline, contained errors, disconnects."""

from functools import partial
from typing import Protocol

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App, Message, Receive, Scope, Send
from argybargy.http.isolation import isolate_errors, new_failure_id
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import Render


class Server(Protocol):
    """Server side of a request: limits, counters and the log."""

    limits: ConnectionLimits
    render: Render

    def note_refusal(self, problem: Problem) -> None:
        """Count a response that the server sent without the app."""
        ...

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log and count a contained exception."""
        ...


class DisconnectFilter:
    """Hides the disconnect that Hypercorn reports after a complete response.

    At that disconnect Quart-Trio cancels the request, and with it Hypercorn, which in
    the same task prepares the connection for the next request.
    """

    def __init__(self, app: App, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *_threads: object
    ) -> None:
        """Serve one request; send an error response if the app sends none."""
        request = _FilteredRequest(receive, send, self._server.limits.body_seconds)
        name = new_failure_id()
        report = partial(self._server.report, "app_failed", request_id=name)
        with isolate_errors(report), request.scope:
            await self._app(scope, request.receive, request.send)
        if request.is_started:
            return
        if request.is_late:
            await self._refuse(send, RelayError(Problem.REQUEST_TIMEOUT))
        else:
            await self._refuse(send, RelayError(Problem.INTERNAL, request_id=name))

    async def _refuse(self, send: Send, error: RelayError) -> None:
        self._server.note_refusal(error.problem)
        rendered = self._server.render(error)
        fields = [*rendered.fields, (b"connection", b"close")]
        start = {"status": error.problem.value.status, "headers": fields}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": rendered.body})


class _FilteredRequest:
    """``receive`` and ``send`` of one request, with a deadline for its body.

    Attributes:
        scope: Cancel scope around the app; cancelled when the body is late.
        is_started: Whether a response was begun.
        is_late: Whether the body missed its deadline.
    """

    def __init__(self, receive: Receive, send: Send, body_seconds: float) -> None:
        self.scope = trio.CancelScope()
        self.is_started = False
        self.is_late = False
        self._is_response_complete = False
        self._is_whole = False
        self._body_seconds = body_seconds
        self._body_by: float | None = None
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Return the next message, except a disconnect after the response."""
        if not self._is_whole:
            return await self._receive_body()
        message = await self._receive()
        if self._is_response_complete and message["type"] == "http.disconnect":
            await trio.sleep_forever()  # until Hypercorn ends the request
        return message

    async def _receive_body(self) -> Message:
        """Return a part of the body; cancel the app if the part is late."""
        if self._body_by is None:
            self._body_by = trio.current_time() + self._body_seconds
        with trio.move_on_at(self._body_by):
            message = await self._receive()
            self._is_whole = not message.get("more_body", False)
            return message
        self.is_late = True
        self.scope.cancel()
        return await trio.sleep_forever()

    async def send(self, message: Message) -> None:
        """Send a message, and record the progress of the response."""
        self.is_started = True
        if message["type"] == "http.response.body":
            self._is_response_complete = not message.get("more_body", False)
        await self._send(message)
