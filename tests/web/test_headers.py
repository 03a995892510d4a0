"""Security headers on every response, errors included."""

import pytest
import trio.testing

from argybargy.web.access.cors import CorsRule
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, JOIN_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from support.web_app import TOKEN, Reply, open_site

PATHS = sorted(
    {
        (route.method, route.path.replace("{seq}", "1").replace("{room}", "build"))
        for route in (*OPEN_ROUTES, *JOIN_ROUTES, *AGENT_ROUTES, *ADMIN_ROUTES)
    }
)


def check(reply: Reply) -> None:
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["cache-control"] == "no-store"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *PATHS,
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "//nothing"),
        ("PUT", "/"),
        ("OPTIONS", "/messages"),
        ("HEAD", "/health"),
    ],
)
@pytest.mark.parametrize("door", ["front", "quart"])
async def test_every_response_has_the_security_headers(
    autojump_clock: trio.testing.MockClock, method: str, path: str, door: str
) -> None:
    async with open_site() as site:
        check(await getattr(site, door).call(method, path))


async def test_a_response_without_a_body_has_the_security_headers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    page = {"origin": "https://agents.example"}
    rule = CorsRule(frozenset(page.values()))
    async with open_site(cors=rule) as site:
        asks = {**page, "access-control-request-method": "POST"}
        preflight = await site.front.call("OPTIONS", "/messages", headers=asks)
        assert preflight.status == 204
        check(preflight)
        browser = await site.front.call("GET", "/", headers={"accept": "text/html"})
        assert browser.status == 303
        check(browser)


@pytest.mark.parametrize("name", ["ALL", "All", " all "])
async def test_all_is_all_in_any_spelling(
    autojump_clock: trio.testing.MockClock, name: str
) -> None:
    """The original took it for a peer, and delivered it to nobody."""
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        assert (await site.say(alice, "hi", to=name)).json["message"]["to"] == "all"
        heard = await site.front.call("GET", "/messages", code=bob)
        assert [each["text"] for each in heard.json["messages"]] == ["hi"]


ONLY_ONCE = [
    ("authorization", "Bearer other"),
    ("x-admin-token", "other"),
    ("x-admin-session", "other"),
    ("idempotency-key", "other"),
    ("content-type", "text/plain"),
    ("origin", "http://localhost"),
]


@pytest.mark.parametrize("door", ["front", "quart"])
@pytest.mark.parametrize("path", ["/messages", "/admin/say"])
@pytest.mark.parametrize(("name", "value"), ONLY_ONCE)
async def test_a_repeated_field_that_allows_one_value_is_refused(
    autojump_clock: trio.testing.MockClock, name: str, value: str, path: str, door: str
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        fields = {
            "authorization": f"Bearer {code}",
            "x-admin-token": TOKEN,
            "idempotency-key": "one",
            "origin": "http://127.0.0.1:8765",
            "x-admin-session": "one",
        }
        for second in (value, fields.get(name, "application/json")):
            reply = await getattr(site, door).call(
                "POST",
                path,
                json={"text": "hi", "room": "build"},
                headers=fields,
                again={name: second},
            )
            assert (reply.status, reply.error) == (400, "bad_request")
            assert name in reply.json["detail"]["detail"].lower()
            assert second not in reply.json["detail"]["detail"]


async def test_a_field_that_may_be_repeated_is_passed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        for door in (site.front, site.quart):
            reply = await door.call(
                "GET", "/", headers={"accept": "text/html"}, again={"accept": "*/*"}
            )
            assert reply.status in {200, 303}
