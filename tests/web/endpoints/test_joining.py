"""One-use invites: made by the operator, exchanged once for a code, or refused."""

from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import (
    INVITE_PREFIX,
    format_code,
    is_well_formed,
)
from argybargy.domain.limits import Limits
from argybargy.relay.access import invite_registry
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api.joining import create_invite
from argybargy.store.errors import Refused, Unknown
from argybargy.store.memory.store import MemoryStore, open_memory_store
from argybargy.store.sqlite.store import open_sqlite_store
from support.relay import SettableClocks, open_harness
from support.web_app import BASE, Reply, Site, open_site

KEY = "0123456789abcdef"
FREE = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


async def made(site: Site, **fields: object) -> dict[str, str]:
    reply = await site.admin("POST", "/admin/invites", {"room": "build", **fields})
    assert reply.status == 200, reply.body
    invite: dict[str, str] = reply.json
    return invite


async def join(
    site: Site, invite: str, key: str | None = None, **fields: object
) -> Reply:
    headers = {} if key is None else {"idempotency-key": key}
    json = {"invite": invite, **fields}
    return await site.front.call("POST", "/join", json=json, headers=headers)


def held(site: Site) -> list[str]:
    """Names of the peers with a code."""
    return sorted(code.name for code in site.house.relay.codes)


def actions(store: MemoryStore) -> list[str]:
    rows = store._audit.newest(100, None)
    return [row.audit.action for row in rows]


async def test_an_invite_is_exchanged_for_a_code_that_opens_its_room() -> None:
    async with open_site() as site:
        invite = await made(site, name="codex", capabilities="sql", client="codex-cli")
        assert is_well_formed(invite["invite"], INVITE_PREFIX)
        assert invite["link"] == f"{BASE}/join#{invite['invite']}"
        assert invite["invite"] in invite["instruction"]
        joined = await join(site, invite["invite"])
        assert joined.status == 200
        body = joined.json
        assert (body["room"], body["name"], body["relay"]) == ("build", "codex", BASE)
        assert (body["expires_at"], body["manual"]) == (None, f"{BASE}/?format=text")
        who = await site.front.call("GET", "/whoami", code=body["code"])
        assert who.json == {"name": "codex", "room": "build", "capabilities": "sql"}
        (row,) = (await site.admin("GET", "/admin/invites")).json["invites"]
        assert (row["state"], row["code_key_id"]) == ("used", body["key_id"])
        state = await site.admin("GET", "/admin/state")
        assert state.json["codes"][0]["client"] == "codex-cli"


async def test_a_join_that_asks_for_text_gets_the_instruction() -> None:
    async with open_site() as site:
        invite = (await made(site, name="codex"))["invite"]
        json = {"invite": invite, "nam": "x"}
        joined = await site.front.call("POST", "/join?format=text", json=json)
        first, told, ignored = joined.body.decode().splitlines()
        assert first == "you are codex in build"
        assert "Authorization: Bearer argy_a1_" in told
        assert ignored == "ignored: nam (did you mean name?)"
        lost = await site.front.call("POST", "/join?format=text", json=json)
        assert (lost.status, lost.body[:20]) == (410, b"error: invite_used: ")


async def test_the_whole_link_is_accepted_as_an_invite() -> None:
    async with open_site() as site:
        invite = await made(site, name="codex")
        assert (await join(site, invite["link"])).status == 200


async def test_the_code_lives_as_long_as_the_invite_says() -> None:
    async with open_site() as site:
        invite = await made(site, name="codex", expires="1h")
        joined = await join(site, invite["invite"])
        record = next(iter(site.house.relay.codes))
        assert joined.json["expires_at"] is not None
        left = site.house.relay.codes.seconds_left(record, site.house.clock.now())
        assert 3599 < left <= 3600


async def test_opening_the_link_shows_a_page_and_uses_nothing() -> None:
    async with open_site() as site:
        invite = await made(site, name="codex")
        path, _, secret = invite["link"].removeprefix(BASE).partition("#")
        for accept in ("text/html,*/*", "application/json"):
            page = await site.front.call("GET", path, headers={"accept": accept})
            assert page.status == 200
            assert page.headers["content-type"] == "text/plain; charset=utf-8"
            assert page.headers["content-security-policy"].startswith("default-src 'no")
            assert b"Opening it changes nothing" in page.body
            # The key is made once, so that a repetition has the same.
            made_key, _, request = page.body.decode().partition("curl ")
            assert "key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')" in made_key
            assert '"Idempotency-Key: $key"' in request
        assert (await join(site, secret)).status == 200


