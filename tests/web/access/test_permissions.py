"""Permissions: every endpoint, called by every kind of caller.

Made from the table of endpoints, so that a new one is tried without being named here.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.web.app import create_quart
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, JOIN_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Caller, Route
from argybargy.web.static import load_files
from support.web_app import TOKEN, Client, Reply, Site, open_site

OPEN: Final = (MANIFEST_ROUTE, LLMS_ROUTE, *OPEN_ROUTES, *JOIN_ROUTES)
ROUTES: Final = (*OPEN, *AGENT_ROUTES, *ADMIN_ROUTES)
HOST: Final = "relay.example.com"
WHISPER: Final = "the whisper of this room"
REFUSALS: Final = {
    "unauthorized",
    "admin_unauthorized",
    "token_required",
    "origin_refused",
    "read_only",
}
SAMPLES: Final = {"seq": "1", "room": "build", "id": "0123456789ab"}

Headers = Mapping[str, str]


# -- the callers ---------------------------------------------------------------------


async def nobody(_: Site) -> Headers:
    return {}


async def agent_of_the_room(site: Site) -> Headers:
    return {"authorization": f"Bearer {await site.code('carol')}"}


async def agent_of_another_room(site: Site) -> Headers:
    return {"authorization": f"Bearer {await site.code('mallory', 'elsewhere')}"}


async def _guest(site: Site, **fields: object) -> Headers:
    path = "/admin/rooms/build/guests"
    made = await site.admin("POST", path, json=fields)
    return {"authorization": f"Bearer {made.json['code']}"}


async def person_of_the_room(site: Site) -> Headers:
    return await _guest(site, name="pat", speaks=True)


async def reader_of_the_room(site: Site) -> Headers:
    return await _guest(site, name="rita")


async def revoked_guest(site: Site) -> Headers:
    fields = await _guest(site, name="gus", speaks=True)
    await site.admin("POST", "/admin/revoke", json={"target": "gus"})
    return fields


async def invite_as_code(site: Site) -> Headers:
    made = await site.admin("POST", "/admin/invites", json={"room": "build"})
    return {"authorization": f"Bearer {made.json['invite']}"}


async def guest_code_as_token(site: Site) -> Headers:
    code = (await _guest(site, name="gina"))["authorization"].removeprefix("Bearer ")
    return {"x-admin-token": code, "x-admin-session": code}


async def revoked_agent(site: Site) -> Headers:
    code = await site.code("dave")
    await site.admin("POST", "/admin/revoke", json={"target": "dave"})
    return {"authorization": f"Bearer {code}"}


async def token(_: Site) -> Headers:
    return {"x-admin-token": TOKEN}


async def wrong_token(_: Site) -> Headers:
    return {"x-admin-token": TOKEN[:-1]}


async def wrong_token_and_session(site: Site) -> Headers:
    return {"x-admin-token": "no", "x-admin-session": await site.sign_in()}


async def session(site: Site) -> Headers:
    return {"x-admin-session": await site.sign_in()}


async def session_as_token(site: Site) -> Headers:
    return {"x-admin-token": await site.sign_in()}


async def session_as_code(site: Site) -> Headers:
    return {"authorization": f"Bearer {await site.sign_in()}"}


async def sign_in_code_as_session(site: Site) -> Headers:
    offered = await site.admin("POST", "/admin/sign-in")
    return {"x-admin-session": offered.json["code"]}


async def ended_session(site: Site) -> Headers:
    held = await site.sign_in()
    await site.front.call("DELETE", "/admin/session", session=held)
    return {"x-admin-session": held}


async def _cookie(site: Site, **fields: str) -> Headers:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    page = {"host": HOST, "origin": f"https://{HOST}"}
    made = await site.admin("POST", "/admin/session", {"cookie": True}, page)
    cookie = made.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("__Host-argybargy-443=")
    half = made.json["session"]
    cookies = f"theme=dark; {cookie}"
    return {"host": HOST, "cookie": cookies, "x-admin-session": half, **headers}


async def cookie_without_the_other_half(site: Site) -> Headers:
    fields = await cookie_of_our_page(site)
    return {name: fields[name] for name in fields if name != "x-admin-session"}


async def half_without_the_cookie(site: Site) -> Headers:
    fields = await cookie_of_our_page(site)
    return {name: fields[name] for name in fields if name != "cookie"}


async def cookie_of_our_page(site: Site) -> Headers:
    return await _cookie(site, origin=f"https://{HOST}", sec_fetch_site="same-origin")


async def cookie_of_our_page_in_an_older_browser(site: Site) -> Headers:
    return await _cookie(site, origin=f"https://{HOST}")


async def cookie_of_our_page_without_origin(site: Site) -> Headers:
    return await _cookie(site, sec_fetch_site="same-origin")


async def cookie_of_a_browser_that_names_no_page(site: Site) -> Headers:
    """As browsers do for a GET over plain HTTP; the header shows that it is ours."""
    return await _cookie(site)


async def cookie_typed_into_the_address_bar(site: Site) -> Headers:
    return await _cookie(site, sec_fetch_site="none")


async def cookie_of_a_page_without_tls(site: Site) -> Headers:
    return await _cookie(site, origin=f"http://{HOST}")


async def cookie_of_a_neighbouring_page(site: Site) -> Headers:
    return await _cookie(site, origin="https://127.0.0.1", sec_fetch_site="same-site")


async def cookie_of_a_neighbouring_page_in_an_older_browser(site: Site) -> Headers:
    return await _cookie(site, origin="https://127.0.0.1")


async def cookie_of_a_page_that_contradicts_itself(site: Site) -> Headers:
    return await _cookie(site, origin=f"https://{HOST}", sec_fetch_site="cross-site")


async def cookie_of_a_foreign_page(site: Site) -> Headers:
    return await _cookie(site, origin="https://evil.example.com")


async def cookie_that_has_ended(site: Site) -> Headers:
    fields = await cookie_of_our_page(site)
    await site.admin("DELETE", "/admin/sessions")
    return fields


OPERATORS: Final = {
    token,
    session,
    cookie_of_our_page,
    cookie_of_our_page_in_an_older_browser,
    cookie_of_our_page_without_origin,
    cookie_of_a_browser_that_names_no_page,
}
READERS: Final = {reader_of_the_room}
AGENTS: Final = {
    agent_of_the_room,
    agent_of_another_room,
    person_of_the_room,
    *READERS,
}
STRANGERS: Final = {
    nobody,
    revoked_agent,
    revoked_guest,
    invite_as_code,
    guest_code_as_token,
    wrong_token,
    wrong_token_and_session,
    session_as_token,
    session_as_code,
    sign_in_code_as_session,
    ended_session,
    cookie_without_the_other_half,
    half_without_the_cookie,
    cookie_typed_into_the_address_bar,
    cookie_of_a_page_without_tls,
    cookie_of_a_neighbouring_page,
    cookie_of_a_neighbouring_page_in_an_older_browser,
    cookie_of_a_page_that_contradicts_itself,
    cookie_of_a_foreign_page,
    cookie_that_has_ended,
}
Role = Callable[[Site], Awaitable[Headers]]
ROLES: Final[tuple[Role, ...]] = tuple(
    sorted({*OPERATORS, *AGENTS, *STRANGERS}, key=lambda role: role.__name__)
)

# Endpoints that refuse sessions, which could prolong themselves by them.
TOKEN_ALONE: Final = {("POST", "/admin/regenerate-token"), ("POST", "/admin/session")}


def is_let_in(route: Route, role: Role) -> bool:
    if (route.method, route.path) in TOKEN_ALONE:
        return role is token
    match route.caller:
        case Caller.ANYONE:
            return route.method == "GET" or role is not cookie_of_a_foreign_page
        case Caller.AGENT:
            return role in AGENTS and (route.method == "GET" or role not in READERS)
        case Caller.OPERATOR:
            return role in OPERATORS


async def _try(site: Site, route: Route, role: Role) -> Reply:
    fields = await role(site)
    path = re.sub(r"\{(\w+)\}", lambda match: SAMPLES[match[1]], route.path)
    client = Client(site.front.app, patience_seconds=30)
    body: object = None if route.method == "GET" else {}
    return await client.call(route.method, path, json=body, headers=fields)


def _is_refused(reply: Reply) -> bool:
    return reply.status in {401, 403} and reply.error in REFUSALS


@asynccontextmanager
async def open_house_with_a_secret() -> AsyncIterator[Site]:
    limits = Limits(auth_failures=1_000, reads_per_window=0)
    async with open_site(limits, public_url=f"https://{HOST}") as site:
        alice = await site.code("alice")
        await site.code("bob")
        await site.say(alice, WHISPER, to="bob")
        yield site


LET_IN: Final = [
    pytest.param(route, role, id=f"{route.name}-{role.__name__}")
    for route in ROUTES
    for role in ROLES
    if is_let_in(route, role)
]


@pytest.mark.parametrize(("route", "role"), LET_IN)
async def test_each_caller_may_use_its_own_endpoints(
    autojump_clock: trio.testing.MockClock, route: Route, role: Role
) -> None:
    async with open_house_with_a_secret() as site:
        reply = await _try(site, route, role)
    assert not _is_refused(reply), reply
    if role not in OPERATORS:
        assert WHISPER.encode() not in reply.body


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_no_other_caller_is_admitted(
    autojump_clock: trio.testing.MockClock, route: Route
) -> None:
    # One relay for all callers: a refused request changes nothing in it.
    async with open_house_with_a_secret() as site:
        for role in ROLES:
            if not is_let_in(route, role):
                reply = await _try(site, route, role)
                assert _is_refused(reply), (role.__name__, reply)
                assert set(reply.json) == {"detail"}


def test_every_caller_is_an_operator_an_agent_or_anonymous() -> None:
    assert not OPERATORS & AGENTS
    assert not (OPERATORS | AGENTS) & STRANGERS


async def test_no_endpoint_is_missing_from_the_table(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        rules = create_quart(site.services).url_map.iter_rules()
        served = {
            (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
            for rule in rules
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
    described = {
        ("GET", path)
        for path in ("/openapi.json", "/docs", "/docs/docs.js", "/docs/docs.css")
    }
    pages = {("GET", path) for path in load_files()}
    # The page of a link, which is a secret itself: see test_answer_page.py.
    pages |= {(method, "/q/{token}") for method in ("GET", "POST")}
    assert served - described - pages == {
        (route.method, route.path) for route in ROUTES
    }
