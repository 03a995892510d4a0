"""No endpoint holds the event loop for long, even at its limits.

Everything runs on one event loop, so the longest step of one task is the longest delay
of all others.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from argybargy.domain.capabilities import MAX_WORDS
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.posting import PostDraft, post_as
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, JOIN_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from support.relay import ROOM
from support.web_app import TOKEN, Reply, Site, open_site
from support.work_counters import BUDGET_LINES, measured_lines

LIMITS = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
CODES = 200
"""Agents of one room; unbounded. ``/admin/state`` runs 270 lines for each."""
SILENT = "agent1"
LONG_MESSAGES = 35
"""More messages than one response holds."""
QUESTIONS = LIMITS.messages_per_room - LONG_MESSAGES - 100
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SAME_LETTER = "+".join("a" * 100)
MANY_LETTERS = "+".join((LETTERS * 4)[:100])
TOGETHER = LIMITS.batch_commands

Requests = Callable[["World"], Awaitable[list[Reply]]]


@attrs.frozen
class World:
    """A relay filled to its limits.

    Attributes:
        site: The relay.
        alice: The code of an agent in the full room.
        silent: The code of the one who is asked everything and answers nothing.
    """

    site: Site
    alice: str
    silent: str

    async def call(self, method: str, target: str, **more: Any) -> Reply:  # noqa: ANN401  what a client takes
        """Make a request, between two checkpoints of the test's own."""
        await trio.lowlevel.checkpoint()
        reply = await self.site.front.call(method, target, **more)
        await trio.lowlevel.checkpoint()
        return reply

    async def say(self, **fields: object) -> Reply:
        """Post a message."""
        return await self.call("POST", "/messages", code=self.alice, json=fields)


def as_agent(*targets: str) -> Requests:
    async def ask(world: World) -> list[Reply]:
        return [await world.call("GET", each, code=world.alice) for each in targets]

    return ask


def as_silent(method: str, *targets: str) -> Requests:
    async def ask(world: World) -> list[Reply]:
        return [await world.call(method, each, code=world.silent) for each in targets]

    return ask


def as_operator(method: str, *targets: str, **body: object) -> Requests:
    async def ask(world: World) -> list[Reply]:
        return [
            await world.call(method, target, token=TOKEN, json=body or None)
            for target in targets
        ]

    return ask


