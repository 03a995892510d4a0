"""Endpoints that withdraw a question: of its asker, and of the operator."""

import pytest
import trio
import trio.testing

from support.web_app import Client, Site, open_site

PATH = "/messages/{}/question"
ADMIN_PATH = "/admin/rooms/build/messages/{}/question"


@pytest.fixture(params=["front", "quart"])
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client(site: Site, door: str) -> Client:
    found = getattr(site, door)
    assert isinstance(found, Client)
    return found


@pytest.mark.parametrize("way", ["body", "query"])
async def test_an_agent_withdraws_its_question_and_the_room_is_told(
    autojump_clock: trio.testing.MockClock, door: str, way: str
) -> None:
    async with open_site() as site:
        call = client(site, door).call
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        await call("POST", "/messages/1/claim", code=bob)
        if way == "body":
            path, body = PATH.format(1), {"reason": "found it"}
            done = await call("DELETE", path, code=alice, json=body)
        else:
            path = PATH.format(1) + "?reason=found%20it"
            done = await call("DELETE", path, code=alice)
        assert (done.status, done.json) == (200, {"withdrawn": True, "seq": 1})
        seen = await call("GET", "/messages/1", code=bob)
        gone = {"state": "withdrawn", "by": "alice", "reason": "found it"}
        assert seen.json["message"]["question"] == gone
        (told,) = seen.json["replies"]
        assert told["event"] == "withdrawn"
        assert "found it" in told["text"]
        resumed = (await call("GET", "/resume", code=bob)).json
        assert resumed["claims"] == []
        asked = (await call("GET", "/resume", code=alice)).json
        assert asked["open_questions"] == []
        late = await call("POST", "/messages/1/claim", code=bob)
        assert late.json["detail"]["reason"] == "withdrawn"
        audit = (await site.admin("GET", "/admin/audit")).json["events"]
        rows = [(each["actor"], each["detail"]) for each in audit
                if each["action"] == "withdraw"]  # fmt: skip
        assert rows == [("alice", "seq=1")]


async def test_withdrawing_again_is_harmless_and_has_a_text_form(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        call = client(site, door).call
        alice = await site.code("alice")
        await site.say(alice, "who?", expects_reply="anyone")
        path = PATH.format(1) + "?format=text"
        for _ in range(2):
            done = await call("DELETE", path, code=alice)
            assert (done.status, done.body) == (200, b"withdrawn 1\n")
        history = await call("GET", "/history", code=alice)
        assert len(history.json["messages"]) == 2
        typo = await call("DELETE", path, code=alice, json={"because": "x"})
        assert typo.body == b"withdrawn 1\nignored: because\n"


async def test_what_cannot_be_withdrawn_says_why(
    autojump_clock: trio.testing.MockClock, door: str
) -> None:
    async with open_site() as site:
        call = client(site, door).call
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.code("carol")
        await site.say(alice, "who?", expects_reply="anyone")
        await site.say(bob, "me", reply_to=1)
        await site.say(alice, "a word")
        await site.say(alice, "carol?", to="carol")
        await site.say(alice, "again?", expects_reply="anyone")
        for code, seq, reason in (
            (alice, 1, "answered"),
            (alice, 3, "not_a_question"),
            (bob, 5, "not_your_question"),
        ):
            refused = await call("DELETE", PATH.format(seq), code=code)
            assert (refused.status, refused.error) == (409, "not_withdrawable")
            assert refused.json["detail"]["reason"] == reason
        for seq in (4, 99):  # hidden and missing are the same
            refused = await call("DELETE", PATH.format(seq), code=bob)
            assert (refused.status, refused.error) == (404, "not_found")
        await site.admin("POST", "/admin/rooms/build/close")
        closed = await call("DELETE", PATH.format(5), code=alice)
        assert (closed.status, closed.error) == (409, "room_closed")


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines", "\x1b[31mred"])
async def test_a_reason_is_one_short_line(
    autojump_clock: trio.testing.MockClock, reason: str
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "who?", expects_reply="anyone")
        for reply in (
            await site.front.call(
                "DELETE", PATH.format(1), code=alice, json={"reason": reason}
            ),
            await site.admin("DELETE", ADMIN_PATH.format(1), json={"reason": reason}),
        ):
            assert reply.status == 422
            (error,) = reply.json["detail"]["errors"]
            assert error["field"] == "reason"
        both = await site.front.call(
            "DELETE", PATH.format(1) + "?reason=a", code=alice, json={"reason": "b"}
        )
        assert both.status == 422
        seen = await site.front.call("GET", "/messages/1", code=alice)
        assert seen.json["message"]["question"] == {"state": "open"}


async def test_a_reason_with_a_live_code_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "who?", expects_reply="anyone")
        body = {"reason": f"use {alice}"}
        for reply in (
            await site.front.call("DELETE", PATH.format(1), code=alice, json=body),
            await site.admin("DELETE", ADMIN_PATH.format(1), json=body),
        ):
            assert (reply.status, reply.error) == (422, "contains_secret")


async def test_the_operator_withdraws_any_question_even_in_a_closed_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.code("bob")
        await site.say(alice, "bob?", to="bob")
        await site.say(alice, "who?", expects_reply="anyone")
        body = {"reason": "no longer needed"}
        done = await site.admin("DELETE", ADMIN_PATH.format(1), json=body)
        assert (done.status, done.json) == (200, {"withdrawn": True, "seq": 1})
        told = (await site.front.call("GET", "/messages?since=0", code=alice)).json
        assert [each["to"] for each in told["messages"]] == [["bob", "alice"]]
        await site.admin("POST", "/admin/rooms/build/close")
        assert (await site.admin("DELETE", ADMIN_PATH.format(2))).status == 200
        state = (await site.admin("GET", "/admin/state")).json
        assert state["waiting"] == []
        missing = await site.admin("DELETE", ADMIN_PATH.format(99))
        assert (missing.status, missing.error) == (404, "not_found")
        elsewhere = "/admin/rooms/nowhere/messages/1/question"
        unknown = await site.admin("DELETE", elsewhere)
        assert (unknown.status, unknown.error) == (404, "room_not_found")
        assert "nowhere" not in (await site.admin("GET", "/admin/state")).json["roster"]
