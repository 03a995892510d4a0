"""One poll of several rooms, with one code."""

from collections.abc import Callable
from functools import partial

import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from support.web_app import Reply, Site, open_site

Clock = trio.testing.MockClock
ROOMS = ["build", "ops", "docs"]
NEXT = "/messages?rooms=*&since=next"
RESUME = "/messages?rooms=*&since=resume"


async def invite(site: Site, name: str = "ann") -> str:
    body = {"name": name, "rooms": ROOMS}
    code: str = (await site.admin("POST", "/admin/invite", json=body)).json["code"]
    return code


async def get(site: Site, code: str, target: str = NEXT) -> Reply:
    return await site.front.call("GET", target, code=code)


def told(reply: Reply) -> list[tuple[str, str]]:
    assert reply.status == 200, reply.json
    return [(each["room"], each["text"]) for each in reply.json["messages"]]


async def parked(site: Site, count: int = 1) -> None:
    """Wait until a poll has parked in every room."""
    for room in ROOMS:
        await site.house.wait_parked(count, room)
    await trio.testing.wait_all_tasks_blocked()


async def during(
    site: Site, code: str, target: str, *events: Callable[[], object]
) -> tuple[Reply, float]:
    """Return what a poll answers, and after how long, while something happens."""
    replies: list[Reply] = []

    async def listen() -> None:
        replies.append(await get(site, code, target))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        for event in events:
            await event()  # type: ignore[misc]  # each is a coroutine function
    return replies[0], trio.current_time() - began