async def test_of_many_racing_joins_exactly_one_gets_a_code() -> None:
    replies = list[Reply]()

    async def race(site: Site, invite: str, name: str) -> None:
        replies.append(await join(site, invite, name=name))

    async with open_memory_store() as store, open_site(store=store) as site:
        invite = await made(site)
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(race, site, invite["invite"], f"agent{number}")
        won = [reply for reply in replies if reply.status == 200]
        lost = [reply for reply in replies if reply.status != 200]
        assert [reply.error for reply in lost] == ["invite_used"] * 19
        assert {reply.status for reply in lost} == {410}
        assert held(site) == [won[0].json["name"]]
        assert len(await store.codes()) == 1
        assert actions(store).count("join") == 1


async def test_two_invites_do_not_give_the_same_chosen_name() -> None:
    replies = list[Reply]()

    async def race(site: Site, invite: str) -> None:
        replies.append(await join(site, invite, name="codex"))

    async with open_site() as site:
        invites = [await made(site), await made(site)]
        async with trio.open_nursery() as nursery:
            for invite in invites:
                nursery.start_soon(race, site, invite["invite"])
        assert sorted(reply.status for reply in replies) == [200, 409]
        assert held(site) == ["codex"]
        states = (await site.admin("GET", "/admin/invites")).json["invites"]
        assert sorted(row["state"] for row in states) == ["open", "used"]


async def _used(site: Site) -> str:
    invite = (await made(site, name="codex"))["invite"]
    assert (await join(site, invite)).status == 200
    return invite


async def _revoked(site: Site) -> str:
    invite = await made(site, name="codex")
    gone = await site.admin("DELETE", f"/admin/invites/{invite['id']}")
    assert gone.json == {"revoked": invite["id"]}
    return invite["invite"]


async def _late(site: Site) -> str:
    invite = (await made(site, name="codex"))["invite"]
    await trio.sleep(FREE.invite_seconds)
    return invite


async def _forged(_: Site) -> str:
    return format_code("x" * 32, INVITE_PREFIX)


async def _malformed(_: Site) -> str:
    return "argy_i1_nonsense"


async def _code(site: Site) -> str:
    return await site.code("codex")


@pytest.mark.parametrize(
    ("ended", "status", "error"),
    [
        (_used, 410, "invite_used"),
        (_revoked, 410, "invite_revoked"),
        (_late, 410, "invite_expired"),
        (_forged, 401, "invite_unknown"),
        (_malformed, 401, "invite_unknown"),
        (_code, 401, "invite_unknown"),
    ],
)
async def test_an_invite_that_cannot_be_used_is_refused_and_changes_nothing(
    autojump_clock: trio.testing.MockClock, ended: object, status: int, error: str
) -> None:
    assert callable(ended)
    async with open_site() as site:
        invite = await ended(site)
        before = held(site)
        reply = await join(site, invite, KEY, name="codex")
        assert (reply.status, reply.error) == (status, error)
        assert "sk the operator for a new one" in reply.json["detail"]["detail"]
        assert held(site) == before
        assert invite not in reply.body.decode()


async def test_only_guesses_at_invites_are_throttled() -> None:
    async with open_site() as site:
        used = await _used(site)
        for _ in range(30):
            assert (await join(site, used, name="x")).status == 410
            assert (await join(site, "argy_i1_nonsense", name="x")).status == 401
        guesses = [format_code(f"{n:032}", INVITE_PREFIX) for n in range(12)]
        statuses = [(await join(site, guess, name="x")).status for guess in guesses]
        assert statuses == [401] * 10 + [429] * 2
        assert (await join(site, (await made(site, name="y"))["invite"])).status == 200


