"""Every endpoint for agents counts toward a limit of the peer that repeats it."""

from typing import Final

import attrs
import pytest
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES
from support.web_app import Site, open_site

LIMITS: Final = Limits(posts_per_window=6, reads_per_window=6, claims_per_window=6)
ENOUGH: Final = 9
"""More requests than any of these limits allows; a search counts as several reads."""


@attrs.frozen
class Repeated:
    """A request that an agent can repeat without waiting.

    Attributes:
        target: Path and query.
        body: The JSON body, if there is one.
        headers: Further header fields.
    """

    target: str
    body: dict[str, object] | None = None
    headers: dict[str, str] = attrs.field(factory=dict)


REPEATED: Final = {
    "GET /peers": [Repeated("/peers")],
    "GET /resume": [Repeated("/resume")],
    "PUT /me/wake": [Repeated("/me/wake", {"url": "http://hook/"})],
    "DELETE /me/wake": [Repeated("/me/wake")],
    "PUT /me": [Repeated("/me", {"status": "busy"})],
    "POST /messages": [
        Repeated("/messages", {"text": "hello"}),
        Repeated("/messages?format=json", {"text": "hello"}, {"if-match": '"0"'}),
    ],
    "GET /messages": [
        Repeated("/messages"),
        Repeated("/messages?since=resume"),
        Repeated("/messages?since=0&wait=25"),
        Repeated("/messages?since=0&wait=25&wake=all&settle=0"),
        Repeated("/messages?since=0&wait=25&digest=1"),
        Repeated("/messages?since=0&wait=25&max_bytes=1000"),
        Repeated("/messages?since=0&format=text"),
    ],
    "POST /ask": [Repeated("/ask", {"text": "hello?", "to": "alice", "wait": 0})],
    "GET /messages/{seq}": [
        Repeated("/messages/1"),
        Repeated("/messages/1?wait=0.5"),
        Repeated("/messages/77?wait=25"),
    ],
    "POST /messages/{seq}/claim": [Repeated("/messages/1/claim", {})],
    "DELETE /messages/{seq}/claim": [Repeated("/messages/1/claim")],
    "DELETE /messages/{seq}/question": [Repeated("/messages/1/question")],
    "GET /history": [Repeated("/history"), Repeated("/history?before=1")],
    "GET /search": [Repeated("/search?q=hello"), Repeated("/search?q=is:open")],
}
UNLIMITED: Final = {
    "GET /whoami": "answers from the access code alone, without room or store",
}
"""Endpoints without a limit, each with the reason."""


def test_every_agent_endpoint_is_in_the_table() -> None:
    names = {f"{route.method} {route.path}" for route in AGENT_ROUTES}
    assert names == REPEATED.keys() | UNLIMITED.keys()


@pytest.mark.parametrize(
    ("route", "request_"),
    [(route, each) for route, found in REPEATED.items() for each in found],
    ids=lambda value: value.target if isinstance(value, Repeated) else value.split()[0],
)
async def test_a_repeated_request_is_refused_in_the_end(
    autojump_clock: trio.testing.MockClock, route: str, request_: Repeated
) -> None:
    async with open_site(LIMITS) as site:
        alice, eve = await site.code("alice"), await site.code("eve")
        await site.say(alice, "hello?", expects_reply="anyone")
        statuses = [await _send(site, route, request_, eve) for _ in range(ENOUGH)]
        assert 429 in statuses
        assert await _send(site, "GET /peers", Repeated("/peers"), alice) == 200


async def _send(site: Site, route: str, request_: Repeated, code: str) -> int:
    method = route.split(maxsplit=1)[0]
    reply = await site.front.call(
        method, request_.target, code=code, json=request_.body, headers=request_.headers
    )
    return reply.status
