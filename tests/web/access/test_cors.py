"""CORS: no origin by default, and exactly the configured ones."""

import pytest
import trio.testing

from argybargy.web.access.cors import CorsRule
from support.web_app import TOKEN, open_site

PAGE = {"origin": "https://agents.example"}
PREFLIGHT = {**PAGE, "access-control-request-method": "POST"}
RULE = CorsRule(frozenset({"https://agents.example"}))


async def test_an_allowed_origin_may_preflight_post_and_read_the_response(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(cors=RULE) as site:
        code = await site.code("alice")
        asked = await site.front.call("OPTIONS", "/messages", headers=PREFLIGHT)
        assert asked.status == 204
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in asked.headers
        posted = await site.front.call(
            "POST", "/messages", code=code, json={"text": "hi"}, headers=PAGE
        )
        assert posted.status == 200
        assert posted.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.parametrize("path", ["//admin/state", "///admin/say", "x://y/admin/state"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_no_other_spelling_of_a_path_gets_around_the_rules(
    autojump_clock: trio.testing.MockClock, method: str, path: str
) -> None:
    """Routers normalise paths that a prefix check sees as they are."""
    async with open_site(cors=RULE) as site:
        for headers in ({}, PREFLIGHT, {"origin": "https://evil.example"}):
            reply = await site.front.call(method, path, token=TOKEN, headers=headers)
            assert reply.status in {403, 404}
            assert "access-control-allow-origin" not in reply.headers


async def test_an_allowed_origin_may_not_read_the_metrics(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(cors=RULE) as site:
        reply = await site.front.call("GET", "/metrics", token=TOKEN, headers=PAGE)
        assert "access-control-allow-origin" not in reply.headers


async def test_options_asterisk_is_still_a_request(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        plain, whole = [
            await site.front.call("OPTIONS", path) for path in ("/nothing", "*")
        ]
        assert (whole.status, whole.headers) == (plain.status, plain.headers)


@pytest.mark.parametrize("path", ["/admin/state", "/admin/say"])
async def test_no_page_of_another_origin_reaches_the_operators_endpoints(
    autojump_clock: trio.testing.MockClock, path: str
) -> None:
    async with open_site(cors=RULE) as site:
        asked = await site.front.call("OPTIONS", path, headers=PREFLIGHT)
        assert asked.status == 403
        answered = await site.front.call("GET", path, token=TOKEN, headers=PAGE)
        assert answered.status == 403


async def test_an_origin_that_is_not_allowed_gets_no_cors_headers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        asked = await site.front.call("OPTIONS", "/messages", headers=PREFLIGHT)
        assert asked.error == "origin_refused"
        assert "its origin to ARGYBARGY_CORS_ORIGINS" in asked.json["detail"]["detail"]
        assert "access-control-allow-origin" not in asked.headers
        read = await site.front.call("GET", "/messages", code=code, headers=PAGE)
        assert "access-control-allow-origin" not in read.headers
