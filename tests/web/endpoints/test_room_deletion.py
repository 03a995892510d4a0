"""DELETE /admin/rooms/{room}: answers, refusals, and what streams say."""

import trio.testing

from argybargy.web.endpoints.export import _lines
from support.stream_client import open_stream
from support.stream_model import ModelClient
from support.web_app import Site, open_site

DELETE = ("DELETE", "/admin/rooms/build")


async def fill(site: Site) -> str:
    """Close a room with two messages; return the code of an agent in it."""
    alice = await site.code("alice")
    await site.say(alice, "who?", expects_reply="anyone")
    await site.say(alice, "hello")
    await site.admin("POST", "/admin/rooms/build/close", json={"by": "titus"})
    return alice


async def test_a_closed_room_is_deleted_with_its_codes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await fill(site)
        reply = await site.admin("DELETE", "/admin/rooms/Build", json={"by": "titus"})
        assert (reply.status, reply.json) == (
            200,
            {"ok": True, "room": "build", "messages": 2, "codes": 1, "erased": True},
        )
        state = (await site.admin("GET", "/admin/state")).json
        assert (state["rooms"], state["codes"], state["room_status"]) == ([], [], {})
        assert (state["roster"], state["waiting"], state["messages"]) == ({}, [], [])
        for target in ("/messages?wait=5", "/history", "/whoami", "/peers"):
            poll = await site.front.call("GET", target, code=alice)
            assert (poll.status, poll.error) == (401, "unauthorized")
        events = (await site.admin("GET", "/admin/audit")).json["events"]
        said = {event["action"]: event["actor"] for event in events}
        assert said["room_delete"] == "titus"


async def test_the_refusals_of_a_deletion(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        reply = await site.admin(*DELETE)
        assert (reply.status, reply.error) == (404, "room_not_found")
        alice = await site.code("alice")
        reply = await site.admin(*DELETE)
        assert (reply.status, reply.error) == (409, "room_open")
        assert reply.json["detail"]["room"] == "build"
        reply = await site.front.call(*DELETE)
        assert (reply.status, reply.error) == (401, "admin_unauthorized")
        reply = await site.front.call(*DELETE, code=alice)
        assert reply.status == 401
        reply = await site.admin("DELETE", "/admin/rooms/no%20room")
        assert (reply.status, reply.error) == (422, "invalid_request")
        reply = await site.admin(*DELETE, json={"by": "system"})
        assert (reply.status, reply.error) == (422, "invalid_request")
        assert (await site.front.call("GET", "/whoami", code=alice)).status == 200


async def test_both_doors_delete_alike(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await fill(site)
        reply = await site.quart.call(*DELETE, token=site.token)
        assert (reply.status, reply.json["messages"]) == (200, 2)


async def test_an_export_under_way_leaves_a_deleted_room_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await site.code("bob", "another")
        await fill(site)
        overview = await site.house.relay.store.overview()
        await site.admin(*DELETE)
        rooms = [summary.status.name for summary in overview.rooms]
        lines = [line async for line in _lines(site.house.relay, rooms)]
        text = b"".join(lines)
        assert b'"room":"another"' in text
        assert b'"room":"build"' not in text
        assert b'{"type":"end","rooms":1,"messages":0}' in text


async def test_a_stream_says_that_a_room_is_gone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await fill(site)
        await site.code("bob", "other")
        async with (
            open_stream(site) as stream,
            open_stream(site, room="build") as scoped,
        ):
            client = ModelClient(most=60)
            client.apply(await stream.next_of("snapshot"))
            assert len(client.messages) == 2
            await scoped.next_of("snapshot")
            await site.admin(*DELETE)
            delta = await stream.next_of("delta")
            assert delta["rooms_gone"] == ["build"]
            assert len(delta["codes_gone"]) == 1
            client.apply(delta)
            assert list(client.rooms) == ["other"]
            assert (client.messages, client.waiting) == ({}, {})
            delta = await scoped.next_of("delta")
            assert (delta["rooms_gone"], delta["roster_gone"]) == (["build"], ["alice"])
            again = await site.code("carol")
            await site.say(again, "second life")
            while not client.messages:
                client.apply(await stream.next_of("delta"))
            assert [row["seq"] for row in client.messages.values()] == [3]
            assert client.rooms["build"]["first_seq"] == 3


async def test_a_stream_that_saw_nothing_of_the_deletion_drops_the_old_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await fill(site)
        async with open_stream(site) as stream:
            hello, snapshot = await stream.next(), await stream.next()
        client = ModelClient(most=60)
        client.apply(snapshot)
        await site.admin(*DELETE)
        await site.say(await site.code("carol"), "second life")
        place = {"epoch": hello["epoch"], "version": snapshot["version"], "room": None}
        async with open_stream(site, resume=place) as stream:
            assert (await stream.next())["resumed"]
            client.apply(await stream.next())
        assert [row["text"] for row in client.messages.values()] == ["second life"]
        assert client.waiting == {}
        assert list(client.rooms) == ["build"]


async def test_a_room_made_again_in_another_spelling_replaces_the_old_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        await fill(site)
        live = site.house.relay.find_live("build")
        assert live is not None
        async with open_stream(site) as stream:
            hello, snapshot = await stream.next(), await stream.next()
        client = ModelClient(most=60)
        client.apply(snapshot)
        await site.admin(*DELETE)
        site.house.relay.rooms.discard(live)  # as housekeeping does after a while
        live.close()
        await site.say(await site.code("carol", "BUILD"), "second life")
        place = {"epoch": hello["epoch"], "version": snapshot["version"], "room": None}
        async with open_stream(site, resume=place) as stream:
            await stream.next()
            client.apply(await stream.next())
        assert list(client.rooms) == ["BUILD"]
        assert list(client.messages) == [("BUILD", 3)]