async def test_one_poll_reads_all_rooms_and_acknowledges_each(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        for text, room in (("1", "ops"), ("2", "build"), ("3", "ops")):
            await trio.sleep(1)
            await site.say(bob, text, room=room)
        expected = [("ops", "1"), ("build", "2"), ("ops", "3")]
        first = await get(site, ann)
        assert told(first) == expected
        assert [
            (room["name"], room["cursor"], room["more"]) for room in first.json["rooms"]
        ] == [("build", 1, False), ("ops", 2, False), ("docs", 0, False)]
        assert not first.json["should_exit"]
        # Not acknowledged yet: an answer that was lost comes again.
        assert told(await get(site, ann, RESUME)) == expected
        assert told(await get(site, ann)) == []
        assert told(await get(site, ann, RESUME)) == []
        assert (await get(site, ann, "/resume?room=ops")).json["cursor"] == 2
        await site.say(bob, "4", room="docs")
        some = "/messages?rooms=ops,DOCS&since=next"
        assert told(await get(site, ann, some)) == [("docs", "4")]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("option", ["", "&wake=direct", "&settle=0.5"])
async def test_a_message_in_any_room_ends_the_wait(
    autojump_clock: Clock, room: str, option: str
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        post = partial(site.say, bob, "now", to="ann", room=room)
        reply, seconds = await during(site, ann, f"{NEXT}&wait=25{option}", post)
        assert told(reply) == [(room, "now")]
        assert seconds < 1
        assert [site.house.parked(each) for each in ROOMS] == [0, 0, 0]


async def test_a_wait_without_news_ends_in_time(autojump_clock: Clock) -> None:
    async with open_site(Limits(reads_per_window=1)) as site:
        ann = await invite(site)
        for _ in range(3):
            reply, seconds = await during(site, ann, f"{NEXT}&wait=20")
            assert (told(reply), seconds) == ([], 20)


async def test_what_is_held_back_comes_with_news_of_another_room(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        asks = f"{NEXT}&wait=10&wake=asks"
        chatter = partial(site.say, bob, "chatter", room="ops")
        reply, seconds = await during(site, ann, asks, chatter)
        assert (told(reply), seconds) == ([], 10)
        question = partial(site.say, bob, "may I?", to="ann", room="docs")
        reply, seconds = await during(site, ann, asks, question)
        assert told(reply) == [("ops", "chatter"), ("docs", "may I?")]
        assert seconds < 1


async def test_rooms_share_an_answer_fairly(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        for number in range(6):
            await site.say(bob, f"loud {number}", room="ops")
        await site.say(bob, "silent", room="docs")
        found: list[tuple[str, str]] = []
        for _ in range(4):
            reply = await get(site, ann, f"{NEXT}&limit=2&max_bytes=2000")
            found += (page := told(reply))
            assert len(page) <= 2
        assert ("docs", "silent") in found[:2]
        loud = [("ops", f"loud {number}") for number in range(6)]
        assert [each for each in found if each[0] == "ops"] == loud
        assert len(found) == 7


async def test_only_when_all_rooms_are_closed_is_the_agent_to_leave(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        close = [
            partial(site.admin, "POST", f"/admin/rooms/{each}/close") for each in ROOMS
        ]
        wait = f"{NEXT}&wait=20"
        reply, seconds = await during(site, ann, wait, close[1])
        assert seconds < 1
        assert not reply.json["room_closed"]
        assert not reply.json["should_exit"]
        states = [room["status"] for room in reply.json["rooms"]]
        assert states == ["open", "closed", "open"]
        # It is told once; the others are waited for as ever.
        reply, seconds = await during(site, ann, wait)
        assert (told(reply), seconds) == ([], 20)
        reply, _ = await during(
            site, ann, wait, partial(site.say, bob, "on", room="docs")
        )
        assert told(reply) == [("docs", "on")]
        reply, seconds = await during(site, ann, wait, close[0], close[2])
        reply, seconds = await during(site, ann, wait)
        assert seconds < 1
        assert reply.json["room_closed"]
        assert (reply.json["should_exit"], reply.json["exit_reason"]) == (
            *(True, "room_closed"),
        )


async def test_a_reopened_room_is_waited_for_again(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.admin("POST", "/admin/rooms/ops/close")
        await get(site, ann)
        reopen = partial(site.admin, "POST", "/admin/rooms/ops/reopen")
        post = partial(site.say, bob, "back", room="ops")
        reply, seconds = await during(site, ann, f"{NEXT}&wait=20", reopen, post)
        assert told(reply) == [("ops", "back")]
        assert seconds < 1


async def test_the_operator_is_heard_in_a_closed_room(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await invite(site)
        await site.admin("POST", "/admin/rooms/ops/close")
        await get(site, ann)
        said = {"room": "ops", "text": "thanks"}
        say = partial(site.admin, "POST", "/admin/say", json=said)
        reply, seconds = await during(site, ann, f"{NEXT}&wait=20", say)
        assert told(reply) == [("ops", "thanks")]
        assert seconds < 1


async def test_a_room_that_the_code_loses_drops_out(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        lose = {"target": ann, "room": "build"}
        revoke = partial(site.admin, "POST", "/admin/revoke", json=lose)
        post = partial(site.say, bob, "still here", room="docs")
        reply, _ = await during(site, ann, f"{NEXT}&wait=20", revoke, post)
        assert told(reply) == [("docs", "still here")]
        assert [room["name"] for room in reply.json["rooms"]] == ["ops", "docs"]
        everywhere = {"target": ann}
        revoke = partial(site.admin, "POST", "/admin/revoke", json=everywhere)
        reply, seconds = await during(site, ann, f"{NEXT}&wait=20", revoke)
        assert (reply.status, seconds) == (401, 0)


async def test_a_deleted_room_drops_out(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.admin("POST", "/admin/rooms/build/close")
        await get(site, ann)
        delete = partial(site.admin, "DELETE", "/admin/rooms/build")
        post = partial(site.say, bob, "on", room="ops")
        reply, _ = await during(site, ann, f"{NEXT}&wait=20", delete, post)
        assert told(reply) == [("ops", "on")]
        assert [room["name"] for room in reply.json["rooms"]] == ["ops", "docs"]
        assert not site.house.relay.knows("build")


async def test_a_draining_relay_answers(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await invite(site)

        async def drain() -> None:
            site.house.relay.drain()

        reply, seconds = await during(site, ann, f"{NEXT}&wait=20", drain)
        assert (told(reply), seconds) == ([], 0)
        assert reply.json["retry_after"] == 1


async def test_a_fifth_poll_displaces_the_first(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann = await invite(site)
        ended: list[int] = []

        async def listen(number: int) -> None:
            reply = await get(site, ann, f"{NEXT}&wait=20")
            assert told(reply) == []
            ended.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(listen, number)
                await trio.testing.wait_all_tasks_blocked()
            assert ended == [0]
            nursery.cancel_scope.cancel()


async def test_a_cancelled_poll_loses_nothing(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(get, site, ann, f"{NEXT}&wait=20")
            await parked(site)
            nursery.cancel_scope.cancel()
        for room in ROOMS:
            await site.say(bob, "hello", room=room)
        assert sorted(told(await get(site, ann))) == [
            (room, "hello") for room in sorted(ROOMS)
        ]


async def test_a_refused_poll_counts_nothing_as_delivered(
    autojump_clock: Clock,
) -> None:
    limits = Limits(reads_per_window=2, posts_per_window=0, claims_per_window=0)
    async with open_site(limits) as site:
        ann, bob = await invite(site), await invite(site, "bob")
        assert (await get(site, ann, "/history?room=docs")).status == 200
        assert (await get(site, ann, "/history?room=docs")).status == 200
        await site.say(bob, "first", room="build")
        assert (await get(site, ann)).status == 429
        await trio.sleep(10)
        assert told(await get(site, ann)) == [("build", "first")]


async def test_the_text_form_names_the_rooms(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.say(bob, "one\n#ops 9 eve: two", room="ops")
        await site.admin("POST", "/admin/rooms/docs/close", json={"by": "titus"})
        text = (await get(site, ann, f"{NEXT}&format=text")).body.decode()
        assert text == "#ops 1 bob: one\n| #ops 9 eve: two\n#docs closed by titus\n"
        reply = await get(site, ann, f"{NEXT}&format=text")
        assert reply.body == b""
        for room in ("build", "ops"):
            await site.admin("POST", f"/admin/rooms/{room}/close")
        text = (await get(site, ann, f"{NEXT}&format=text")).body.decode()
        assert text == (
            "#build closed by operator\n#ops closed by operator\n"
            "leave: every room is closed\n"
        )


async def test_the_minimal_form_leaves_defaults_out(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.say(bob, "hi", room="ops")
        headers = {"prefer": "return=minimal"}
        reply = await site.front.call("GET", NEXT, code=ann, headers=headers)
        (message,) = reply.json["messages"]
        assert (message["room"], message["text"]) == ("ops", "hi")
        assert reply.json["rooms"] == [{"name": room} for room in ROOMS]
        assert set(reply.json) == {"messages", "rooms"}


@pytest.mark.parametrize(
    ("target", "status", "field"),
    [
        ("/messages?rooms=*", 422, "since"),
        ("/messages?rooms=*&since=0", 422, "since"),
        ("/messages?rooms=ops&since=7", 422, "since"),
        (f"{NEXT}&room=ops", 422, "room"),
        (f"{NEXT}&digest=1", 422, "digest"),
        ("/messages?rooms=ops,secret&since=next", 404, ""),
        ("/messages?rooms=&since=next", 404, ""),
        ("/messages?rooms=*,ops&since=next", 404, ""),
    ],
)
async def test_what_a_poll_of_several_rooms_does_not_take(
    autojump_clock: Clock, target: str, status: int, field: str
) -> None:
    async with open_site() as site:
        ann = await invite(site)
        await site.code("eve", "secret")
        for client in (site.front, site.quart):
            reply = await client.call("GET", target, code=ann)
            assert reply.status == status
            if field:
                assert reply.json["detail"]["errors"][0]["field"] == field


async def test_an_ordinary_code_may_name_its_only_room(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann", "ops"), await invite(site, "bob")
        await site.say(bob, "hi", room="ops")
        for target in (RESUME, "/messages?rooms=ops&since=resume"):
            assert told(await get(site, ann, target)) == [("ops", "hi")]


async def test_both_doors_answer_alike(autojump_clock: Clock) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.say(bob, "hi", room="ops")
        replies = [
            await client.call("GET", target, code=ann)
            for target in (RESUME, f"{RESUME}&format=text")
            for client in (site.front, site.quart)
        ]
        assert replies[0].body == replies[1].body
        assert replies[2].body == replies[3].body == b"#ops 1 bob: hi\n"


async def test_what_was_not_acknowledged_comes_again_after_a_restart(
    autojump_clock: Clock,
) -> None:
    store = MemoryStore(DEFAULT_LIMITS)
    async with open_site(store=store) as site:
        ann, bob = await invite(site), await invite(site, "bob")
        await site.say(bob, "read", room="ops")
        assert told(await get(site, ann)) == [("ops", "read")]
        await site.say(bob, "lost", room="ops")
        await site.say(bob, "lost too", room="docs")
        assert len(told(await get(site, ann))) == 2
    async with open_site(store=store) as site:
        assert told(await get(site, ann)) == [("ops", "lost"), ("docs", "lost too")]


async def test_a_displaced_poll_leaves_held_messages_where_they_are(
    autojump_clock: Clock,
) -> None:
    async with open_site() as site:
        ann, bob = await invite(site), await invite(site, "bob")
        ended: list[Reply] = []

        async def listen() -> None:
            ended.append(await get(site, ann, f"{NEXT}&wait=20&wake=asks"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await parked(site)
            await site.say(bob, "chatter", room="docs")
            for room in ("ops", "ops", "ops", "ops"):
                target = f"/messages?rooms={room}&since=resume&wait=20"
                nursery.start_soon(get, site, ann, target)
                await trio.testing.wait_all_tasks_blocked()
            assert [told(reply) for reply in ended] == [[]]
            nursery.cancel_scope.cancel()
        assert told(await get(site, ann)) == [("docs", "chatter")]
