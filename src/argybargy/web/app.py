"""The ASGI app: Quart-Trio with every endpoint, behind the agents' fast path.

Here are the adapters between Quart and the values of :mod:`argybargy.web.request`. The
endpoints and their errors are the same functions that the fast path calls.
"""

from functools import lru_cache
from http import HTTPStatus
from importlib import resources
from typing import Final

import msgspec
from hypercorn.typing import ASGIFramework
from quart import Response as QuartResponse
from quart import request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.system.logs import get_logger
from argybargy.web import static
from argybargy.web.access.answer_links import PATH as ANSWER_PATH
from argybargy.web.access.services import Services
from argybargy.web.access_log import shown_path
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.description.openapi import openapi_json
from argybargy.web.endpoints import answer_page
from argybargy.web.endpoints.agent_routes import (
    AGENT_ROUTES,
    JOIN_ROUTES,
    OPEN_ROUTES,
)
from argybargy.web.endpoints.dispatch import OpenHandler, dispatch
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Route
from argybargy.web.errors import error_response, new_request_id
from argybargy.web.fast_path import FastPath
from argybargy.web.mcp.endpoint import McpEndpoint
from argybargy.web.negotiation import asks_for_text
from argybargy.web.quart_body import read_bodies_lazily
from argybargy.web.quart_rules import MatchingRule
from argybargy.web.request import (
    BARE_HEADERS,
    Request,
    Response,
    json_response,
    page_response,
    read_headers,
)

log = get_logger(__name__)

_ROUTES: Final = (
    *(MANIFEST_ROUTE, LLMS_ROUTE, *OPEN_ROUTES, *JOIN_ROUTES),
    *AGENT_ROUTES,
    *ADMIN_ROUTES,
)
_PROBLEMS: Final = {
    404: Problem.NO_SUCH_ROUTE,
    405: Problem.METHOD_NOT_ALLOWED,
    413: Problem.BODY_TOO_LARGE,
    414: Problem.URL_TOO_LONG,
    415: Problem.UNSUPPORTED_MEDIA_TYPE,
}
_DOCS_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DOCS_FILES: Final = {
    "/docs": ("index.html", b"text/html; charset=utf-8"),
    "/docs/docs.js": ("docs.js", b"text/javascript; charset=utf-8"),
    "/docs/docs.css": ("docs.css", b"text/css; charset=utf-8"),
}


def create_app(services: Services) -> ASGIFramework:
    """Return the whole ASGI app: the fast path, then MCP, then Quart."""
    return FastPath(services, create_rest(services))


def create_rest(services: Services) -> ASGIFramework:
    """Return the app behind the fast path: MCP, then Quart.

    It touches nothing that changes while the relay runs, so that a thread may build it.
    """
    return McpEndpoint(services, create_quart(services))


