"""Receipts: who has read a message, and how its addressees hear of it."""

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
            (MINIMAL, b"}}", b'"read_by":["bob"]}'),
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
