"""The operator's stream, frame by frame."""

import trio
import trio.testing

from web.kit import open_site
from web.streams import open_stream


async def test_a_stream_begins_with_hello_and_a_snapshot_of_everything(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        async with open_stream(site, room="Build") as stream:
            hello, snapshot = await stream.next(), await stream.next()
        assert stream.headers["content-type"] == "application/x-ndjson"
        assert hello["type"] == "hello"
        assert hello["resumed"] is False
        assert hello["keepalive_seconds"] == 15
        assert hello["limits"]["streams"] == 64
        assert snapshot["type"] == "snapshot"
        assert snapshot["room"] == "Build"
        (room,) = snapshot["rooms"]
        assert (room["room"], room["last_seq"], room["online"]) == ("build", 1, 1)
        assert room["members"] == 2
        state = (await site.admin("GET", "/admin/state?room=build")).json
        for field in ("waiting", "codes", "messages"):
            assert snapshot[field] == state[field]
        assert snapshot["roster"] == state["roster"]["build"]


async def test_what_is_said_comes_as_a_delta(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice = await site.code("alice")
        async with open_stream(site) as stream:
            snapshot = await stream.next_of("snapshot")
            await site.say(alice, "hello")
            delta = await stream.next()
            assert delta["type"] == "delta"
            assert delta["version"] > snapshot["version"]
            (message,) = delta["messages"]
            assert (message["text"], message["room"]) == ("hello", "build")
            assert delta["rooms"][0]["last_seq"] == 1
            assert set(delta) == {"type", "version", "now", "rooms", "messages"}
            assert await stream.is_silent(14)
            assert (await stream.next())["type"] == "keepalive"
