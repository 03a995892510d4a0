"""Run an endpoint: authenticate, call its function, and render its errors."""

from collections.abc import Awaitable, Callable
from typing import cast

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.system.logs import get_logger
from argybargy.web.access.auth import admit_admin, require_agent
from argybargy.web.access.services import Services
from argybargy.web.endpoints.route import Caller, Route
from argybargy.web.errors import error_response, new_request_id
from argybargy.web.negotiation import check_format, response_form
from argybargy.web.request import ClientGoneError, Request, Response

log = get_logger(__name__)

OpenHandler = Callable[[Services, Request], Awaitable[Response]]
AgentHandler = Callable[[Services, CodeRecord, Request], Awaitable[Response]]


async def dispatch(services: Services, route: Route, request: Request) -> Response:
    """Run the endpoint of a route; errors and bugs become error responses.

    Authentication comes before anything of the body is read. A bug is logged with the
    request id that the response shows; its text stays in the log. Cancellation
    passes through, since it means that the client disconnected.

    Raises:
        ClientGoneError: The client disconnected within its body; nothing was done.
    """
    form = response_form(route, request)
    if form is not request.form:
        request = attrs.evolve(request, form=form)
    try:
        if route.caller is Caller.AGENT:
            code = require_agent(services, request, needs_room=not route.chooses_room)
            check_format(route, request)
            return await cast("AgentHandler", route.handler)(services, code, request)
        if route.caller is Caller.OPERATOR:
            operator = await admit_admin(services, request)
            request = attrs.evolve(request, operator=operator)
        check_format(route, request)
        return await cast("OpenHandler", route.handler)(services, request)
    except RelayError as refusal:
        services.metrics.note_refusal(refusal.problem)
        return error_response(refusal, as_text=request.wants_text)
    except ClientGoneError:
        raise
    except Exception:
        request_id = new_request_id()
        log.exception("request failed", route=route.path, request_id=request_id)
        services.metrics.note_refusal(Problem.INTERNAL)
        internal = RelayError(Problem.INTERNAL)
        return error_response(internal, request_id, as_text=request.wants_text)
