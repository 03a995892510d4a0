"""``Prefer: return=minimal``: JSON without what has its default."""

import msgspec
import pytest
import trio.testing

from argybargy.web.endpoints.agent_routes import AGENT_ROUTES
from support.web_app import Reply, Site, open_site

MINIMAL = {"prefer": "return=minimal"}
ALWAYS_LEFT_OUT = {
    "PollBody": {"room_closed", "poll_budget"},
    "HistoryBody": {"room"},
    "SearchBody": {"more"},
    "PostAnswer": {"ok"},
    "AskAnswer": {"ok", "message"},
    "ResumeBody": {"response_rule"},
}
"""Fields of the bodies of routes that the minimal body never has."""


async def minimal(site: Site, code: str, target: str) -> Reply:
    reply = await site.front.call("GET", target, code=code, headers=MINIMAL)
    assert reply.headers["preference-applied"] == "return=minimal"
    return reply


async def test_a_poll_of_a_usual_message_has_four_fields_of_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "hello")
        body = (await minimal(site, bob, "/messages")).json
        assert body.pop("cursor") == 1
        (message,) = body.pop("messages")
        assert body == {}
        assert message.keys() == {"seq", "ts", "from", "text"}
        empty = await minimal(site, bob, "/messages?since=1")
        assert empty.json == {"messages": [], "cursor": 1}


async def test_what_differs_from_its_default_is_kept(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "who?", expects_reply="anyone", to=["bob", "carol"])
        await site.front.call("POST", "/messages/1/claim", code=bob)
        claimed = (await minimal(site, bob, "/messages/1")).json["message"]
        assert claimed["claimed_by"] == "bob"
        await site.say(ann, "one more")
        said = {"room": "build", "text": "stop", "reply_to": 2}
        await site.admin("POST", "/admin/say", said)
        await site.admin("POST", "/admin/rooms/build/close", {"by": "titus"})
        body = (await minimal(site, bob, "/messages")).json
        asked, _, told = body["messages"]
        assert asked["to"] == ["bob", "carol"]
        assert asked["expects_reply"] == "anyone"
        assert (told["from_kind"], told["reply_to"]) == ("operator", 2)
        assert (body["should_exit"], body["exit_reason"]) == (True, "room_closed")
        assert (body["room"]["status"], body["room"]["closed_by"]) == (
            "closed",
            "titus",
        )


async def test_a_post_answers_without_its_text(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        reply = await site.front.call(
            "POST", "/messages", code=ann, json={"text": "long"}, headers=MINIMAL
        )
        assert reply.json == {
            "message": {"seq": 1},
            "delivery": {"all": {"parked": 0, "online": 0, "away": 0}},
        }


@pytest.mark.parametrize(
    "target", ["/history", "/messages/1", "/resume", "/search?q=one"]
)
async def test_other_reads_are_shorter_too(
    autojump_clock: trio.testing.MockClock, target: str
) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        await site.say(ann, "one", expects_reply="anyone")
        whole = await site.front.call("GET", target, code=ann)
        assert "preference-applied" not in whole.headers
        short = await minimal(site, ann, target)
        assert len(short.body) < len(whole.body)
        assert b'"expects_reply":"anyone"' in short.body
        assert b"claimed_by" not in short.body


@pytest.mark.parametrize(
    ("prefer", "is_applied"),
    [
        ('return="minimal"', True),
        ("respond-async, Return=Minimal; x", True),
        ("return=representation", False),
        ("xreturn=minimal", False),
    ],
)
async def test_other_preferences_change_nothing(
    autojump_clock: trio.testing.MockClock, prefer: str, *, is_applied: bool
) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        reply = await site.front.call(
            "GET", "/messages", code=ann, headers={"prefer": prefer}
        )
        assert ("preference-applied" in reply.headers) == is_applied


def test_a_minimal_body_has_every_field_that_is_not_named_here() -> None:
    for route in AGENT_ROUTES:
        if route.minimal_body is not None:
            whole = route.response_body
            assert issubclass(whole, msgspec.Struct)
            named = {field.encode_name for field in msgspec.structs.fields(whole)}
            kept = {
                field.encode_name
                for field in msgspec.structs.fields(route.minimal_body)
            }
            assert kept <= named
            assert named - kept == ALWAYS_LEFT_OUT.get(whole.__name__, set())
