"""Endpoint for scrapers, apart from the others because its package loads late."""

from msgspec import Struct

from argybargy.web.access.services import Services
from argybargy.web.exposition import render_metrics
from argybargy.web.request import NO_SCRIPTS, Request, Response, page_response


class MetricsPage(Struct, frozen=True):
    """Not JSON: metrics in Prometheus text format, ``text/plain``, or OpenMetrics."""


async def metrics(services: Services, request: Request) -> Response:
    """Return all metrics, in the format that the scraper prefers."""
    accept = request.header(b"accept") or ""
    page, media_type = render_metrics(services.metrics, accept)
    return page_response(page, media_type, NO_SCRIPTS)
