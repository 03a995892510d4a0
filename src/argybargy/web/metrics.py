"""``GET /metrics``: the relay in numbers, for the operator's Prometheus."""

from msgspec import Struct

from argybargy.web.auth import Services
from argybargy.web.request import NO_SCRIPTS, Answer, Request, page_answer


class MetricsPage(Struct, frozen=True):
    """No JSON: the text format of Prometheus, ``text/plain``, or OpenMetrics."""


async def metrics(services: Services, request: Request) -> Answer:
    """Show all numbers, in the format that the scraper prefers."""
    page, media_type = services.metrics.render(request.header(b"accept") or "")
    return page_answer(page, media_type, NO_SCRIPTS)
