"""The fast path and Quart send the same responses, byte for byte."""

from typing import Any

import pytest
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Caller, Route
from support.web_app import Reply, Site, open_site

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/health", {}),
    ("GET", "/ready", {}),
    ("GET", "/ready?format=text", {"headers": {"accept": "text/plain"}}),
    ("GET", "/join", {}),
    ("POST", "/join", {"json": {"invite": "argy_i1_nope", "name": "bob"}}),
    ("POST", "/join", {"json": {"invite": 5}}),
    ("POST", "/join", {"body": b"{not json"}),
    ("GET", "/whoami", {}),
    ("GET", "/whoami?format=text", {}),
    ("GET", "/whoami?format=xml", {}),
    ("GET", "/peers", {}),
    ("GET", "/resume", {}),
    ("GET", "/resume?format=text", {}),
    ("PUT", "/me", {"json": {"capabilities": ["SQL", "ci"], "status": "busy"}}),
    ("PUT", "/me", {"json": {"capabilities": ["a b"], "status": "\n"}}),
    ("PUT", "/me", {"json": {}}),
    ("PUT", "/me/wake", {"json": {"url": "http://elsewhere/"}}),
    ("PUT", "/me/wake", {"json": {"url": "elsewhere", "wake": "asks"}}),
    ("PUT", "/me/wake", {"json": {"url": "http://hook/", "wake": "often"}}),
    ("DELETE", "/me/wake", {}),
    ("GET", "/whoami", {}),
    ("GET", "/peers?can=sql", {}),
    ("GET", "/peers?can=sql&format=text", {}),
    ("GET", "/peers?can=no%20word", {}),
    ("POST", "/messages", {"json": {"text": "who can?", "to": "can:SQL"}}),
    ("POST", "/messages", {"json": {"text": "x", "expects_reply": "can:sql"}}),
    ("POST", "/messages?format=text", {"json": {"text": "x", "to": "can:cobol"}}),
    ("POST", "/messages", {"json": {"text": "héllo", "extra": 1}}),
    ("POST", "/messages", {"json": {"text": "who?", "expects_reply": "anyone"}}),
    ("POST", "/messages", {"json": {"text": "dm", "to": ["alice", "carol"]}}),
    ("POST", "/messages", {"json": {"text": ""}}),
    ("POST", "/messages", {"json": {"text": 5}}),
    ("POST", "/messages", {"json": {}}),
    ("POST", "/messages", {"body": b"{not json"}),
    ("POST", "/messages", {"body": b"{}", "headers": {"content-type": "text/xml"}}),
    (
        "POST",
        "/messages?to=alice&reply_to=1",
        {"body": b"plain", "headers": {"content-type": "text/plain; charset=utf-8"}},
    ),
    ("POST", "/messages", {"json": {"text": "x" * 70_000}}),
    ("POST", "/messages", {"json": {"text": "k"}, "headers": {"idempotency-key": "1"}}),
    ("POST", "/messages", {"json": {"text": "k"}, "headers": {"idempotency-key": "1"}}),
    ("POST", "/messages", {"json": {"text": "j"}, "headers": {"idempotency-key": "1"}}),
    ("POST", "/messages", {"json": {"text": "k"}, "headers": {"if-match": '"0"'}}),
    ("POST", "/messages", {"json": {"text": "k"}, "headers": {"if-match": "99"}}),
    ("POST", "/messages", {"json": {"text": "k"}, "headers": {"if-match": "*"}}),
    ("GET", "/messages?since=0", {}),
    ("GET", "/messages?since=resume", {}),
    ("GET", "/messages?since=next&digest=1&max_bytes=5", {}),
    ("GET", "/messages?since=0&wait=1&wake=asks&hold=0&settle=1", {}),
    ("GET", "/messages?since=0&wake=none&hold=x", {}),
    ("GET", "/messages?since=0&limit=1", {}),
    ("GET", "/messages?since=-1", {}),
    ("GET", "/messages?since=99", {}),
    ("GET", "/messages?since=3&wait=1", {}),
    ("GET", "/messages/1", {}),
    ("GET", "/messages/x", {}),
    ("GET", "/messages/99999999999999999999", {}),
    ("GET", "/messages/1?wait=1", {}),
    ("GET", "/messages/1?wait=x", {}),
    ("GET", "/messages/1?wait=1&format=text", {}),
    ("GET", "/messages/99?wait=1", {}),
    ("POST", "/ask", {"json": {"text": "now?", "to": "alice", "wait": 1, "x": 1}}),
    ("POST", "/ask", {"json": {"text": "now?", "expects_reply": "none"}}),
    ("POST", "/ask", {"json": {"text": "?", "wait": 1, "choices": ["a", "b"]}}),
    (
        "POST",
        "/ask?to=alice&wait=1&choices=a,b&format=text",
        {"body": b"plain?", "headers": {"content-type": "text/plain"}},
    ),
    ("POST", "/messages/1/claim", {}),
    ("POST", "/messages/1/claim", {"json": {"lease_seconds": 5}}),
    ("POST", "/messages/1/claim", {"json": {"lease_seconds": 0}}),
    ("DELETE", "/messages/1/claim", {}),
    ("POST", "/messages/99999999999999999999/claim", {}),
    ("DELETE", "/messages/1/question", {}),
    ("DELETE", "/messages/3/question", {"json": {"reason": 5}}),
    ("DELETE", "/messages/4/question?reason=found%20it", {}),
    ("DELETE", "/messages/4/question?format=text", {}),
    ("GET", "/history", {}),
    ("GET", "/history?limit=1", {}),
    ("GET", "/history?limit=0", {}),
    ("GET", "/history?before=2", {}),
    ("GET", "/search?q=who", {}),
    ("GET", "/search?q=%22h%C3%A9llo%22+from:bob&limit=1", {}),
    ("GET", "/search?q=", {}),
]