async def test_an_invite_lives_for_the_time_it_was_given(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        invite = await made(site, name="codex", ttl_minutes=60)
        await trio.sleep(3599)
        assert (await join(site, invite["invite"])).status == 200


@pytest.mark.parametrize("shift", [-86_400, 86_400])
async def test_setting_the_wall_clock_neither_ends_nor_prolongs_an_invite(
    autojump_clock: trio.testing.MockClock, shift: float
) -> None:
    clocks = SettableClocks()
    async with open_memory_store() as store:
        async with open_harness(FREE, store, clocks) as house:
            invites = house.relay.invites
            issued = await create_invite(house.relay, Invitation("build", "a"), 900)
            clocks.shift(shift)
            await trio.sleep(890)
            assert invites.state(issued.record, house.clock.now()).value == "open"
            await trio.sleep(11)
            assert invites.state(issued.record, house.clock.now()).value == "expired"
        async with open_harness(FREE, store, clocks) as house:
            found = house.relay.invites.find(issued.invite)
            assert found is not None
            state = house.relay.invites.state(found, house.clock.now())
            assert state.value == "expired"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "name"),
        ({"name": "operator"}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "codex", "client": "a\nb"}, "client"),
    ],
)
async def test_a_join_with_an_invalid_field_keeps_the_invite(
    fields: dict[str, object], field: str
) -> None:
    async with open_site() as site:
        invite = (await made(site))["invite"]
        reply = await join(site, invite, None, **fields)
        assert reply.status == 422
        assert [each["field"] for each in reply.json["detail"]["errors"]] == [field]
        assert (await join(site, invite, name="codex")).status == 200


async def test_a_name_that_the_operator_gave_is_not_replaced() -> None:
    async with open_site() as site:
        invite = (await made(site, name="codex"))["invite"]
        assert (await join(site, invite, name="boss")).status == 422
        assert (await join(site, invite, name="CODEX")).json["name"] == "codex"


async def test_a_joiner_may_not_take_the_name_of_somebody_else() -> None:
    async with open_site() as site:
        await site.code("alice")
        say = {"room": "build", "text": "hi", "sender": "titus"}
        await site.admin("POST", "/admin/say", say)
        invite = (await made(site))["invite"]
        for name in ("Alice", "titus"):
            reply = await join(site, invite, name=name)
            assert (reply.status, reply.error) == (409, "name_taken")
        assert (await join(site, invite, name="codex")).status == 200


async def test_a_joiner_may_not_take_a_name_that_kept_messages_have() -> None:
    async with open_site() as site:
        alice, dan = await site.code("alice"), await site.code("dan")
        await site.say(alice, "a secret for dan", to="dan")
        await site.say(dan, "a secret of dan", to="alice")
        await site.say(alice, "a secret for eve", to="eve")
        eddy = await site.code("eddy")
        await site.say(eddy, "hello everybody")
        for name in ("dan", "eddy"):
            await site.admin("POST", "/admin/revoke", {"target": name})
        invite = (await made(site))["invite"]
        for name in ("Dan", "eve", "eddy"):
            reply = await join(site, invite, name=name)
            assert (reply.status, reply.error) == (409, "name_taken")
        # The operator may name whom the messages are for.
        for name in ("dan", "eve"):
            given = (await made(site, name=name))["invite"]
            assert (await join(site, given)).status == 200
        assert (await join(site, invite, name="codex")).status == 200


async def test_the_operator_may_give_the_name_of_an_agent_again() -> None:
    async with open_site() as site:
        await site.code("alice")
        invite = (await made(site, name="ALICE"))["invite"]
        assert (await join(site, invite)).json["name"] == "alice"


async def test_another_code_takes_nothing_from_what_its_peer_has_stated() -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        can = {"capabilities": ["sql"]}
        await site.front.call("PUT", "/me", code=bob, json=can)
        invite = (await made(site, name="bob"))["invite"]
        joined = (await join(site, invite)).json
        who = await site.front.call("GET", "/whoami", code=joined["code"])
        assert who.json["capabilities"] == "sql"
        asked = await site.say(alice, "who?", to="can:sql")
        assert asked.json["message"]["to"] == ["can:sql", "bob"]


async def test_a_joiner_is_called_to_the_questions_that_fit_it() -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.say(alice, "who?", to="can:sql")
        invite = (await made(site, name="bob", capabilities="sql"))["invite"]
        assert (await join(site, invite)).status == 200
        thread = await site.front.call("GET", "/messages/1", code=alice)
        assert thread.json["message"]["to"] == ["can:sql", "bob"]


async def test_a_join_beyond_the_quota_of_codes_keeps_the_invite() -> None:
    async with open_site(attrs.evolve(FREE, codes=1)) as site:
        await site.code("alice")
        invite = (await made(site, name="codex"))["invite"]
        assert (await join(site, invite)).error == "code_quota"
        await site.admin("POST", "/admin/revoke", {"target": "alice"})
        assert (await join(site, invite)).status == 200


