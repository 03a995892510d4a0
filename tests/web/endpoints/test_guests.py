"""Guests: people let into one room for a while, to read or to speak."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from support.web_app import BASE, Reply, Site, open_site

FREE = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
ROOM = {"room": "build"}
GUESTS = "/admin/rooms/build/guests"


async def let_in(site: Site, **fields: object) -> Any:  # noqa: ANN401 - any JSON
    reply = await site.admin("POST", GUESTS, fields)
    assert reply.status == 200, reply.body
    return reply.json


async def read(site: Site, code: str, since: int = 0, more: str = "") -> Any:  # noqa: ANN401 - any JSON
    reply = await site.front.call("GET", f"/messages?since={since}{more}", code=code)
    assert reply.status == 200, reply.body
    return reply.json


def texts(answer: Any) -> list[str]:  # noqa: ANN401 - any JSON
    return [message["text"] for message in answer["messages"]]


@pytest.fixture(params=["memory", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def open_store(kind: str, directory: Path) -> AsyncIterator[Store]:
    if kind == "memory":
        async with open_memory_store() as store:
            yield store
        return
    async with open_sqlite_store(directory, FREE) as kept:
        yield kept


async def test_a_guest_speaks_as_a_person_under_its_name() -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        guest = await let_in(site, name="Pat", speaks=True)
        assert guest["link"] == f"{BASE}/guest#code={guest['code']}"
        assert (guest["role"], guest["speaks"]) == ("person", True)
        who = await site.front.call("GET", "/whoami", code=guest["code"])
        assert who.json == {
            "name": "Pat",
            "room": "build",
            "capabilities": "",
            "role": "person",
        }
        said = await site.say(guest["code"], "hello", to="alice")
        assert said.json["message"]["from_kind"] == "person"
        (message,) = (await read(site, alice))["messages"]
        assert (message["from"], message["from_kind"]) == ("Pat", "person")
        line = await site.front.call("GET", "/messages?format=text", code=alice)
        assert line.body == b"1 person/Pat>you asks you: hello\n"


async def test_a_question_to_a_person_is_answered_by_it_and_by_it_alone() -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        pat = (await let_in(site, name="pat", speaks=True))["code"]
        asked = await site.say(alice, "Red?", to="all", expects_reply="pat")
        assert asked.json["message"]["question"]["state"] == "open"
        await site.say(bob, "Blue.", reply_to=1)
        thread = await site.front.call("GET", "/messages/1", code=alice)
        assert thread.json["message"]["question"]["state"] == "open"
        await site.say(pat, "Red.", reply_to=1)
        thread = await site.front.call("GET", "/messages/1", code=alice)
        assert thread.json["message"]["question"]["state"] == "answered"


async def test_a_person_claims_asks_and_is_limited_as_an_agent_is() -> None:
    async with open_site(Limits(posts_per_window=2)) as site:
        alice = await site.code("alice")
        pat = (await let_in(site, name="pat", speaks=True))["code"]
        await site.say(alice, "Who can?", expects_reply="anyone")
        won = await site.front.call("POST", "/messages/1/claim", code=pat)
        assert won.json["claimed_by"] == "pat"
        assert (await site.say(pat, "I.", reply_to=1)).status == 200
        assert (await site.say(pat, "Why?", to="alice")).status == 200
        assert (await site.say(pat, "Three.")).error == "rate_limited"
        await site.admin("POST", "/admin/rooms/build/close")
        assert (await site.say(pat, "Late.")).error == "room_closed"


async def test_a_person_receives_no_words_of_its_own(kind: str, tmp_path: Path) -> None:
    limits = attrs.evolve(FREE, tail_messages=1)
    async with open_store(kind, tmp_path) as store, open_site(limits, store=store) as s:
        await s.code("alice")
        pat = (await let_in(s, name="pat", speaks=True))["code"]
        for to in ("all", "alice", "all"):
            await s.say(pat, f"to {to}", to=to)
        assert texts(await read(s, pat)) == []
        history = await s.front.call("GET", "/history", code=pat)
        assert texts(history.json) == ["to all", "to alice", "to all"]
        found = await s.front.call("GET", "/search?q=alice", code=pat)
        assert len(found.json["results"]) == 1


async def test_nobody_but_the_addressee_sees_a_direct_message(
    kind: str, tmp_path: Path
) -> None:
    limits = attrs.evolve(FREE, tail_messages=1)
    async with open_store(kind, tmp_path) as store, open_site(limits, store=store) as s:
        alice = await s.code("alice")
        pat = (await let_in(s, name="pat", speaks=True))["code"]
        rita = (await let_in(s, name="rita"))["code"]
        await s.say(alice, "secret for rita", to=["pat", "rita"])
        await s.say(alice, "secret for the operator", to="operator")
        say = {"room": "build", "text": "secret of the operator", "to": "alice"}
        await s.admin("POST", "/admin/say", say)
        await s.say(alice, "public")
        await s.say(alice, "public too")
        public = ["public", "public too"]
        for code, seen in ((pat, ["secret for rita", *public]), (rita, public)):
            assert texts(await read(s, code)) == seen
            assert texts(await read(s, code, more="&wake=asks&wait=0")) == seen
            history = await s.front.call("GET", "/history", code=code)
            assert texts(history.json) == seen
            found = await s.front.call("GET", "/search?q=secret", code=code)
            assert len(found.json["results"]) == len(seen) - 2
            all_found = await s.front.call("GET", "/search?q=public", code=code)
            assert len(all_found.json["results"]) == 2
            for seq in (2, 3):
                one = await s.front.call("GET", f"/messages/{seq}", code=code)
                assert one.status == 404
            resumed = await s.front.call("GET", "/resume", code=code)
            assert b"secret of" not in resumed.body


async def test_a_reader_is_no_addressee_and_is_not_waited_for() -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        rita = (await let_in(site, name="rita"))["code"]
        await read(site, rita)
        said = await site.say(alice, "psst", to="rita")
        assert said.json["delivery"] == {"rita": "unknown"}
        assert "nobody called rita" in said.json["warning"]
        broadcast = await site.say(alice, "Who?", expects_reply="anyone")
        assert broadcast.json["delivery"] == {
            "all": {"parked": 0, "online": 0, "away": 0}
        }
        state = await site.admin("GET", "/admin/state?room=build")
        resolved = {
            row["text"]: row["expects_reply_resolved"] for row in state.json["waiting"]
        }
        assert resolved["Who?"] == "anyone"


@pytest.mark.parametrize("door", ["front", "quart"])
async def test_a_reader_changes_nothing(door: str) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "Who?", expects_reply="anyone")
        rita = (await let_in(site))["code"]
        client = getattr(site, door)
        for method, path in (
            ("POST", "/messages"),
            ("POST", "/messages/1/claim"),
            ("DELETE", "/messages/1/claim"),
        ):
            reply: Reply = await client.call(
                method, path, code=rita, json={"text": "hi"}
            )
            assert (reply.status, reply.error) == (403, "read_only")
        assert (await read(site, alice))["cursor"] == 1


async def test_a_parked_reader_is_woken_by_words_to_all() -> None:
    answers = list[Any]()

    async def park(site: Site, code: str) -> None:
        answers.append(await read(site, code, more="&wait=20"))

    async with open_site() as site, trio.open_nursery() as nursery:
        alice = await site.code("alice")
        rita = (await let_in(site, name="rita"))["code"]
        nursery.start_soon(park, site, rita)
        await site.house.wait_parked(1)
        await site.say(alice, "not for you", to="rita")
        await trio.testing.wait_all_tasks_blocked()
        assert answers == []
        await site.say(alice, "hello")
        await trio.testing.wait_all_tasks_blocked()
        assert [texts(answer) for answer in answers] == [["hello"]]


async def test_the_roles_are_in_roster_peers_and_codes() -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        for code in (
            alice,
            (await let_in(site, name="pat", speaks=True))["code"],
            (await let_in(site, name="rita"))["code"],
        ):
            await site.front.call("GET", "/whoami", code=code)
        peers = (await site.front.call("GET", "/peers", code=alice)).json["peers"]
        roles = {row["name"]: row.get("role") for row in peers}
        assert roles == {"alice": None, "pat": "person", "rita": "reader"}
        text = await site.front.call("GET", "/peers?format=text", code=alice)
        assert b"pat (person) online\nrita (reader) online\n" in text.body
        state = (await site.admin("GET", "/admin/state")).json
        known = {"alice": "agent", "pat": "person", "rita": "reader"}
        assert {row["name"]: row["role"] for row in state["codes"]} == known
        roster = state["roster"]["build"]
        assert {row["name"]: row["role"] for row in roster} == known
        states = {row["name"]: row["state"] for row in roster}
        assert states == {"alice": "standing_by", "pat": "standing_by", "rita": None}


# -- names -----------------------------------------------------------------


async def test_a_guest_takes_the_name_of_nobody() -> None:
    async with open_site() as site:
        await site.code("alice")
        await let_in(site, name="pat", speaks=True)
        say = {"room": "build", "text": "hi", "sender": "titus"}
        await site.admin("POST", "/admin/say", say)
        for name in ("Alice", "PAT", "titus"):
            for speaks in (True, False):
                fields = {"name": name, "speaks": speaks}
                reply = await site.admin("POST", GUESTS, fields)
                assert (reply.status, reply.error) == (409, "name_taken")


async def test_a_guest_does_not_take_a_name_that_kept_messages_have() -> None:
    async with open_site() as site:
        alice, dan = await site.code("alice"), await site.code("dan")
        await site.say(alice, "a secret for dan", to="dan")
        await site.say(dan, "a secret for eve", to="eve")
        await site.admin("POST", "/admin/revoke", {"target": "dan"})
        for name in ("Dan", "eve"):
            for speaks in (True, False):
                fields = {"name": name, "speaks": speaks}
                reply = await site.admin("POST", GUESTS, fields)
                assert (reply.status, reply.error) == (409, "name_taken")


@pytest.mark.parametrize("speaks", [True, False])
async def test_a_guest_is_let_in_again_once_its_link_has_expired(
    *, speaks: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        fields = {"name": "pat", "speaks": speaks, "ttl": "1h"}
        pat = await let_in(site, **fields)
        if speaks:
            await site.say(pat["code"], "hello")
        again = await site.admin("POST", GUESTS, fields)
        assert (again.status, again.error) == (409, "name_taken")
        for pause in (3601, 7200):  # before its dismissal, and after
            await trio.sleep(pause)
            named = {**ROOM, "name": "pat"}
            made = await site.admin("POST", "/admin/invite", named)
            assert (made.status, made.error) == (409, "name_taken")
            await site.say(alice, "still there?")
            pat = await let_in(site, **fields)
            assert "still there?" in texts(await read(site, pat["code"]))


async def test_nobody_takes_the_name_of_a_guest() -> None:
    async with open_site() as site:
        await site.code("alice")
        early = await site.admin("POST", "/admin/invites", {**ROOM, "name": "pat"})
        await let_in(site, name="pat", speaks=True)
        await let_in(site, name="rita")
        late = {"invite": early.json["invite"]}
        joined = await site.front.call("POST", "/join", json=late)
        assert (joined.status, joined.error) == (409, "name_taken")
        for name in ("Pat", "rita"):
            fields = {**ROOM, "name": name}
            invited = await site.admin("POST", "/admin/invite", fields)
            assert (invited.status, invited.error) == (409, "name_taken")
            made = await site.admin("POST", "/admin/invites", fields)
            assert (made.status, made.error) == (409, "name_taken")
            say = {"room": "build", "text": "hi", "sender": name}
            assert (await site.admin("POST", "/admin/say", say)).error == "sender_taken"


async def test_of_racing_guests_of_one_name_one_is_let_in() -> None:
    statuses = list[int]()

    async def race(site: Site, *, speaks: bool) -> None:
        fields = {"name": "pat", "speaks": speaks}
        statuses.append((await site.admin("POST", GUESTS, fields)).status)

    async with open_site() as site:
        await site.code("alice")
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(partial(race, site, speaks=bool(number % 2)))
        assert sorted(statuses) == [200, *[409] * 5]


async def test_the_name_of_a_revoked_guest_is_free_once_nothing_has_it() -> None:
    async with open_site(attrs.evolve(FREE, messages_per_room=2)) as site:
        alice = await site.code("alice")
        pat = await let_in(site, name="pat", speaks=True)
        await site.say(pat["code"], "hello")
        await site.admin("POST", "/admin/revoke", {"target": pat["key_id"]})
        assert (await site.say(pat["code"], "again")).status == 401
        fields = {"name": "pat", "speaks": True}
        assert (await site.admin("POST", GUESTS, fields)).error == "name_taken"
        for _ in range(2):
            await site.say(alice, "and on")
        await let_in(site, **fields)


async def test_readers_without_a_name_get_different_ones() -> None:
    async with open_site() as site:
        await site.code("alice")
        guests = [await let_in(site) for _ in range(3)]
        names = {guest["name"] for guest in guests}
        assert len(names) == 3
        assert all(name.startswith("guest-") for name in names)


# -- the end ---------------------------------------------------------------


async def test_every_guest_has_an_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(FREE, guest_seconds=60)
    async with open_site(limits) as site:
        await site.code("alice")
        usual = (await let_in(site, name="pat"))["code"]
        short = (await let_in(site, name="rita", ttl="1m"))["code"]
        longer = (await let_in(site, name="gus", ttl="2m"))["code"]
        await trio.sleep(61)
        assert Limits().guest_seconds == 86_400
        statuses = [
            (await site.front.call("GET", "/whoami", code=code)).status
            for code in (usual, short, longer)
        ]
        assert statuses == [401, 401, 200]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"speaks": True}, "name"),
        ({"name": "operator"}, "name"),
        ({"ttl": "never"}, "ttl"),
        ({"ttl": "31d"}, "ttl"),
        ({"ttl": "0"}, "ttl"),
    ],
)
async def test_an_invalid_guest_is_not_let_in(
    fields: dict[str, object], field: str
) -> None:
    async with open_site() as site:
        await site.code("alice")
        reply = await site.admin("POST", GUESTS, fields)
        assert reply.status == 422
        (error,) = reply.json["detail"]["errors"]
        assert error["field"] == field
        problem = "a guest link always ends: at most 30 days"
        assert field != "ttl" or error["problem"] == problem
        assert len(site.house.relay.codes) == 1


async def test_there_are_no_guests_of_an_unknown_room() -> None:
    async with open_site() as site:
        reply = await site.admin("POST", GUESTS, {})
        assert (reply.status, reply.error) == (404, "room_not_found")


async def test_guests_are_in_the_audit_log_and_count_as_codes() -> None:
    limits = attrs.evolve(FREE, codes=2)
    async with open_site(limits) as site:
        await site.code("alice")
        guest = await let_in(site, name="pat", speaks=True)
        assert (await site.admin("POST", GUESTS, {})).error == "code_quota"
        rows = (await site.admin("GET", "/admin/audit")).json["events"]
        (row,) = [row for row in rows if row["action"] == "guest"]
        assert row["detail"] == f"pat {guest['key_id']} person"


async def test_a_role_survives_a_restart(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store, open_site(store=store) as site:
        await site.code("alice")
        rita = (await let_in(site, name="rita"))["code"]
        pat = (await let_in(site, name="pat", speaks=True))["code"]
    async with open_sqlite_store(tmp_path) as store, open_site(store=store) as site:
        assert (await site.say(rita, "hi")).error == "read_only"
        said = await site.say(pat, "hi")
        assert said.json["message"]["from_kind"] == "person"


async def test_a_reader_does_not_wait_for_the_answer_of_a_hidden_question() -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        rita = (await let_in(site, name="rita"))["code"]
        await site.say(alice, "secret", to="rita")
        hidden = await site.front.call("GET", "/messages/1?wait=1", code=rita)
        assert hidden.status == 404
        asked = await site.front.call(
            "POST", "/ask", code=rita, json={"text": "Why?", "to": "alice"}
        )
        assert asked.error == "read_only"


async def test_words_of_a_person_begin_no_damping() -> None:
    async with open_site(attrs.evolve(FREE, loop_turns=3)) as site:
        alice = await site.code("alice")
        pat = (await let_in(site, name="pat", speaks=True))["code"]
        for _ in range(6):
            await site.say(pat, "ping", to="alice", expects_reply="none")
            await site.say(alice, "pong", to="pat", expects_reply="none")
        history = await site.front.call("GET", "/history", code=alice)
        assert len(history.json["messages"]) == 12
