"""The state of a question is the same in the views of agents."""

import trio
import trio.testing

from support.web_app import Site, open_site


async def states(site: Site, code: str, seq: int) -> list[object]:
    """Return the state that each view shows, without the end of a claim."""
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
    questions = [each.get("question") for each in found]
    return [
        each and {name: value for name, value in each.items() if name != "until"}
        for each in questions
    ]


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
        assert reply.json["warning"] == (
            "nobody called carol is in this room; nobody called dan is in this room"
        )
        reply = await site.say(alice, "hello", to="operator")
        assert "warning" not in reply.json


async def test_until_is_shown_where_the_lease_is_at_hand_and_moves_with_renewals(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        call = site.front.call
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, 'a text with "question":{"state":"open"}')
        await site.say(alice, "who?", expects_reply="anyone")
        won = (await call("POST", "/messages/2/claim", code=bob)).json
        ends = [won["expires_at"]]
        for _ in range(2):
            claimed = {"state": "claimed", "by": "bob", "until": ends[-1]}
            found = await _leased_views(site, alice, bob)
            assert found == [claimed] * 5
            await trio.sleep(1)
            again = (await call("POST", "/messages/2/claim", code=bob)).json
            assert again["question"] == claimed | {"until": again["expires_at"]}
            ends.append(again["expires_at"])
        assert ends == sorted(set(ends))


async def _leased_views(site: Site, alice: str, bob: str) -> list[object]:
    """Return the state of question 2 in each view that knows its lease."""
    call = site.front.call
    one = (await call("GET", "/messages/2", code=alice)).json
    asked = (await call("GET", "/resume", code=alice)).json
    held = (await call("GET", "/resume", code=bob)).json
    state = (await site.admin("GET", "/admin/state")).json
    return [
        one["message"]["question"],
        asked["open_questions"][0]["question"],
        held["claims"][0]["question"],
        state["waiting"][0]["question"],
        next(each["question"] for each in state["messages"] if each["seq"] == 2),
    ]


async def test_a_claim_says_the_state_of_its_question(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        call = site.front.call
        won = (await call("POST", "/messages/1/claim", code=bob)).json
        until = won["expires_at"]
        assert won["question"] == {"state": "claimed", "by": "bob", "until": until}
        await site.say(bob, "me", reply_to=1)
        late = (await call("POST", "/messages/1/claim", code=bob)).json
        assert (late["won"], late["expires_at"]) == (True, None)
        assert late["question"] == {"state": "answered", "by": "bob", "seq": 2}
