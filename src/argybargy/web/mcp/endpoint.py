"""The ASGI app at ``/mcp``: authenticates, loads the SDK, and runs the tools."""

import importlib
import importlib.util
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from types import ModuleType
from typing import Final
from urllib.parse import urlencode

import attrs
import msgspec
import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from argybargy.domain.errors import Problem, RelayError
from argybargy.system.values import define, frozen
from argybargy.web.access.auth import require_agent
from argybargy.web.access.services import Services
from argybargy.web.endpoints.dispatch import dispatch
from argybargy.web.errors import error_response
from argybargy.web.fast_path import RouteMatcher, read_whole_body, send_response
from argybargy.web.mcp.tools import BY_NAME, ToolOutcome, ToolRequest
from argybargy.web.request import ClientGoneError, Headers, Request, read_headers

PATH: Final = "/mcp"
NO_NEWS: Final = "nothing new"
_SDK: Final = "argybargy.web.mcp.sdk"


@define(eq=False)
class SdkLoader:
    """Loads the SDK once, in a thread, when first needed.

    Its import takes seconds on a busy machine, and would stop every room on the event
    loop.
    """

    _module: ModuleType | None = None
    _lock: trio.Lock = attrs.field(factory=trio.Lock)

    async def load(self) -> ModuleType:
        """Return `argybargy.web.mcp.sdk`.

        Raises:
            RelayError: ``mcp_not_installed``.
        """
        async with self._lock:
            if self._module is None:
                if importlib.util.find_spec("mcp") is None:
                    raise RelayError(Problem.MCP_NOT_INSTALLED)
                # An import cannot be cancelled: a caller that has left waits for it.
                load = importlib.import_module
                self._module = await trio.to_thread.run_sync(load, _SDK)
            return self._module


@frozen
class McpEndpoint:
    """ASGI app that serves ``/mcp`` and passes on all other requests.

    Attributes:
        services: Services of the endpoints.
        app: ASGI app for all other requests.
    """

    services: Services
    app: ASGIFramework
    _sdk: SdkLoader = attrs.field(factory=SdkLoader)
    _matcher: RouteMatcher = attrs.field(factory=RouteMatcher.make)

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        except ClientGoneError:
            return
        except RelayError as refusal:
            self.services.metrics.note_refusal(refusal.problem)
            response = error_response(refusal)
            if refusal.problem is Problem.METHOD_NOT_ALLOWED:
                response = response.with_headers((b"allow", b"POST"))
            await send_response(send, response)

    async def _serve(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        headers = read_headers(list(scope["headers"]))
        caller = _Caller(self.services, self._matcher, headers, _client(scope))
        # As for a read, since a reader may use the tools that read. Each tool is a
        # request of its own, with its own check.
        reading = caller.request(ToolRequest("GET", PATH), {})
        require_agent(self.services, reading, needs_room=False)
        if scope["method"] != "POST":
            # A GET would open a stream that says nothing and never ends.
            raise RelayError(Problem.METHOD_NOT_ALLOWED)
        limit = self.services.limits.body_bytes
        body = await read_whole_body(receive, headers, limit)
        sdk = await self._sdk.load()
        await sdk.serve_request(caller.run_tool, scope, _replay(body), send, limit)


@frozen
class _Caller:
    """The agent that makes an MCP request, and its requests to the relay."""

    services: Services
    matcher: RouteMatcher
    headers: Headers
    client: str

    async def run_tool(self, name: str, arguments: Mapping[str, object]) -> ToolOutcome:
        """Run a tool. What it refuses is an answer too, for the model to read."""
        tool = BY_NAME.get(name)
        if tool is None:
            return ToolOutcome("error: there is no such tool", is_error=True)
        try:
            wanted = tool.request(arguments)
        except ValueError as error:
            return ToolOutcome(f"error: invalid_request: {error}", is_error=True)
        return await self._repeat(wanted)

    async def _repeat(self, wanted: ToolRequest) -> ToolOutcome:
        """Send a request; again while its answer is empty and there is time to wait.

        A poll can end early without news, so the number of requests has a limit too.
        """
        longest = self.services.limits.wait_seconds
        deadline = trio.current_time() + wanted.wait_seconds
        for _ in range(max(1, ceil(wanted.wait_seconds / longest))):
            left = max(0.0, deadline - trio.current_time())
            outcome = await self._send(wanted, min(left, longest))
            if outcome.text:
                return outcome
        return ToolOutcome(NO_NEWS)

    async def _send(self, wanted: ToolRequest, wait_seconds: float) -> ToolOutcome:
        wait = {"wait": f"{wait_seconds:.3f}"} if wanted.wait_seconds else {}
        match = self.matcher.match(wanted.method, wanted.path)
        assert match is not None, "a tool without a route"
        request = self.request(wanted, {**wanted.query, **wait, "format": "text"})
        request = attrs.evolve(request, params=match.params)
        response = await dispatch(self.services, match.route, request)
        text = response.body.decode().rstrip("\n")
        return ToolOutcome(text, is_error=response.status >= HTTPStatus.BAD_REQUEST)

    def request(self, wanted: ToolRequest, query: Mapping[str, str]) -> Request:
        """Return a request with the caller's credential."""
        body = b"" if wanted.body is None else msgspec.json.encode(wanted.body)

        async def read_body() -> bytes:
            return body

        credential = self.headers.get(b"authorization")
        return Request(
            method=wanted.method,
            path=wanted.path,
            query=urlencode(query).encode(),
            headers={} if credential is None else {b"authorization": credential},
            client=self.client,
            params={},
            read_body=read_body,
        )


def _client(scope: HTTPScope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _replay(body: bytes) -> ASGIReceiveCallable:
    """Return a receive channel with a body that has been received.

    It never reports a disconnect: the HTTP server cancels the request then.
    """
    is_received = False

    async def receive() -> ASGIReceiveEvent:
        nonlocal is_received
        if is_received:
            await trio.sleep_forever()
        is_received = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
