"""An app as Hypercorn should call it: not disturbed, and not kept waiting."""

from functools import partial
from typing import Protocol

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App, Message, Receive, Scope, Send
from argybargy.http.isolation import isolate_errors, new_failure_id
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import Render


class Server(Protocol):
    """What a request needs from the server it belongs to."""

    limits: ConnectionLimits
    render: Render

    def note_refusal(self, problem: Problem) -> None:
        """Count an answer that the app had no part in."""
        ...

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log a mishap."""
        ...


class DisconnectFilter:
    """An app that is not told of a disconnect when its answer is complete.

    Hypercorn calls it as it calls its own wrapper of an app.
    """

    def __init__(self, app: App, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *_threads: object
    ) -> None:
        """Serve one request; an app without an answer is given one."""
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
    """The two callables of one request, and the deadline of its body.

    Attributes:
        scope: Of the app; cancelled when the body is late.
        is_started: Whether an answer was begun.
        is_late: Whether the body did not arrive in time.
    """

    def __init__(self, receive: Receive, send: Send, body_seconds: float) -> None:
        self.scope = trio.CancelScope()
        self.is_started = False
        self.is_late = False
        self._is_answered = False
        self._is_whole = False
        self._body_seconds = body_seconds
        self._body_by: float | None = None
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """Pass on what comes, except for a disconnect after the answer."""
        if not self._is_whole:
            return await self._receive_body()
        message = await self._receive()
        if self._is_answered and message["type"] == "http.disconnect":
            await trio.sleep_forever()
        return message

    async def _receive_body(self) -> Message:
        """Pass on a part of the body; one that is late ends the app instead."""
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
        """Pass it on, and note how far the answer is."""
        self.is_started = True
        if message["type"] == "http.response.body":
            self._is_answered = not message.get("more_body", False)
        await self._send(message)
