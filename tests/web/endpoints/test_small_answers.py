"""Details of answers that clients and operators depend on."""

import attrs
import pytest
import trio.testing

from argybargy.domain.limits import Limits
from support.web_app import Client, open_site

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
DOORS = pytest.mark.parametrize("door", ["front", "quart"])
NOT_A_NUMBER = (
    "a whole number or null; this is a string: write the number without quotes"
)


@DOORS
@pytest.mark.parametrize("tail", [1_000, 1], ids=["tail", "store"])
@pytest.mark.parametrize("end", ["open", "claimed", "answered", "withdrawn"])
async def test_a_claim_that_cannot_be_says_who_holds_the_question(
    autojump_clock: trio.testing.MockClock, door: str, tail: int, end: str
) -> None:
    """Clients of the first Argybargy read ``claimed_by`` of their own question."""
    async with open_site(attrs.evolve(UNLIMITED, tail_messages=tail)) as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("carol")
        await site.say(alice, "may I, bob?", expects_reply="bob")
        if end in {"claimed", "withdrawn"}:
            await client.call("POST", "/messages/1/claim", code=bob)
        if end == "answered":
            await site.say(bob, "yes", reply_to=1)
        if end == "withdrawn":
            await client.call("DELETE", "/messages/1/question", code=alice)
        await site.say(alice, "more")
        await site.say(alice, "and more")
        holder = "bob" if end in {"claimed", "answered"} else None
        for code, reason in ((alice, "own_question"), (carol, "not_a_question")):
            lost = await client.call("POST", "/messages/1/claim", code=code)
            assert (lost.status, lost.error) == (409, "not_claimable")
            assert lost.json["detail"]["reason"] == reason
            assert (lost.json["won"], lost.json["claimed_by"]) == (False, holder)
            assert lost.json["detail"]["claimed_by"] == holder


async def test_the_audit_says_when_and_by_whom_a_room_was_closed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await site.code("alice")
        for _ in range(2):  # closing again changes nothing and adds no row
            closed = await site.admin(
                "POST", "/admin/rooms/build/close", {"by": "titus"}
            )
        events = (await site.admin("GET", "/admin/audit")).json["events"]
        (row,) = (each for each in events if each["action"] == "room_close")
        assert (row["actor"], row["room"]) == ("titus", "build")
        assert row["detail"] == closed.json["room"]["closed_at"]


@DOORS
@pytest.mark.parametrize("reply_to", ["1", "one", ""])
async def test_a_quoted_reply_to_is_refused_in_words_that_say_what_to_write(
    autojump_clock: trio.testing.MockClock, door: str, reply_to: str
) -> None:
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice = await site.code("alice")
        await site.say(alice, "one")
        body = {"text": "x", "reply_to": reply_to}
        for reply in (
            await client.call("POST", "/messages", code=alice, json=body),
            await site.admin("POST", "/admin/say", body | {"room": "build"}),
        ):
            assert (reply.status, reply.error) == (422, "invalid_request")
            expected = [{"field": "reply_to", "problem": NOT_A_NUMBER}]
            assert reply.json["detail"]["errors"] == expected


@DOORS
async def test_an_answer_in_private_shows_its_number_and_sender_and_nothing_else(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    """The numbers of a room have no gaps: all can tell that message 2 exists."""
    secret = "the fridge is empty"
    async with open_site() as site:
        client: Client = getattr(site, door)
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("carol")
        await site.say(alice, "who knows?", expects_reply="anyone")
        await site.say(bob, secret, to="alice", reply_to=1)
        state = {"state": "answered", "by": "bob", "seq": 2}
        for code in (alice, bob, carol):
            seen = (await client.call("GET", "/messages/1", code=code)).json
            assert seen["message"]["question"] == state
            assert bool(seen["replies"]) is (code != carol)
        hidden = await client.call("GET", "/messages/2", code=carol)
        missing = await client.call("GET", "/messages/99", code=carol)
        assert hidden.status == missing.status == 404
        assert hidden.without_request_id == missing.without_request_id
        for target in (
            "/messages?since=0",
            "/messages?since=0&format=text",
            "/messages/1",
            "/history",
            "/history?format=text",
            "/search?q=fridge",
            "/resume",
        ):
            reply = await client.call("GET", target, code=carol)
            assert secret.encode() not in reply.body
