"""The fast path: agents' endpoints at the ASGI level, in front of Quart.

Dispatching a request through Quart costs several times what a poll itself does. The
requests that thousands of agents make all day are therefore matched here by method and
path and go straight to their endpoint functions; all others go on to Quart. Quart
serves the agents' endpoints too: `tests/web/test_fast_path.py` sends every request
both ways and compares the responses byte for byte, so that neither way can drift.

The checks of Host and Origin and the CORS rules are here for both ways, since a request
reaches Quart only through this app.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.system.values import frozen
from argybargy.web.access.services import Services
from argybargy.web.endpoints.agent_routes import (
    AGENT_ROUTES,
    JOIN_ROUTES,
    OPEN_ROUTES,
)
from argybargy.web.endpoints.dispatch import dispatch
from argybargy.web.endpoints.route import Route
from argybargy.web.errors import error_response
from argybargy.web.negotiation import asks_for_text
from argybargy.web.request import (
    ClientGoneError,
    Headers,
    Request,
    Response,
    read_headers,
)

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        HTTPScope,
        Scope,
    )

_MESSAGES: Final = "/messages/"
_MESSAGE: Final = "/messages/{seq}"
_PROBES: Final = frozenset({"/health", "/ready"})


@frozen
class Match:
    """A matched route, with the values of its placeholders."""

    route: Route
    params: Mapping[str, str]


@frozen
class RouteMatcher:
    """Index of the routes of agents and of anyone, by method and path.

    Routes below ``/messages/{seq}`` are indexed by the rest of the path after the seq,
    so that matching takes one or two dict look-ups and no regular expression.
    """

    _plain: Mapping[tuple[str, str], Match]
    _of_message: Mapping[tuple[str, str], Route]

    @classmethod
    def make(cls) -> "RouteMatcher":
        """Index all of these routes but the manifest's."""
        plain, of_message = {}, {}
        for route in (*OPEN_ROUTES, *JOIN_ROUTES, *AGENT_ROUTES):
            if route.path.startswith(_MESSAGE):
                of_message[route.method, route.path.removeprefix(_MESSAGE)] = route
            else:
                plain[route.method, route.path] = Match(route, {})
        return cls(plain, of_message)

    def match(self, method: str, path: str) -> Match | None:
        """Return the agents' route for a request; ``None`` if Quart has to serve it."""
        match = self._plain.get((method, path))
        if match is not None or not path.startswith(_MESSAGES):
            return match
        seq, slash, rest = path[len(_MESSAGES) :].partition("/")
        route = self._of_message.get((method, slash + rest))
        return Match(route, {"seq": seq}) if route is not None and seq else None


@frozen
class FastPath:
    """The outermost ASGI app: checks Host and Origin, and serves agents' endpoints.

    Attributes:
        services: Services of the endpoints.
        app: ASGI app for all other requests.
    """

    services: Services
    app: "ASGIFramework"
    _matcher: RouteMatcher = attrs.field(factory=RouteMatcher.make)

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        """Serve one request; pass the lifespan and the rest on to `app`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        try:
            headers = read_headers(list(scope["headers"]))
        except RelayError as refusal:
            as_text = asks_for_text(scope["query_string"], {})
            await send_response(send, self._refuse(refusal, as_text=as_text))
            return
        early = self._respond_early(method, path, headers, scope["query_string"])
        if early is not None:
            await send_response(send, early)
            return
        if b"origin" in headers:
            origin = self.services.cors.allows(headers, path)
            if origin is not None:
                send = self.services.cors.grant(send, origin)
        match = self._matcher.match(method, path)
        if match is None:
            await self.app(scope, receive, send)
            return
        request = _request(scope, headers, match, receive, self.services.limits)
        route = match.route
        # A poll parks in here for as long as it waits. What only served to make the
        # request is 1 KiB, which thousands of parked polls need not hold.
        del scope, headers, match
        try:
            response = await dispatch(self.services, route, request)
        except ClientGoneError:
            return
        await send_response(send, response)

    def _respond_early(
        self, method: str, path: str, headers: Headers, query: bytes
    ) -> Response | None:
        """Return the response to a refused request or a CORS preflight."""
        refusal = self._check_hosts(method, path, headers) or _check_path(method, path)
        if refusal is not None:
            return self._refuse(refusal, as_text=asks_for_text(query, headers))
        if b"origin" not in headers:
            return None
        return self.services.cors.preflight(method, headers, path)

    def _refuse(self, refusal: RelayError, *, as_text: bool) -> Response:
        self.services.metrics.note_refusal(refusal.problem)
        return error_response(refusal, as_text=as_text)

    def _check_hosts(
        self, method: str, path: str, headers: Headers
    ) -> RelayError | None:
        """Check the Host, and the Origin of requests that a page could abuse.

        Health checks are exempt: load balancers send any Host or none, and a page
        learns nothing from the response.
        """
        if method == "GET" and path in _PROBES:
            return None
        hosts = self.services.hosts
        host = headers.get(b"host", b"").decode("latin-1")
        if not hosts.allows(host):
            return RelayError(Problem.MISDIRECTED)
        origin = headers.get(b"origin")
        is_guarded = method != "GET" or path.startswith("/admin")
        if not is_guarded or origin is None:
            return None
        is_granted = self.services.cors.allows(headers, path) is not None
        if is_granted or hosts.allows_origin(origin.decode("latin-1"), host):
            return None
        return RelayError(Problem.ORIGIN_REFUSED)


def _check_path(method: str, path: str) -> RelayError | None:
    """Reject paths that Quart would route though the checks here saw another path.

    Werkzeug drops repeated slashes before a path, and Quart the scheme and host of an
    absolute URL. ``//admin/state`` would pass as a path outside ``/admin`` here and
    reach the operator's endpoint there.
    """
    is_plain = path[:1] == "/" and path[1:2] != "/"
    if is_plain or (path == "*" and method == "OPTIONS"):
        return None
    return RelayError(Problem.NO_SUCH_ROUTE)


def _request(
    scope: "HTTPScope",
    headers: Headers,
    match: Match,
    receive: "ASGIReceiveCallable",
    limits: Limits,
) -> Request:
    client = scope.get("client")

    async def read_body() -> bytes:
        return await read_whole_body(receive, headers, limits.body_bytes)

    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"],
        headers=headers,
        client=client[0] if client else "",
        params=match.params,
        read_body=read_body,
    )


async def read_whole_body(
    receive: "ASGIReceiveCallable", headers: Headers, limit_bytes: int
) -> bytes:
    """Receive a whole body.

    Raises:
        RelayError: ``body_too_large``; before anything is received, if
            Content-Length says so.
        ClientGoneError: The client disconnected before the body was complete.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise RelayError(Problem.BODY_TOO_LARGE, limit_bytes=limit_bytes)
    body = bytearray()
    while True:
        event: Any = await receive()
        if event["type"] != "http.request":
            raise ClientGoneError
        body += event.get("body", b"")
        if len(body) > limit_bytes:
            raise RelayError(Problem.BODY_TOO_LARGE, limit_bytes=limit_bytes)
        if not event.get("more_body", False):
            return bytes(body)


async def send_response(send: "ASGISendCallable", response: Response) -> None:
    """Send a response that is not streamed."""
    length = (b"content-length", str(len(response.body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [*response.headers, length],
        }
    )
    await send(
        {"type": "http.response.body", "body": response.body, "more_body": False}
    )
