"""One HTTP/1.1 connection: one Trio task from its first byte to its last.

Rules of this file:

- A request costs no task, no nursery and no cancel scope of its own. The one
  scope is the connection's; cancelling it is how a connection ends early, and
  `_last_word` is what is told to the client then, if it can still be told.
- Whoever ends a connection early calls `end`. Nobody else cancels.
- Between two requests the wire belongs to this task; while the app runs, to the
  exchange. `Exchange.finish` is where it comes back.
"""

from typing import Protocol

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App
from argybargy.http.exchange import ClientGoneError, Exchange, make_scope
from argybargy.http.isolation import isolate_errors, new_failure_id
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_head import HeadParser, RequestHead
from argybargy.http.response import Render, render_refusal
from argybargy.http.stream import NEVER, BufferedStream


class ConnectionOwner(Protocol):
    """What a connection needs from the server it belongs to."""

    app: App
    limits: ConnectionLimits
    render: Render
    is_draining: bool

    def note_request(self, connection: "Connection", exchange: Exchange) -> None:
        """Count a request, and have its client watched if it takes long."""
        ...

    def note_refusal(self, problem: Problem) -> None:
        """Count an answer that the app had no part in."""
        ...

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log a mishap."""
        ...

    def get_date(self) -> bytes:
        """Return the value of the Date field; empty for none."""
        ...


class Connection:
    """One client's connection."""

    __slots__ = (
        "_client",
        "_exchange",
        "_failure_id",
        "_host",
        "_is_waiting",
        "_last_word",
        "_method",
        "_parser",
        "_scheme",
        "_scope",
        "_server",
        "_wants_more",
        "wire",
    )

    def __init__(
        self,
        host: ConnectionOwner,
        stream: trio.abc.Stream,
        *,
        scheme: str = "http",
        client: tuple[str, int] | None = None,
        server: tuple[str, int] | None = None,
    ) -> None:
        self.wire = BufferedStream(stream, host.limits.write_seconds)
        self._host = host
        self._scheme = scheme
        self._client = client
        self._server = server
        self._scope = trio.CancelScope()
        self._parser = HeadParser(host.limits)
        self._exchange: Exchange | None = None
        self._last_word: RelayError | None = None
        self._method = ""
        self._failure_id: str | None = None
        self._is_waiting = True
        self._wants_more = True

    def __repr__(self) -> str:
        state = "waiting" if self._is_waiting else self._method or "reading"
        return f"<Connection of {self._client}: {state}>"

    # For the server.

    @property
    def is_waiting(self) -> bool:
        """Whether it is between requests, with no byte of the next one."""
        return self._is_waiting

    @property
    def is_owing(self) -> bool:
        """Whether the rest of a request is waited for, of its head or its body."""
        return self.wire.read_by != NEVER and not self._is_waiting

    def end(self, last_word: RelayError | None = None) -> None:
        """End it now; `last_word` is told if no answer was begun."""
        if not self._scope.cancel_called:
            self._last_word = last_word
            self._scope.cancel()

    def end_late(self, now: float) -> None:
        """End it because its client has let a deadline pass."""
        is_late = self.is_owing and now > self.wire.read_by
        self.end(RelayError(Problem.REQUEST_TIMEOUT) if is_late else None)

    async def run(self) -> None:
        """Serve requests until the client leaves or one of them ends it.

        Returns without closing the stream. What the app raises is contained.
        """
        try:
            with self._scope:
                await self._serve()
            if self._last_word is not None:
                await self._refuse(self._last_word)
        finally:
            self._parser.close()

    # The conversation.

    async def _serve(self) -> None:
        try:
            while self._wants_more and not self._host.is_draining:
                head = await self._next_head()
                if head is None or not await self._answer(head):
                    return
        except RelayError as error:
            self._last_word = error

    async def _next_head(self) -> RequestHead | None:
        """Read a request head; None if the client left instead."""
        wire, limits = self.wire, self._host.limits
        self._method = ""
        self._is_waiting = not wire.pending
        if self._is_waiting:
            wire.read_by = trio.current_time() + limits.idle_seconds
            if not await wire.read_more():
                return None
            self._is_waiting = False
        else:
            # Who sends many requests at once must let others have their turn.
            await trio.lowlevel.checkpoint()
        wire.read_by = NEVER
        while True:
            head, wire.pending = self._parser.feed(wire.pending)
            if head is not None:
                wire.read_by = NEVER
                return head
            if wire.read_by == NEVER:
                wire.read_by = trio.current_time() + limits.head_seconds
            if not await wire.read_more():
                return None

    async def _answer(self, head: RequestHead) -> bool:
        """Run the app on a request; return whether another may follow."""
        host = self._host
        self._method = head.method
        self._wants_more = head.is_persistent
        exchange = self._exchange = Exchange(
            self.wire,
            head,
            host.limits,
            get_date=host.get_date,
            wants_more=self._can_take_more,
            cancel=self.end,
        )
        host.note_request(self, exchange)
        scope = make_scope(head, self._scheme, self._client, self._server)
        try:
            await host.app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            with isolate_errors(self._report_app):
                raise error from None
        finally:
            exchange.is_running = False
        await exchange.finish()
        return await self._conclude(exchange)

    def _can_take_more(self) -> bool:
        return self._wants_more and not self._host.is_draining

    def _report_app(self, error: Exception) -> None:
        """Report what the app raised, unless it is that its client left."""
        others: BaseException | None = error
        if isinstance(error, ExceptionGroup):
            others = error.split(ClientGoneError)[1]
        elif isinstance(error, ClientGoneError):
            others = None
        if isinstance(others, Exception):
            self._failure_id = new_failure_id()
            self._host.report("app_failed", others, request_id=self._failure_id)

    async def _conclude(self, exchange: Exchange) -> bool:
        """See to the end of an answer that the app is done with."""
        answer = exchange.answer
        if exchange.is_gone or self.wire.is_mid_write:
            return False
        if answer.is_whole and answer.is_persistent:
            return True
        if answer.is_whole:
            if not exchange.is_watchable or self.wire.pending:
                await self._linger()
        elif not answer.is_begun:
            # Under the name by which the log has it, if the app has failed.
            self._last_word = RelayError(
                Problem.INTERNAL, request_id=self._failure_id or new_failure_id()
            )
        return False

    # The end of it.

    async def _refuse(self, error: RelayError) -> None:
        """Tell the client why its connection ends, if no answer was begun."""
        host = self._host
        exchange = self._exchange
        if self._method and exchange is not None and exchange.answer.is_begun:
            return
        host.note_refusal(error.problem)
        answer = render_refusal(error, host.render(error), host.get_date())
        if self._method == "HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        with trio.move_on_after(host.limits.write_seconds):
            try:
                await self.wire.stream.send_all(answer)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            await self._linger()

    async def _linger(self) -> None:
        limits = self._host.limits
        self.wire.read_by = NEVER
        try:
            await self.wire.linger(limits.linger_seconds, limits.linger_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # gone already: nothing is left to wait for