# -- a lost answer -------------------------------------------------------------------


async def test_a_join_is_repeated_with_its_key_for_a_minute(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store, open_site(store=store) as site:
        invite = (await made(site))["invite"]
        first = await join(site, invite, KEY, name="codex")
        await trio.sleep(59)
        again = await join(site, invite, KEY, name="codex")
        assert (again.status, again.json) == (200, first.json)
        assert len(await store.codes()) == 1
        await trio.sleep(2)
        late = await join(site, invite, KEY, name="codex")
        assert (late.status, late.error) == (410, "invite_used")


async def test_nobody_else_gets_the_code_of_a_join() -> None:
    async with open_site() as site:
        invite = (await made(site))["invite"]
        first = await join(site, invite, KEY, name="codex")
        for key, name in ((None, "codex"), (KEY[::-1], "codex"), (KEY, "other")):
            reply = await join(site, invite, key, name=name)
            assert (reply.status, reply.error) == (410, "invite_used")
        await site.admin("POST", "/admin/revoke", {"target": first.json["key_id"]})
        assert (await join(site, invite, KEY, name="codex")).error == "invite_used"


async def test_an_invite_and_a_key_alone_do_not_reveal_the_code() -> None:
    codes = set()
    for _ in range(2):
        async with open_site() as site:
            codes.add(site.house.relay.invites.derived_code("argy_i1_x", KEY))
    assert len(codes) == 2


async def test_a_short_idempotency_key_is_refused() -> None:
    async with open_site() as site:
        invite = (await made(site, name="codex"))["invite"]
        reply = await join(site, invite, "1")
        assert (reply.status, reply.error) == (422, "invalid_request")
        assert (await join(site, invite)).status == 200


# -- the store ------------------------------------------------------------------------


async def test_an_invite_survives_a_restart_and_so_does_its_end(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store, open_site(store=store) as site:
        open_, used = await made(site, name="a"), await made(site, name="b")
        assert (await join(site, used["invite"])).status == 200
    async with open_sqlite_store(tmp_path) as store, open_site(store=store) as site:
        assert (await join(site, used["invite"], KEY)).error == "invite_used"
        assert (await join(site, open_["invite"])).status == 200
    files = await trio.Path(tmp_path).iterdir()
    for file in files:
        assert open_["invite"].encode() not in await file.read_bytes()


async def test_a_refused_write_keeps_the_invite() -> None:
    async with open_memory_store() as memory, open_site(store=memory) as site:
        invite = (await made(site, name="codex"))["invite"]

        async def refuse(*_: object) -> None:
            await trio.lowlevel.checkpoint()
            raise Refused("no")

        store = site.house.relay.invites.store
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(store), "redeem_invite", refuse)
            assert (await join(site, invite)).status == 503
        assert (await join(site, invite)).status == 200


@pytest.mark.parametrize("is_stored", [True, False])
async def test_after_a_doubtful_write_at_most_one_code_exists(is_stored: bool) -> None:
    redeem = MemoryStore.redeem_invite

    async def doubt(store: MemoryStore, *arguments: object) -> None:
        if is_stored:
            await redeem(store, *arguments)  # type: ignore[arg-type]  # passed on
        raise Unknown("the disk does not say")

    async with open_memory_store() as memory, open_site(store=memory) as site:
        invite = (await made(site, name="codex"))["invite"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryStore, "redeem_invite", doubt)
            first = await join(site, invite, KEY)
            assert (first.status, first.error) == (503, "storage_unknown")
        assert (await join(site, invite)).status == (410 if is_stored else 200)
        assert len(await memory.codes()) == 1


async def test_a_cancelled_join_leaves_memory_and_store_alike() -> None:
    async with open_memory_store() as memory, open_site(store=memory) as site:
        invite = (await made(site, name="codex"))["invite"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(join, site, invite)
            await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        (stored,) = await memory.invites()
        assert list(site.house.relay.invites) == [stored]
        assert len(await memory.codes()) == (0 if stored.end is None else 1)


# -- the operator ---------------------------------------------------------------------


async def test_what_happens_to_an_invite_is_in_the_audit_log() -> None:
    async with open_memory_store() as store, open_site(store=store) as site:
        await _used(site)
        await _revoked(site)
        rows = store._audit.newest(100, None)
        seen = {row.audit.action: row.audit for row in rows}
        assert {"invite_create", "invite_revoke", "join"} <= set(seen)
        assert (seen["join"].actor, seen["join"].room) == ("codex", "build")
        assert "argy_" not in repr(rows)


async def test_only_an_open_invite_is_revoked() -> None:
    async with open_site() as site:
        await _used(site)
        (row,) = (await site.admin("GET", "/admin/invites")).json["invites"]
        for key_id in (row["id"], "0123456789ab", "nonsense"):
            reply = await site.admin("DELETE", f"/admin/invites/{key_id}")
            assert (reply.status, reply.error) == (404, "invite_not_found")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "all"}, "name"),
        ({"room": "a b"}, "room"),
        ({"ttl_minutes": 0}, "ttl_minutes"),
        ({"ttl_minutes": 1441}, "ttl_minutes"),
        ({"capabilities": "x" * 401}, "capabilities"),
    ],
)
async def test_an_invalid_invite_is_not_made(
    fields: dict[str, object], field: str
) -> None:
    async with open_site() as site:
        reply = await site.admin("POST", "/admin/invites", fields)
        assert reply.status == 422
        (error,) = reply.json["detail"]["errors"]
        assert error["field"] == field
        assert field != "ttl_minutes" or error["problem"] == "1 to 1440 minutes"
        assert len(site.house.relay.invites) == 0