def create_quart(services: Services) -> QuartTrio:
    """Return the Quart app, which serves every endpoint, those of agents included."""
    app = QuartTrio(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = services.limits.body_bytes
    app.config["BODY_TIMEOUT"] = None  # the HTTP server has one, and sends 408
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.url_rule_class = MatchingRule
    read_bodies_lazily(app)
    if services.has_docs:
        _add_openapi(app, services)
        _add_docs(app)
    _add_dashboard(app)
    _add_answer_page(app, services)
    for route in _ROUTES:
        _add_route(app, services, route)
    _add_error_handlers(app, services)
    app.after_request(_complete_headers)
    return app


def _add_route(app: QuartTrio, services: Services, route: Route) -> None:
    async def view(**params: str) -> QuartResponse:
        try:
            own_request = _request(services, params)
        except RelayError as refusal:
            services.metrics.note_refusal(refusal.problem)
            return _quart_response(error_response(refusal, as_text=_wants_text()))
        return _quart_response(await dispatch(services, route, own_request))

    path = route.path.replace("{", "<").replace("}", ">")
    app.add_url_rule(path, f"{route.method} {path}", view, methods=[route.method])


def _request(services: Services, params: dict[str, str]) -> Request:
    """Convert Quart's current request."""
    limit = services.limits.body_bytes
    quart_request = request

    async def read_body() -> bytes:
        try:
            body = await quart_request.get_data(as_text=False)
        except RequestEntityTooLarge:
            raise RelayError(Problem.BODY_TOO_LARGE, limit_bytes=limit) from None
        assert isinstance(body, bytes)
        return body

    headers = read_headers(
        [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers.items()
        ]
    )
    return Request(
        method=request.method,
        path=request.path,
        query=request.query_string,
        headers=headers,
        client=request.remote_addr or "",
        params=params,
        read_body=read_body,
    )


def _wants_text() -> bool:
    """Tell whether Quart's current request prefers an error as text."""
    accept = request.headers.get("accept", "").encode("latin-1", "replace")
    return asks_for_text(request.query_string, {b"accept": accept})


def _quart_response(response: Response) -> QuartResponse:
    """Convert a response for Quart, with exactly the header fields that it has."""
    converted = QuartResponse(response.body, response.status)
    converted.headers.clear()
    converted.headers.extend(
        (name.decode(), value.decode("latin-1")) for name, value in response.headers
    )
    if response.status == HTTPStatus.NOT_MODIFIED:
        return converted  # Content-Length would mean the file, which is not sent
    if response.parts is None:
        converted.headers["content-length"] = str(len(response.body))
    else:
        converted.response = converted.iterable_body_class(response.parts())
        # Quart would cut a stream off after a minute; its endpoint ends it.
        converted.timeout = None
    return converted


async def _complete_headers(response: QuartResponse) -> QuartResponse:
    """Add the common header fields to responses that Quart made by itself."""
    for name, value in BARE_HEADERS:
        response.headers.setdefault(name.decode(), value.decode())
    return response


# -- the page of links in notifications --------------------------------------------


def _add_answer_page(app: QuartTrio, services: Services) -> None:
    path = f"{ANSWER_PATH}/<token>"
    for method, endpoint in (
        ("GET", answer_page.show_question),
        ("POST", answer_page.answer_question),
    ):

        async def view(token: str, endpoint: OpenHandler = endpoint) -> QuartResponse:
            own_request = _request(services, {"token": token})
            return _quart_response(await endpoint(services, own_request))

        app.add_url_rule(path, f"{method} {path}", view, methods=[method])


# -- errors ---------------------------------------------------------------------


def _add_error_handlers(app: QuartTrio, services: Services) -> None:
    facts: dict[Problem, dict[str, object]] = {
        Problem.BODY_TOO_LARGE: {"limit_bytes": services.limits.body_bytes}
    }

    async def refuse(error: HTTPException) -> QuartResponse:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        is_internal = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        default = Problem.INTERNAL if is_internal else Problem.MALFORMED
        problem = _PROBLEMS.get(status, default)
        services.metrics.note_refusal(problem)
        refusal = RelayError(problem, **facts.get(problem, {}))
        response = error_response(refusal, as_text=_wants_text())
        methods = getattr(error, "valid_methods", None)  # of a 405
        if methods:
            allow = ", ".join(sorted(methods)).encode()
            response = response.with_headers((b"allow", allow))
        return _quart_response(response)

    async def fail(error: Exception) -> QuartResponse:
        request_id, path = new_request_id(), shown_path(request.path)
        log.error("request failed", path=path, request_id=request_id, exc_info=error)
        services.metrics.note_refusal(Problem.INTERNAL)
        internal = RelayError(Problem.INTERNAL)
        response = error_response(internal, request_id, as_text=_wants_text())
        return _quart_response(response)

    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, fail)


# -- OpenAPI, and the page that shows it ------------------------------------------


@lru_cache(maxsize=4)  # a relay has one set of limits, its tests have a few
def _describe(limits: Limits) -> Response:
    """Return the OpenAPI document, encoded once: it changes only with the limits."""
    return json_response(msgspec.Raw(openapi_json(_ROUTES, limits)))


def _add_openapi(app: QuartTrio, services: Services) -> None:
    response = _describe(services.limits)

    async def openapi() -> QuartResponse:
        return _quart_response(response)

    app.add_url_rule("/openapi.json", "GET /openapi.json", openapi, methods=["GET"])


def _add_docs(app: QuartTrio) -> None:
    folder = resources.files("argybargy.web") / "docs_page"
    for path, (name, media_type) in _DOCS_FILES.items():
        content = (folder / name).read_bytes()
        response = page_response(content, media_type, _DOCS_POLICY)

        async def page(response: Response = response) -> QuartResponse:
            return _quart_response(response)

        app.add_url_rule(path, f"GET {path}", page, methods=["GET"])


# -- the dashboard ----------------------------------------------------------------


def _add_dashboard(app: QuartTrio) -> None:
    for path, file in static.load_files().items():

        async def serve(file: static.PageFile = file) -> QuartResponse:
            tags = request.headers.get("if-none-match", "")
            encodings = request.headers.get("accept-encoding", "")
            return _quart_response(file.respond(tags, encodings))

        app.add_url_rule(path, f"GET {path}", serve, methods=["GET"])