async def _prepare(site: Site) -> str:
    alice, bob = await site.code("alice"), await site.code("bob")
    await site.say(alice, "who can?", expects_reply="anyone")
    await site.say(alice, "only you", to="bob")
    return bob


async def _replies(door: str) -> list[Reply]:
    async with open_site() as site:
        code = await _prepare(site)
        client = getattr(site, door)
        return [await client.call(*call[:2], code=code, **call[2]) for call in CALLS]


async def test_the_fast_path_and_quart_send_the_same_bytes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    front, quart = await _replies("front"), await _replies("quart")
    for call, here, there in zip(CALLS, front, quart, strict=True):
        assert here.status == there.status, call
        assert here.without_request_id == there.without_request_id, call
        assert here.headers == there.headers, call
    assert len({reply.status for reply in front}) >= 6, "the calls are varied"


@pytest.mark.parametrize("door", ["front", "quart"])
@pytest.mark.parametrize("route", AGENT_ROUTES, ids=lambda route: route.name)
async def test_no_endpoint_of_agents_answers_without_a_code(
    autojump_clock: trio.testing.MockClock, door: str, route: Route
) -> None:
    async with open_site(Limits(auth_failures=1_000)) as site:
        client = getattr(site, door)
        path = route.path.replace("{seq}", "1")
        for headers in ({}, {"authorization": "Bearer nope"}, {"authorization": "é"}):
            reply = await client.call(route.method, path, headers=headers)
            assert reply.status == 401
            assert reply.error == "unauthorized"
            assert reply.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("door", ["front", "quart"])
@pytest.mark.parametrize(
    "route",
    [
        route
        for route in (*AGENT_ROUTES, *ADMIN_ROUTES)
        if route.caller is not Caller.ANYONE
    ],
    ids=lambda route: route.name,
)
async def test_no_body_is_received_before_authentication(
    autojump_clock: trio.testing.MockClock, door: str, route: Route
) -> None:
    """The server would otherwise send ``100 Continue`` to unauthenticated clients."""
    async with open_site() as site:
        client = getattr(site, door)
        path = route.path.replace("{seq}", "1").replace("{room}", "build")
        reply = await client.call(route.method, path, json={"text": "hi"})
        assert reply.status == 401
        assert client.reads == 0


@pytest.mark.parametrize("path", ["/nothing", "/admin/state"])
async def test_no_body_is_received_by_an_endpoint_without_one(
    autojump_clock: trio.testing.MockClock, path: str
) -> None:
    async with open_site() as site:
        assert (await site.front.call("PUT", path, json={})).status in {404, 405}
        assert site.front.reads == 0