async def test_open_invites_are_limited_and_ended_ones_forgotten() -> None:
    limits = attrs.evolve(FREE, invites=2, invites_kept=3)
    async with open_memory_store() as store, open_site(limits, store=store) as site:
        first = await made(site, name="a")
        await made(site, name="b")
        refused = await site.admin("POST", "/admin/invites", {"name": "c"})
        assert (refused.status, refused.error) == (403, "invite_quota")
        for name in "abcd":
            await join(site, first["invite"])
            first = await made(site, name=name)
        assert len(site.house.relay.invites) == len(await store.invites()) == 3


async def test_an_ended_invite_is_forgotten_a_day_after_its_time(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invite_registry._FORGET_SECONDS == 86_400
    monkeypatch.setattr(invite_registry, "_FORGET_SECONDS", 100)
    async with open_memory_store() as store, open_site(store=store) as site:
        invite = await _used(site)
        await trio.sleep(FREE.invite_seconds + 3_600)
        assert len(site.house.relay.invites) == 1
        await trio.sleep(200)
        assert len(await store.invites()) == len(site.house.relay.invites) == 0
        assert (await join(site, invite)).error == "invite_unknown"


async def test_an_open_invite_is_not_posted_and_an_ended_one_is() -> None:
    async with open_site() as site:
        code, invite = await site.code("alice"), (await made(site, name="b"))["invite"]
        refused = await site.say(code, f"join by {invite}")
        assert refused.error == "contains_secret"
        assert (await join(site, invite)).status == 200
        assert (await site.say(code, f"I joined by {invite}")).status == 200


async def test_an_invite_opens_no_door_but_one() -> None:
    async with open_site() as site:
        invite = (await made(site, name="codex"))["invite"]
        whoami = await site.front.call("GET", "/whoami", code=invite)
        state = await site.front.call("GET", "/admin/state", token=invite)
        session = await site.front.call("POST", "/admin/session", json={"code": invite})
        assert [whoami.status, state.status, session.status] == [401, 401, 401]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_deleting_a_room_deletes_its_invites(kind: str, tmp_path: Path) -> None:
    opening = open_memory_store() if kind == "memory" else open_sqlite_store(tmp_path)
    async with opening as store, open_site(store=store) as site:
        kept = await made(site, room="other")
        gone = await made(site)
        assert (await site.admin("DELETE", "/admin/rooms/build")).error == "room_open"
        await site.admin("POST", "/admin/rooms/build/close")
        assert (await site.admin("DELETE", "/admin/rooms/build")).status == 200
        late = await join(site, gone["invite"], name="ann")
        assert late.error == "invite_unknown"
        assert [each.room for each in await store.invites()] == ["other"]
        listed = (await site.admin("GET", "/admin/invites")).json["invites"]
        assert [row["room"] for row in listed] == ["other"]
        assert (await join(site, kept["invite"], name="ann")).status == 200
        state = (await site.admin("GET", "/admin/state")).json
        assert list(state["room_status"]) == ["other"]
