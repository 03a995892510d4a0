"""Endpoints for monitoring: health, readiness and metrics."""

from typing import Final

import attrs
import msgspec
from msgspec import Struct

from argybargy import __version__
from argybargy.domain.errors import Problem, RelayError
from argybargy.store.errors import Corrupt, StoreError
from argybargy.web.access.services import Services
from argybargy.web.codec.bodies import HealthBody, ReadyBody
from argybargy.web.request import (
    NO_SCRIPTS,
    Request,
    Response,
    json_response,
    page_response,
)

_LOST: Final = "What is stored is damaged or was taken away. The relay ends."
"""Without the path, which is in the log: anybody may ask."""


async def health(services: Services, request: Request) -> Response:
    """Say that the process is alive."""
    return json_response(msgspec.json.encode(HealthBody("ok", __version__)))


async def ready(services: Services, request: Request) -> Response:
    """Say whether the relay can store what it is sent, by storing something."""
    relay, info = services.relay, services.relay.store.info
    facts = attrs.asdict(info) | {"draining": relay.is_draining}
    if relay.is_draining:
        raise RelayError(Problem.DRAINING, retry_after=1, **facts)
    try:
        await relay.readiness.check()
    except Corrupt:
        raise RelayError(
            Problem.STORAGE_UNAVAILABLE, retry_after=1, reason=_LOST, **facts
        ) from None
    except StoreError:
        raise RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=1, **facts) from None
    body = ReadyBody(status="ready", version=__version__, **facts)
    return json_response(msgspec.json.encode(body))


class MetricsPage(Struct, frozen=True):
    """No JSON: the text format of Prometheus, ``text/plain``, or OpenMetrics."""


async def metrics(services: Services, request: Request) -> Response:
    """Show all numbers, in the format that the scraper prefers."""
    page, media_type = services.metrics.render(request.header(b"accept") or "")
    return page_response(page, media_type, NO_SCRIPTS)
