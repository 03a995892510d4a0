"""From a request to an answer, for every endpoint and through every door."""

from collections.abc import Awaitable, Callable
from typing import cast

import attrs
import structlog

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.web.access.auth import require_admin, require_agent
from argybargy.web.access.services import Services
from argybargy.web.endpoints.route import Route, Who
from argybargy.web.errors import error_response, new_request_id
from argybargy.web.request import ClientGoneError, Request, Response

log = structlog.get_logger(__name__)

OpenHandler = Callable[[Services, Request], Awaitable[Response]]
AgentHandler = Callable[[Services, CodeRecord, Request], Awaitable[Response]]


async def respond(services: Services, route: Route, request: Request) -> Response:
    """Answer a request; whatever goes wrong becomes an answer too.

    The caller is known before anything of the body is read. A bug is logged under
    the name that the answer gives it, and nothing of it is shown. Cancellation
    passes through: the client is gone.

    Raises:
        ClientGoneError: The client left within its body; nothing was done.
    """
    try:
        if route.who is Who.AGENT:
            code = require_agent(services, request)
            return await cast("AgentHandler", route.handler)(services, code, request)
        if route.who is Who.OPERATOR:
            operator = require_admin(services, request)
            request = attrs.evolve(request, operator=operator)
        return await cast("OpenHandler", route.handler)(services, request)
    except RelayError as refusal:
        services.metrics.note_refusal(refusal.problem)
        return error_response(refusal)
    except ClientGoneError:
        raise
    except Exception:
        request_id = new_request_id()
        log.exception("request failed", route=route.path, request_id=request_id)
        services.metrics.note_refusal(Problem.INTERNAL)
        return error_response(RelayError(Problem.INTERNAL), request_id)
