"""Endpoints for monitoring: health and readiness."""

from typing import Any, Final

from argybargy import __version__
from argybargy.domain.errors import Problem, RelayError
from argybargy.store.errors import Corrupt, StoreError
from argybargy.web.access.services import Services
from argybargy.web.codec.decode import parse_query
from argybargy.web.codec.relay_bodies import HealthBody, ReadyBody
from argybargy.web.request import Request, Response, json_response

STORAGE: Final = "storage"
ANY_STORAGE: Final = "any"
_LOST: Final = "The database is damaged or was removed. The relay is shutting down."
"""Without the path, which is in the log: this endpoint needs no credentials."""


async def health(services: Services, request: Request) -> Response:
    """Report that the process is alive."""
    return json_response(HealthBody("ok", __version__))


async def ready(services: Services, request: Request) -> Response:
    """Report whether the relay can store messages, by a real write.

    With ``storage=any``, as a balancer asks, only whether it takes requests: if a store
    that several relays share is away, a relay that answers 503 with ``Retry-After`` is
    better than a balancer with nobody to ask.

    Raises:
        RelayError: ``draining``; ``storage_unavailable``; ``invalid_request``.
    """
    needs_storage = _needs_storage(request)
    relay, info = services.relay, services.relay.store.info
    facts: dict[str, Any] = {
        "engine": info.engine,
        "schema": info.schema,
        "durability": info.durability,
        "draining": relay.is_draining,
    }
    if relay.is_draining:
        raise RelayError(Problem.DRAINING, retry_after=1, **facts)
    try:
        await relay.readiness.check(needs_write=needs_storage)
    except Corrupt:
        raise RelayError(
            Problem.STORAGE_UNAVAILABLE, retry_after=1, reason=_LOST, **facts
        ) from None
    except StoreError:
        raise RelayError(Problem.STORAGE_UNAVAILABLE, retry_after=1, **facts) from None
    return json_response(ReadyBody(status="ready", version=__version__, **facts))


def _needs_storage(request: Request) -> bool:
    """Return whether a probe asks for the store, too.

    Raises:
        RelayError: ``invalid_request``.
    """
    found = parse_query(request).get(STORAGE)
    if found is not None and found[-1] != ANY_STORAGE:
        raise RelayError.invalid(STORAGE, f"'{ANY_STORAGE}', or left out")
    return found is None
