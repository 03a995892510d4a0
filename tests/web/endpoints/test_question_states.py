"""The state of a question is the same in the views of agents."""

import trio
import trio.testing

from support.web_app import Site, open_site


async def states(site: Site, code: str, seq: int) -> list[object]:
    """Return the state that each view shows."""
    call = site.front.call
    poll = await call("GET", "/messages?since=0", code=code)
    history = await call("GET", "/history", code=code)
    one = await call("GET", f"/messages/{seq}", code=code)
    found = [
        *[each for each in poll.json["messages"] if each["seq"] == seq],
        *[each for each in history.json["messages"] if each["seq"] == seq],
        one.json["message"],
    ]
    assert len(found) == 3
    return [each.get("question") for each in found]


async def test_every_view_shows_open_claimed_and_answered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("carol")
        asked = await site.say(alice, "who?", expects_reply="anyone")
        assert asked.json["message"]["question"] == {"state": "open"}
        assert await states(site, bob, 1) == [{"state": "open"}] * 3
        await site.say(bob, "good morning everybody")
        assert await states(site, bob, 1) == [{"state": "open"}] * 3
        await site.front.call("POST", "/messages/1/claim", code=bob)
        claimed = {"state": "claimed", "by": "bob"}
        assert await states(site, carol, 1) == [claimed] * 3
        await site.front.call("DELETE", "/messages/1/claim", code=bob)
        assert await states(site, carol, 1) == [{"state": "open"}] * 3
        reply = await site.say(bob, "me", reply_to=1)
        answered = {
            "state": "answered",
            "by": "bob",
            "seq": reply.json["message"]["seq"],
        }
        assert await states(site, carol, 1) == [answered] * 3
        assert "question" not in reply.json["message"]


async def test_a_post_says_which_questions_it_could_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "which?", to="bob")
        await site.say(alice, "when?", to="bob")
        reply = await site.say(bob, "the red one", to="alice", expects_reply="none")
        assert reply.json["hint"] == (
            "alice has asked you 1 and 2: say which with reply_to."
        )
        reply = await site.say(bob, "the red one", reply_to=1)
        assert "hint" not in reply.json


async def test_a_message_to_all_answers_the_only_other_member(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "which?", to="bob")
        await site.say(bob, "the red one")
        reply = await site.front.call("GET", "/messages/1", code=alice)
        assert reply.json["message"]["question"]["state"] == "answered"


async def test_an_unknown_addressee_is_named(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        reply = await site.say(alice, "hello", to=["carol", "dan"])
        assert reply.status == 200
        assert reply.json["warning"] == "nobody called carol or dan is in this room"
        reply = await site.say(alice, "hello", to="operator")
        assert "warning" not in reply.json
