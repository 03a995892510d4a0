"""Messages to everyone with a capability, over HTTP."""

import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.text_form import parse_messages
from argybargy.store.memory.store import open_memory_store
from support.web_app import Reply, Site, open_site

Clock = trio.testing.MockClock


async def able(site: Site, name: str, *words: str) -> str:
    code = await site.code(name)
    reply = await site.front.call(
        "PUT", "/me", code=code, json={"capabilities": [*words]}
    )
    assert reply.status == 200
    return code


async def claim(site: Site, code: str, seq: int) -> Reply:
    return await site.front.call("POST", f"/messages/{seq}/claim", code=code, json={})


async def texts(site: Site, code: str, target: str = "/messages") -> list[str]:
    reply = await site.front.call("GET", target, code=code)
    return [each["text"] for each in reply.json["messages"]]


async def test_the_answer_says_who_is_addressed(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await able(site, "ann", "sql")
        await able(site, "Bob", "sql", "ci")
        cat = await able(site, "cat", "ci")
        reply = await site.say(ann, "tune it?", to="can:SQL")
        message = reply.json["message"]
        assert message["to"] == ["can:sql", "Bob"]
        assert message["expects_reply"] == "can:sql"
        assert reply.json["delivery"] == {"Bob": "online"}
        assert "warning" not in reply.json
        both = await site.say(ann, "x", to=["can:ci", "cat", "can:sql", "dan"])
        assert both.json["message"]["to"] == ["can:ci", "cat", "can:sql", "dan", "Bob"]
        assert both.json["message"]["expects_reply"] == "none"
        assert await texts(site, cat) == ["x"]


async def test_nobody_with_the_capability_is_a_warning(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await able(site, "ann", "cobol")
        reply = await site.say(ann, "old?", to=["can:cobol", "zoe"])
        assert (reply.status, reply.json["message"]["seq"]) == (200, 1)
        assert reply.json["warning"] == (
            "nobody called zoe is in this room; nobody in this room can cobol"
        )
        target = "/messages?format=text"
        text = await site.front.call(
            "POST", target, code=ann, json={"text": "x", "to": "can:cobol"}
        )
        assert text.body.decode() == "ok 2\nwarning: nobody in this room can cobol\n"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"expects_reply": "can:sql"}, "expects_reply"),
        ({"to": "can:ci", "expects_reply": "can:sql"}, "expects_reply"),
        ({"to": "can:two words"}, "to"),
        ({"to": "can:"}, "to"),
        ({"to": ["can:" + "w" * 33]}, "to"),
        ({"to": ["all", "can:sql"]}, "to"),
    ],
)
async def test_invalid_addresses_are_refused(
    autojump_clock: Clock, fields: dict[str, object], field: str
) -> None:
    async with open_site() as site:
        reply = await site.say(await site.code("ann"), "x", **fields)
        assert reply.status == 422
        assert {each["field"] for each in reply.json["detail"]["errors"]} == {field}


async def test_more_capable_peers_than_the_limit_are_refused(
    autojump_clock: Clock,
) -> None:
    limits = Limits(posts_per_window=0, claims_per_window=0, called_peers=1)
    async with open_site(limits) as site:
        ann = await site.code("ann")
        for name in ("bob", "cat"):
            await able(site, name, "sql")
        reply = await site.say(ann, "x", to="can:sql")
        assert reply.json["detail"]["errors"][0]["field"] == "to"


