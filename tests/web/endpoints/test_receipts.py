"""Receipts: who has read a message, and how its addressees hear of it."""

import trio
import trio.testing

from support.web_app import Site, open_site

PLAIN = {"accept": "text/plain"}
MINIMAL = {"prefer": "return=minimal"}


async def read_by(site: Site, code: str, seq: int = 1) -> list[str]:
    reply = await site.front.call("GET", f"/messages/{seq}", code=code)
    readers: list[str] = reply.json["read_by"]
    return readers


async def test_a_message_is_read_by_those_that_acknowledged_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob, carol = [
            await site.code(name) for name in ("alice", "bob", "carol")
        ]
        await site.say(alice, "hello")
        assert await read_by(site, alice) == []
        await site.front.call("GET", "/messages?since=0", code=bob)
        assert await read_by(site, alice) == [], "delivered, not acknowledged"
        await site.front.call("GET", "/messages?since=1", code=bob)
        await site.front.call("GET", "/messages?since=1", code=alice)
        for code in (alice, bob, carol):
            assert await read_by(site, code) == ["bob"]


async def test_readers_are_members_that_may_see_the_message(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob, carol = [
            await site.code(name) for name in ("alice", "bob", "carol")
        ]
        await site.say(alice, "psst", to="bob")
        for code in (bob, carol):
            await site.front.call("GET", "/messages?since=1", code=code)
        assert await read_by(site, alice) == ["bob"]
        await site.admin("POST", "/admin/revoke", json={"target": "bob"})
        assert await read_by(site, alice) == []


async def test_readers_are_shown_in_every_form(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "hello")
        for headers, empty, full in (
            (PLAIN, b"1 alice: hello\n", b"1 alice: hello\nread by bob\n"),
            (MINIMAL, b"}}\n", b'"read_by":["bob"]}\n'),
        ):
            await site.front.call("GET", "/messages?since=0", code=bob)
            for door in (site.front, site.quart):
                reply = await door.call("GET", "/messages/1", code=alice)
                assert reply.json["read_by"] == []
                reply = await door.call(
                    "GET", "/messages/1", code=alice, headers=headers
                )
                assert reply.body.endswith(empty)
            await site.front.call("GET", "/messages?since=1", code=bob)
            reply = await site.front.call(
                "GET", "/messages/1", code=alice, headers=headers
            )
            assert reply.body.endswith(full)
            site.house.relay.rooms.find("build").cursors.clear()  # type: ignore[union-attr]  # the room is live


async def test_a_post_says_how_soon_its_addressees_hear(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, trio.open_nursery() as nursery:
        alice, bob = await site.code("alice"), await site.code("bob")
        ear = {"x-argybargy-ear": "codex/0.171.0 queue 019a2f60"}

        async def listen() -> None:
            await site.front.call(
                "GET", "/messages?since=next&wait=25&wake=asks", code=bob, headers=ear
            )

        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        reply = await site.say(alice, "fyi", to="bob", expects_reply="none")
        assert reply.json["delivery"] == {"bob": "parked"}
        assert reply.json["receipts"] == {"bob": "held"}
        for door in (site.front, site.quart):
            reply = await door.call(
                "POST",
                "/messages?to=bob,carol,operator",
                code=alice,
                body=b"well?",
                headers={"content-type": "text/plain"} | PLAIN,
            )
            assert reply.body.decode().splitlines()[0].partition(" · ")[2] == (
                "bob held, operator away"
            )
        reply = await site.front.call(
            "POST",
            "/messages",
            code=alice,
            json={"text": "bob?", "to": "bob"},
            headers=MINIMAL,
        )
        assert reply.json["receipts"] == {"bob": "wakes now"}
        reply = await site.say(alice, "hello all")
        assert "receipts" not in reply.json
        reply = await site.admin(
            "POST", "/admin/say", json={"text": "x", "room": "build", "to": "bob"}
        )
        assert reply.json["receipts"] == {"bob": "wakes now"}
        await trio.sleep(61)
        reply = await site.front.call(
            "POST",
            "/messages?to=bob",
            code=alice,
            body=b"gone?",
            headers={"content-type": "text/plain"} | PLAIN,
        )
        assert reply.body == b"ok 7 \xc2\xb7 bob not listening since 08:00 UTC\n"


async def test_peers_and_roster_say_who_listens(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        ear = {"x-argybargy-ear": "gemini-cli/0.61.0 spool s-1"}
        await site.front.call("GET", "/messages?wait=1", code=bob, headers=ear)
        for door in (site.front, site.quart):
            peers = (await door.call("GET", "/peers", code=alice)).json["peers"]
            assert {row["name"]: row["listening"] for row in peers} == {
                "alice": "online",
                "bob": "next turn",
            }
        text = await site.front.call("GET", "/peers", code=alice, headers=PLAIN)
        assert text.body == b"alice online\nbob next turn\noperator away\n"
        state = (await site.admin("GET", "/admin/state")).json
        roster = {row["name"]: row["listening"] for row in state["roster"]["build"]}
        assert roster == {"alice": "online", "bob": "next turn"}


async def test_a_second_ear_is_refused_in_every_form(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        line = "codex/0.171.0 queue one"
        await site.front.call(
            "GET", "/messages", code=bob, headers={"x-argybargy-ear": line}
        )
        other = {"x-argybargy-ear": "claude-code/2.1.332 lines two"}
        for door in (site.front, site.quart):
            reply = await door.call("GET", "/messages", code=bob, headers=other)
            assert (reply.status, reply.error) == (409, "seat_taken")
            assert reply.json["detail"]["held_by"] == "codex/0.171.0 queue"
            reply = await door.call("GET", "/messages", code=bob, headers=other | PLAIN)
            assert reply.status == 409
            assert b"codex/0.171.0 queue" in reply.body
            bad = {"x-argybargy-ear": "codex queue"}
            reply = await door.call("GET", "/messages", code=bob, headers=bad)
            assert reply.status == 422
            (error,) = reply.json["detail"]["errors"]
            assert error["field"] == "X-Argybargy-Ear"
        reply = await site.front.call(
            "GET",
            "/messages",
            code=bob,
            headers={"x-argybargy-ear": line},
            again={"x-argybargy-ear": line},
        )
        assert reply.status == 400


async def test_nothing_says_that_a_reader_was_reached_by_a_direct_message(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, trio.open_nursery() as nursery:
        alice = await site.code("alice")
        guest = {"name": "rita", "speaks": False}
        made = await site.admin("POST", "/admin/rooms/build/guests", guest)
        rita = made.json["code"]

        async def read(since: int) -> None:
            target = f"/messages?since={since}&wait=25"
            await site.front.call("GET", target, code=rita)

        nursery.start_soon(read, 0)
        await trio.testing.wait_all_tasks_blocked()
        key = {"idempotency-key": "0123456789abcdef"}
        said = {"text": "psst", "to": "rita"}
        for _ in range(2):  # the second one is a repeated post, below its cursor
            post = await site.front.call(
                "POST", "/messages", code=alice, json=said, headers=key
            )
            assert post.json["delivery"] == {"rita": "unknown"}
            assert post.json["receipts"] == {"rita": "unknown"}
            await site.say(alice, "to all")
            await read(2)
        assert await read_by(site, alice) == []
        assert await read_by(site, alice, 2) == []
        asked = await site.say(alice, "rita?", to="all", expects_reply="rita")
        assert asked.json["receipts"] == {"rita": "online"}


async def test_a_peer_called_later_has_read_the_question_when_it_replied(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("carol")
        key = {"idempotency-key": "0123456789abcdef"}
        asked = {
            "text": "who?",
            "to": ["carol", "can:sql"],
            "expects_reply": "can:sql",
        }
        send = ("POST", "/messages")
        await site.front.call(*send, code=alice, json=asked, headers=key)
        await site.say(alice, "lunch")
        for code in (bob, carol):
            await site.front.call("GET", "/messages?since=2", code=code)
        able = {"capabilities": ["sql"]}
        await site.front.call("PUT", "/me", code=bob, json=able)
        assert await read_by(site, alice) == ["carol"]
        again = await site.front.call(*send, code=alice, json=asked, headers=key)
        assert again.json["receipts"] == {"carol": "read", "bob": "online"}
        await site.say(bob, "I can", reply_to=1)
        assert await read_by(site, alice) == ["bob", "carol"]
