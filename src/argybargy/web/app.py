"""The Quart-Trio app: every endpoint, the API's description, and the errors."""

from collections.abc import Sequence
from http import HTTPStatus
from importlib import resources
from typing import Final

import structlog
from hypercorn.typing import ASGIFramework
from quart import Response as QuartResponse
from quart import request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from argybargy.domain.errors import Problem, RelayError
from argybargy.web import static
from argybargy.web.access.services import Services
from argybargy.web.access_log import shown_path
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.description.openapi import openapi_json
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.dispatch import respond
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Route
from argybargy.web.errors import error_response, new_request_id
from argybargy.web.fast_path import FastPath
from argybargy.web.quart_body import read_bodies_late
from argybargy.web.request import (
    BARE_HEADERS,
    Request,
    Response,
    json_response,
    page_response,
    read_headers,
)

log = structlog.get_logger(__name__)

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
    """Return the whole ASGI app: the lane, and Quart behind it."""
    return FastPath(services, create_quart(services))


def create_quart(services: Services) -> QuartTrio:
    """Return the Quart app alone, which serves every endpoint."""
    app = QuartTrio(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = services.limits.body_bytes
    app.config["BODY_TIMEOUT"] = None  # the connection has one, and answers 408
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    read_bodies_late(app)
    open_routes = (MANIFEST_ROUTE, LLMS_ROUTE, *OPEN_ROUTES)
    routes = (*open_routes, *AGENT_ROUTES, *ADMIN_ROUTES)
    if services.has_docs:
        _add_description(app, services, routes)
        _add_docs(app)
    _add_dashboard(app)
    for route in routes:
        _add(app, services, route)
    _add_error_handlers(app, services)
    app.after_request(_complete_headers)
    return app


def _add(app: QuartTrio, services: Services, route: Route) -> None:
    async def view(**params: str) -> QuartResponse:
        try:
            asked = _request(services, params)
        except RelayError as refusal:
            services.metrics.note_refusal(refusal.problem)
            return _response(error_response(refusal))
        return _response(await respond(services, route, asked))

    path = route.path.replace("{", "<").replace("}", ">")
    app.add_url_rule(path, f"{route.method} {path}", view, methods=[route.method])


def _request(services: Services, params: dict[str, str]) -> Request:
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


def _response(answer: Response) -> QuartResponse:
    headers = [
        (name.decode(), value.decode("latin-1")) for name, value in answer.headers
    ]
    response = QuartResponse(answer.body, answer.status)
    response.headers.clear()
    response.headers.extend(headers)
    if answer.status == HTTPStatus.NOT_MODIFIED:
        return response  # a length would be that of the file, which is not sent
    if answer.parts is None:
        response.headers["content-length"] = str(len(answer.body))
    else:
        response.response = response.iterable_body_class(answer.parts())
        response.timeout = None  # it ends when its endpoint ends it
    return response


async def _complete_headers(response: QuartResponse) -> QuartResponse:
    for name, value in BARE_HEADERS:
        response.headers.setdefault(name.decode(), value.decode())
    return response


# -- errors ---------------------------------------------------------------------


def _add_error_handlers(app: QuartTrio, services: Services) -> None:
    facts: dict[Problem, dict[str, object]] = {
        Problem.BODY_TOO_LARGE: {"limit_bytes": services.limits.body_bytes}
    }

    async def refuse(error: HTTPException) -> QuartResponse:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        default = Problem.INTERNAL if is_ours else Problem.MALFORMED
        problem = _PROBLEMS.get(status, default)
        services.metrics.note_refusal(problem)
        answer = error_response(RelayError(problem, **facts.get(problem, {})))
        allow = getattr(error, "valid_methods", None)
        if allow:
            answer = answer.with_headers((b"allow", ", ".join(sorted(allow)).encode()))
        return _response(answer)

    async def fail(error: Exception) -> QuartResponse:
        name, path = new_request_id(), shown_path(request.path)
        log.error("request failed", path=path, request_id=name, exc_info=error)
        services.metrics.note_refusal(Problem.INTERNAL)
        return _response(error_response(RelayError(Problem.INTERNAL), name))

    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(Exception, fail)


# -- the API's description --------------------------------------------------------


def _add_description(
    app: QuartTrio, services: Services, routes: Sequence[Route]
) -> None:
    answer = json_response(openapi_json(routes, services.limits))

    async def openapi() -> QuartResponse:
        return _response(answer)

    app.add_url_rule("/openapi.json", "GET /openapi.json", openapi, methods=["GET"])


def _add_docs(app: QuartTrio) -> None:
    folder = resources.files("argybargy.web") / "docs_page"
    for path, (name, media_type) in _DOCS_FILES.items():
        content = (folder / name).read_bytes()
        answer = page_response(content, media_type, _DOCS_POLICY)

        async def page(answer: Response = answer) -> QuartResponse:
            return _response(answer)

        app.add_url_rule(path, f"GET {path}", page, methods=["GET"])


# -- the dashboard ----------------------------------------------------------------


def _add_dashboard(app: QuartTrio) -> None:
    for path, file in static.load_files().items():

        async def serve(file: static.PageFile = file) -> QuartResponse:
            fields = request.headers
            known = fields.get("if-none-match", "")
            return _response(file.answer(known, fields.get("accept-encoding", "")))

        app.add_url_rule(path, f"GET {path}", serve, methods=["GET"])
