"""What an agent says about itself: ``PUT /me``, and everyone who shows it."""

import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import open_memory_store
from support.relay import SettableClocks, open_harness
from support.web_app import Site, open_site


async def put_me(site: Site, code: str, **fields: object) -> dict[str, object]:
    reply = await site.front.call("PUT", "/me", code=code, json=fields)
    assert reply.status == 200, reply.body
    answer: dict[str, object] = reply.json
    return answer


async def test_a_statement_is_shown_everywhere(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob, ann = await site.code("bob"), await site.code("ann")
        await site.front.call("GET", "/whoami", code=ann)
        answer = await put_me(
            site, bob, capabilities=["SQL", "ci", "sql"], status=" migrating · 3/5 "
        )
        assert answer == {
            "name": "bob",
            "room": "build",
            "capabilities": "sql ci",
            "status": "migrating · 3/5",
        }
        assert (await site.front.call("GET", "/whoami", code=bob)).json == answer
        resumed = await site.front.call("GET", "/resume", code=bob)
        assert resumed.json["capabilities"] == "sql ci"
        peers = (await site.front.call("GET", "/peers", code=ann)).json["peers"]
        assert [(row["name"], row.get("status")) for row in peers] == [
            ("ann", None),
            ("bob", "migrating · 3/5"),
        ]
        text = await site.front.call("GET", "/peers?format=text", code=ann)
        assert text.body.decode().splitlines() == [
            "ann online",
            "bob online: sql ci · migrating · 3/5",
            "operator away",
        ]
        state = (await site.admin("GET", "/admin/state")).json
        (row,) = [row for row in state["roster"]["build"] if row["name"] == "bob"]
        assert (row["capabilities"], row["status"]) == ("sql ci", "migrating · 3/5")


async def test_parts_that_are_left_out_stay_and_empty_ones_go(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        await put_me(site, bob, capabilities=["sql"], status="busy")
        assert (await put_me(site, bob, status="idle"))["capabilities"] == "sql"
        assert (await put_me(site, bob, capabilities=["ci"]))["status"] == "idle"
        bare = {"name": "bob", "room": "build", "capabilities": ""}
        assert await put_me(site, bob, capabilities=[], status="") == bare


async def test_peers_are_found_by_a_word_of_any_text(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        said = {"ann": "Reviews, SQL (Postgres).", "bob": "mysql", "cem": ""}
        for name, text in said.items():
            made = await site.admin(
                "POST",
                "/admin/invite",
                json={"name": name, "room": "build", "capabilities": text},
            )
            code = made.json["code"]
            await site.front.call("GET", "/whoami", code=code)
        await put_me(site, code, capabilities=["sql"])
        found = (await site.front.call("GET", "/peers?can=sql", code=code)).json
        # The operator's text stays readable as it is.
        assert [(row["name"], row["capabilities"]) for row in found["peers"]] == [
            ("ann", "Reviews, SQL (Postgres)."),
            ("cem", "sql"),
        ]
        nobody = await site.front.call("GET", "/peers?can=cobol", code=code)
        assert nobody.json["peers"] == []
        bad = await site.front.call("GET", "/peers?can=a%20b", code=code)
        assert (bad.status, bad.json["detail"]["errors"][0]["field"]) == (422, "can")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"capabilities": ["two words"]}, ["capabilities"]),
        ({"capabilities": ["-dash"]}, ["capabilities"]),
        ({"capabilities": ["é"]}, ["capabilities"]),
        ({"capabilities": ["w" * 33]}, ["capabilities"]),
        ({"capabilities": [f"w{n}" for n in range(33)]}, ["capabilities"]),
        ({"capabilities": "sql"}, ["capabilities"]),
        ({"status": "s" * 121}, ["status"]),
        ({"status": "two\nlines"}, ["status"]),
        ({"status": "\x1b[31mred"}, ["status"]),
        ({"capabilities": [""], "status": "\0"}, ["capabilities", "status"]),
    ],
)
async def test_an_invalid_statement_changes_nothing(
    autojump_clock: trio.testing.MockClock, fields: dict[str, object], named: list[str]
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        before = await put_me(site, bob, capabilities=["sql"], status="s" * 120)
        reply = await site.front.call("PUT", "/me", code=bob, json=fields)
        errors = reply.json["detail"]["errors"]
        assert (reply.status, [each["field"] for each in errors]) == (422, named)
        assert (await site.front.call("GET", "/whoami", code=bob)).json == before


async def test_the_longest_statement_is_accepted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        words = [f"{n:032}" for n in range(32)]
        answer = await put_me(site, await site.code("bob"), capabilities=words)
        assert answer["capabilities"] == " ".join(words)


async def test_a_statement_with_a_secret_is_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        reply = await site.front.call("PUT", "/me", code=bob, json={"status": bob})
        assert reply.error == "contains_secret"


async def test_statements_are_limited_as_claims_are(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(claims_per_window=2)) as site:
        bob = await site.code("bob")
        for status in (200, 200, 429):
            reply = await site.front.call("PUT", "/me", code=bob, json={"status": "x"})
            assert reply.status == status


async def test_a_statement_wakes_nobody_but_the_dashboard(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        site.services.relay.overview.recompute(site.services.relay.clock.now())
        began = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                await site.front.call("GET", "/messages?wait=20", code=ann)

            nursery.start_soon(wait)
            await site.house.wait_parked(1)
            await put_me(site, bob, capabilities=["sql"], status="busy")
        assert trio.current_time() - began == pytest.approx(20)


async def test_every_code_of_a_peer_says_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        old = await site.code("bob")
        await put_me(site, old, capabilities=["sql"])
        new = await site.code("bob")  # without capabilities: the stated ones stay
        assert (await site.front.call("GET", "/whoami", code=new)).json[
            "capabilities"
        ] == "sql"
        await put_me(site, new, capabilities=["ci"])
        state = (await site.admin("GET", "/admin/state")).json
        assert {row["capabilities"] for row in state["codes"]} == {"ci"}


async def test_capabilities_outlive_the_relay_and_a_status_does_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store:
        async with open_site(store=store) as site:
            bob = await site.code("bob")
            await put_me(site, bob, capabilities=["sql"], status="busy")
        async with open_site(store=store) as site:
            answer = (await site.front.call("GET", "/whoami", code=bob)).json
            assert answer == {"name": "bob", "room": "build", "capabilities": "sql"}


async def test_a_status_ends_with_the_codes_of_its_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(clocks=SettableClocks()) as house:
        bob = await house.guest("bob")
        house.relay.presence.state(bob.peer, "busy", trio.current_time())
        house.relay.presence.forget(bob.peer)
        assert house.relay.presence.status(bob.peer) == ""