async def test_only_the_capable_may_claim(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, dan = await site.code("ann"), await site.code("dan")
        bob = await able(site, "bob", "sql")
        fields = {"to": ["can:sql", "dan"], "expects_reply": "can:sql"}
        await site.say(ann, "who?", **fields)
        refused = await claim(site, dan, 1)
        assert (refused.status, refused.json["detail"]["reason"]) == (
            409,
            "not_capable",
        )
        won = await claim(site, bob, 1)
        assert won.json["won"] is True
        reply = await site.say(bob, "me", reply_to=1)
        assert reply.status == 200
        asked = await site.front.call("GET", "/messages/1", code=ann)
        assert asked.json["message"]["question"] == {
            "state": "answered",
            "by": "bob",
            "seq": 2,
        }


async def test_a_newcomer_is_woken_and_may_claim(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "who?", to="can:sql")
        await site.say(ann, "lunch")
        assert await texts(site, bob) == ["lunch"]
        woken: list[Reply] = []
        target = "/messages?since=2&wait=25&wake=asks"

        async def wait() -> None:
            woken.append(await site.front.call("GET", target, code=bob))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await site.house.wait_parked(1)
            began = trio.current_time()
            body = {"capabilities": ["sql"]}
            await site.front.call("PUT", "/me", code=bob, json=body)
        assert trio.current_time() == began
        (notice,) = woken[0].json["messages"]
        assert (notice["event"], notice["reply_to"], notice["to"]) == (
            "called",
            1,
            "bob",
        )
        assert await texts(site, bob, "/history") == ["who?", "lunch", notice["text"]]
        assert (await claim(site, bob, 1)).status == 200
        found = await site.front.call("GET", "/search?q=who", code=bob)
        assert len(found.json["results"]) == 1


async def test_new_codes_call_too_even_if_nobody_polls(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        await site.say(ann, "who?", to="can:sql")
        invited = {"name": "bob", "room": "build", "capabilities": "SQL, reviews"}
        made = await site.admin("POST", "/admin/invite", json=invited)
        bob = made.json["code"]
        assert len(await texts(site, bob)) == 2
        state = (await site.admin("GET", "/admin/state")).json
        assert [row["to"] for row in state["waiting"]] == [["can:sql", "bob"]]


async def test_a_call_that_was_lost_is_made_at_the_next_poll(
    autojump_clock: Clock,
) -> None:
    """The process may end between the change of the capabilities and the call."""
    async with open_memory_store() as store:
        async with open_site(store=store) as site:
            ann, bob = await site.code("ann"), await site.code("bob")
            await site.say(ann, "who?", to="can:sql")
            record = site.services.relay.codes.match("bob")[0]
            await site.services.relay.codes.set_capabilities(record.peer, "sql")
        async with open_site(store=store) as site:
            assert len(await texts(site, bob)) == 2
            assert len(await texts(site, bob)) == 2


async def test_the_text_form_of_a_call_parses_back(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await able(site, "bob", "sql")
        target = "/messages?format=text"
        posted = await site.front.call(
            "POST", target, code=ann, json={"text": "who?", "to": "can:sql"}
        )
        assert posted.body.decode() == "ok 1 · bob online\nreaches bob\n"
        polled = await site.front.call("GET", target, code=bob)
        line = polled.body.decode().removesuffix("\n")
        assert line == "1 ann>can:sql,you asks can:sql: who?"
        (message,) = parse_messages(line, "bob")
        assert (message.to, message.asks) == (("can:sql", "bob"), "can:sql")


async def test_an_export_with_calls_is_imported(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await site.code("ann")
        await able(site, "bob", "sql")
        await site.say(ann, "who?", to="can:sql")
        exported = await site.admin("POST", "/admin/export", json={})
        await able(site, "cat", "sql")
        again = await site.front.call(
            "POST",
            "/admin/import",
            token=site.token,
            body=exported.body,
            headers={"content-type": "application/jsonl"},
        )
        assert again.status == 200, again.body
        assert again.json["messages"]["same"] == 1
    async with open_site() as other:
        moved = await other.front.call(
            "POST",
            "/admin/import",
            token=other.token,
            body=exported.body,
            headers={"content-type": "application/jsonl"},
        )
        assert moved.json["messages"]["new"] == 1
        state = (await other.admin("GET", "/admin/state")).json
        assert [row["to"] for row in state["waiting"]] == [["can:sql", "bob"]]


async def test_the_operator_asks_whoever_can(autojump_clock: Clock) -> None:
    async with open_site() as site:
        bob = await able(site, "bob", "sql")
        said = {"room": "build", "text": "who?", "to": "can:sql", "sender": "op"}
        reply = await site.admin("POST", "/admin/say", json=said)
        assert reply.json["message"]["to"] == ["can:sql", "bob"]
        assert (await claim(site, bob, 1)).status == 200


async def test_an_imported_question_calls_the_capable(autojump_clock: Clock) -> None:
    async with open_site() as site:
        await site.say(await site.code("ann"), "who?", to="can:sql")
        exported = await site.admin("POST", "/admin/export", json={})
    async with open_site() as other:
        bob = await able(other, "bob", "sql")
        assert await texts(other, bob) == []
        await other.front.call(
            "POST",
            "/admin/import",
            token=other.token,
            body=exported.body,
            headers={"content-type": "application/jsonl"},
        )
        assert [text[:4] for text in await texts(other, bob)] == ["who?", "Your"]


async def test_a_peer_that_becomes_able_in_a_closed_room_is_called_once_it_is_open(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "who?", to="can:sql")
        await site.admin("POST", "/admin/rooms/build/close", {})
        body = {"capabilities": ["sql"]}
        await site.front.call("PUT", "/me", code=bob, json=body)
        assert await texts(site, bob, "/history") == []
        await site.admin("POST", "/admin/rooms/build/reopen", {})
        assert len(await texts(site, bob)) == 2