async def post_at_limits(world: World) -> list[Reply]:
    """The longest texts, by characters and by bytes, and the most addressees."""
    names = [f"agent{number}" for number in range(LIMITS.addressees)]
    return [
        await world.say(text="x" * LIMITS.text_chars, to=names),
        await world.say(text="\N{WAVING HAND SIGN}" * LIMITS.text_chars),
        await world.say(text="\x01" * (LIMITS.text_chars - 1) + "."),
        await world.say(text="a " * (LIMITS.text_chars // 2 - 1) + "a"),
        await world.say(text="Who?", expects_reply="anyone"),
        await world.say(text="y" * (LIMITS.body_bytes - 100)),
        await world.say(**{f"key{number}": number for number in range(5_000)}),
        await world.say(text="x", to=["a"] * 15_000),
    ]


async def post_if_read(world: World) -> list[Reply]:
    """Conditional posts of one batch with cursors of all ages, old and new."""
    replies = []

    async def post(cursor: int) -> None:
        reply = await world.call(
            "POST",
            "/messages",
            code=world.silent,
            json={"text": "y"},
            headers={"if-match": str(cursor)},
        )
        replies.append(reply)

    async with trio.open_nursery() as nursery:
        for number in range(TOGETHER):
            nursery.start_soon(post, number * 100)
    return replies


async def ask_at_limits(world: World) -> list[Reply]:
    """The longest question with the most and longest choices."""
    choices = [f"{number}".ljust(LIMITS.choice_chars, "x") for number in range(6)]
    question = {"text": "x" * LIMITS.text_chars, "choices": choices, "wait": 0}
    return [await world.call("POST", "/ask", code=world.alice, json=question)]


async def state_at_limits(world: World) -> list[Reply]:
    """The most and longest capabilities, which fit no open question."""
    words = [f"{number:02}".ljust(32, "x") for number in range(MAX_WORDS)]
    said = {"capabilities": words, "status": "x" * LIMITS.status_chars}
    return [await world.call("PUT", "/me", code=world.alice, json=said)]


async def set_hook(world: World) -> list[Reply]:
    hook = {"url": "https://hook.example/"}
    return [await world.call("PUT", "/me/wake", code=world.alice, json=hook)]


async def post_together(world: World) -> list[Reply]:
    """As many posts as are decided and committed in one batch."""
    replies = []

    async def post(number: int) -> None:
        replies.append(await world.say(text=f"{number} " + "a " * 100))

    async with trio.open_nursery() as nursery:
        for number in range(TOGETHER):
            nursery.start_soon(post, number)
    return replies


async def follow(world: World) -> list[Reply]:
    """Open a stream of the full room, and take what comes at once."""
    front = attrs.evolve(world.site.front, patience_seconds=1.0)
    reply = await front.call(
        "POST",
        "/admin/stream",
        token=TOKEN,
        json={"room": ROOM, "messages": 60},
    )
    return [reply]


async def invite_all(world: World) -> list[Reply]:
    """Create as many invites as may be open."""
    body = {"room": ROOM, "capabilities": "x" * LIMITS.capabilities_chars}
    return [
        await world.call("POST", "/admin/invites", token=TOKEN, json=body)
        for _ in range(LIMITS.invites + 1)
    ]


async def join_and_be_late(world: World) -> list[Reply]:
    """Use an invite twice, and present what is none."""
    body = {"room": ROOM, "name": "late"}
    await world.call("POST", "/admin/invites", token=TOKEN, json=body)
    listed = await world.call("GET", "/admin/invites", token=TOKEN)
    gone = f"/admin/invites/{listed.json['invites'][0]['id']}"
    await world.call("DELETE", gone, token=TOKEN)
    made = await world.call("POST", "/admin/invites", token=TOKEN, json=body)
    invites = [made.json["invite"], made.json["invite"], "#" * 10_000]
    return [
        await world.call("POST", "/join", json={"invite": each}) for each in invites
    ]


async def bring_in(world: World) -> list[Reply]:
    """Dry-run the largest import that one request may hold."""
    exported = await world.call(
        "POST", "/admin/export", token=TOKEN, json={"room": ROOM}
    )
    text = exported.body.replace(b'"room":"build"', b'"room":"elsewhere"')
    body = text[: LIMITS.body_bytes].rpartition(b"\n")[0]
    target = "/admin/import?check=1"
    return [await world.call("POST", target, token=TOKEN, body=body)]


async def delete_room(world: World) -> list[Reply]:
    """Delete the largest room, with the codes of all agents."""
    target = f"/admin/rooms/{ROOM}"
    await world.call("POST", f"{target}/close", token=TOKEN)
    reply = await world.call("DELETE", target, token=TOKEN)
    assert reply.status == 200
    return [reply]


CASES: dict[tuple[str, str], tuple[Requests, ...]] = {
    ("GET", "/"): (as_agent("/"),),
    ("GET", "/llms.txt"): (as_agent("/llms.txt"),),
    ("GET", "/health"): (as_agent("/health"),),
    ("GET", "/ready"): (as_agent("/ready"),),
    ("GET", "/whoami"): (as_agent("/whoami"),),
    ("GET", "/resume"): (as_agent("/resume"),),
    ("GET", "/peers"): (as_agent("/peers"),),
    ("POST", "/messages"): (post_at_limits, post_together, post_if_read),
    ("GET", "/messages"): (
        as_agent(
            "/messages?since=0&limit=100",
            "/messages?since=0&wait=25&limit=100",
            "/messages?since=resume",
            "/messages?" + "&".join(f"x{number}=1" for number in range(1_000)),
        ),
    ),
    ("POST", "/ask"): (ask_at_limits,),
    ("GET", "/messages/{seq}"): (
        as_agent("/messages/2000", "/messages/100", "/messages/1500?wait=0.01"),
    ),
    ("POST", "/messages/{seq}/claim"): (
        as_silent("POST", "/messages/1500/claim", "/messages/1501/claim"),
    ),
    ("DELETE", "/messages/{seq}/claim"): (as_silent("DELETE", "/messages/1500/claim"),),
    ("PUT", "/me"): (state_at_limits,),
    ("PUT", "/me/wake"): (set_hook,),
    ("DELETE", "/me/wake"): (as_silent("DELETE", "/me/wake"),),
    ("DELETE", "/messages/{seq}/question"): (
        as_silent("DELETE", "/messages/1500/question"),
    ),
    ("GET", "/history"): (as_agent("/history?limit=500"),),
    ("GET", "/search"): (
        as_agent(
            f"/search?limit=50&q={SAME_LETTER}",
            f"/search?limit=50&q={MANY_LETTERS}",
            "/search?limit=50&q=a",
            "/search?limit=50&q=Wh",
            "/search?limit=50&q=nowhere",
            "/search?limit=50&q=is:open",
        ),
    ),
    ("GET", "/admin/state"): (as_operator("GET", f"/admin/state?room={ROOM}"),),
    ("GET", "/admin/stats"): (as_operator("GET", "/admin/stats"),),
    ("GET", "/admin/audit"): (as_operator("GET", "/admin/audit?limit=1000"),),
    ("POST", "/admin/invite"): (
        as_operator("POST", "/admin/invite", name="new", room=ROOM),
    ),
    ("POST", "/admin/revoke"): (
        as_operator("POST", "/admin/revoke", target="agent1", room=ROOM),
    ),
    ("POST", "/admin/say"): (
        as_operator("POST", "/admin/say", room=ROOM, text="x" * LIMITS.text_chars),
    ),
    ("POST", "/admin/rooms/{room}/open"): (
        as_operator("POST", "/admin/rooms/another/open"),
    ),
    ("POST", "/admin/rooms/{room}/close"): (
        as_operator("POST", f"/admin/rooms/{ROOM}/close"),
    ),
    ("POST", "/admin/rooms/{room}/reopen"): (
        as_operator("POST", f"/admin/rooms/{ROOM}/reopen"),
    ),
    ("DELETE", "/admin/rooms/{room}/messages/{seq}/question"): (
        as_operator("DELETE", f"/admin/rooms/{ROOM}/messages/1600/question"),
    ),
    ("DELETE", "/admin/rooms/{room}/damping"): (
        as_operator("DELETE", f"/admin/rooms/{ROOM}/damping"),
    ),
    ("DELETE", "/admin/rooms/{room}"): (delete_room,),
    ("POST", "/admin/regenerate-token"): (
        as_operator("POST", "/admin/regenerate-token"),
    ),
    ("POST", "/admin/sign-in"): (as_operator("POST", "/admin/sign-in"),),
    ("POST", "/admin/session"): (as_operator("POST", "/admin/session"),),
    ("GET", "/admin/session"): (as_operator("GET", "/admin/session"),),
    ("DELETE", "/admin/session"): (as_operator("DELETE", "/admin/session"),),
    ("GET", "/admin/sessions"): (as_operator("GET", "/admin/sessions"),),
    ("DELETE", "/admin/sessions"): (as_operator("DELETE", "/admin/sessions"),),
    ("DELETE", "/admin/sessions/{id}"): (
        as_operator("DELETE", "/admin/sessions/nobody"),
    ),
    ("GET", "/admin/notifications"): (as_operator("GET", "/admin/notifications"),),
    ("POST", "/admin/notifications/test"): (
        as_operator("POST", "/admin/notifications/test"),
    ),
    ("POST", "/admin/stream"): (follow,),
    ("POST", "/admin/invites"): (invite_all,),
    ("GET", "/admin/invites"): (as_operator("GET", "/admin/invites"),),
    ("POST", "/admin/rooms/{room}/guests"): (
        as_operator("POST", f"/admin/rooms/{ROOM}/guests"),
    ),
    ("GET", "/join"): (as_agent("/join"),),
    ("POST", "/join"): (join_and_be_late,),
    ("DELETE", "/admin/invites/{id}"): (
        as_operator("DELETE", "/admin/invites/nobody"),
    ),
    ("GET", "/admin/rooms/{room}/messages/{seq}"): (
        as_operator(
            "GET",
            f"/admin/rooms/{ROOM}/messages/2000",
            f"/admin/rooms/{ROOM}/messages/100",
            f"/admin/rooms/{ROOM}/messages/1500?wait=0.01",
        ),
    ),
    ("GET", "/admin/rooms/{room}/history"): (
        as_operator("GET", f"/admin/rooms/{ROOM}/history?limit=500"),
    ),
    ("POST", "/admin/backup"): (as_operator("POST", "/admin/backup"),),
    ("POST", "/admin/export"): (as_operator("POST", "/admin/export"),),
    ("POST", "/admin/import"): (bring_in,),
    ("GET", "/metrics"): (as_operator("GET", "/metrics"),),
    ("GET", "/admin/search"): (
        as_operator(
            "GET",
            f"/admin/search?limit=50&q={SAME_LETTER}",
            f"/admin/search?limit=50&q={MANY_LETTERS}",
            "/admin/search?limit=50&q=nowhere",
            "/admin/search?limit=50&q=a",
        ),
    ),
}
LAST = [
    ("POST", "/admin/rooms/{room}/close"),
    ("POST", "/admin/rooms/{room}/reopen"),
    ("POST", "/admin/revoke"),
    ("DELETE", "/admin/rooms/{room}"),
    ("POST", "/admin/regenerate-token"),
]
"""Endpoints that remove state which the others need."""


@asynccontextmanager
async def open_store(kind: str, folder: Path) -> AsyncIterator[Store]:
    if kind == "memory":
        async with open_memory_store() as store:
            yield store
        return
    async with open_sqlite_store(folder, LIMITS) as kept:
        yield kept


def drafts() -> Iterator[PostDraft]:
    """Return the messages that fill a room: open questions and long texts."""
    for number in range(QUESTIONS):
        yield PostDraft(f"Who knows {number}?", TO_ALL, SILENT)
    long_text = " ".join((LETTERS * 200)[: LIMITS.text_chars // 2])
    for _ in range(LONG_MESSAGES):
        yield PostDraft(long_text, TO_ALL)


@asynccontextmanager
async def open_world(kind: str, folder: Path) -> AsyncIterator[World]:
    async with (
        open_store(kind, folder) as store,
        open_site(LIMITS, store=store) as site,
    ):
        relay = site.house.relay
        invitations = [Invitation(ROOM, f"agent{n}") for n in range(CODES)]
        invited = await operator.invite(relay, invitations)
        for _ in range(LIMITS.sessions):
            await site.sign_in()
        alice = await site.code("alice")
        asker = invited[0].record
        waiting = drafts()

        async def post_some() -> None:
            for draft in waiting:
                await post_as(relay, asker, draft)

        async with trio.open_nursery() as nursery:
            for _ in range(LIMITS.batch_commands):
                nursery.start_soon(post_some)
        yield World(site, alice, invited[1].code)


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("memory", marks=pytest.mark.long)]
)
async def test_no_request_holds_the_loop(kind: str, tmp_path: Path) -> None:
    order = [*(key for key in CASES if key not in LAST), *LAST]
    too_long = {}
    async with open_world(kind, tmp_path / "data") as world:
        with measured_lines() as meter:
            for key in order:
                for number, requests in enumerate(CASES[key]):
                    meter.reset()
                    replies = await requests(world)
                    assert replies
                    assert 500 not in {reply.status for reply in replies}
                    if meter.lines > BUDGET_LINES:
                        name = f"{' '.join(key)} {number}"
                        too_long[name] = f"{meter.lines} lines, most in {meter.where}"
    assert too_long == {}


def test_every_endpoint_is_tried() -> None:
    routes = (
        MANIFEST_ROUTE,
        LLMS_ROUTE,
        *OPEN_ROUTES,
        *JOIN_ROUTES,
        *AGENT_ROUTES,
        *ADMIN_ROUTES,
    )
    assert {(route.method, route.path) for route in routes} == CASES.keys()
