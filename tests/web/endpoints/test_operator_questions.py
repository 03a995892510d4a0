"""The operator's view of one message, and its wait for an answer."""

import pytest
import trio
import trio.testing

from support.web_app import Reply, Site, open_site

MESSAGE = "/admin/rooms/build/messages/"


async def test_the_operator_sees_private_replies_and_the_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.code("ann"), await site.code("bob")
        await site.say(ann, "may I?", to="bob", choices=["yes", "no"])
        await site.say(bob, "psst", to="ann", reply_to=1, choice="yes")
        await site.say(ann, "ok", to="bob", reply_to=1)
        reply = await site.admin("GET", f"{MESSAGE}1")
        assert reply.status == 200
        assert reply.json["message"]["choices"] == ["yes", "no"]
        assert [each["seq"] for each in reply.json["replies"]] == [2, 3]
        assert reply.json["answer"]["seq"] == 2


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        (f"{MESSAGE}7", 404, "not_found"),
        ("/admin/rooms/nowhere/messages/1", 404, "room_not_found"),
        (f"{MESSAGE}x", 422, "invalid_request"),
        (f"{MESSAGE}1?wait=x", 422, "invalid_request"),
    ],
)
async def test_what_is_not_there(path: str, status: int, error: str) -> None:
    async with open_site() as site:
        await site.say(await site.code("ann"), "hi")
        reply = await site.admin("GET", path)
        assert (reply.status, reply.error) == (status, error)
        assert "that you may see" not in reply.json["detail"]["detail"]


async def test_the_operator_waits_for_an_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        asked = {"room": "build", "text": "Well?", "to": "bob"}
        assert (await site.admin("POST", "/admin/say", asked)).status == 200
        started = trio.current_time()
        reply = await site.admin("GET", f"{MESSAGE}1?wait=99")
        assert (reply.status, trio.current_time() - started) == (202, 25)
        assert (await site.admin("GET", f"{MESSAGE}1")).status == 200
        async with trio.open_nursery() as nursery:
            replies = start(nursery, site)
            await site.house.wait_parked(1)
            await site.say(bob, "well", to="operator", reply_to=1)
        assert trio.current_time() - started == 25
        assert replies[0].status == 200
        assert replies[0].json["answer"]["text"] == "well"


def start(
    nursery: trio.Nursery, site: Site, headers: dict[str, str] | None = None
) -> list[Reply]:
    """Wait for the answer to message 1 in a task of its own."""
    replies: list[Reply] = []

    async def wait() -> None:
        fields = headers or {"x-admin-token": site.token}
        replies.append(
            await site.front.call("GET", f"{MESSAGE}1?wait=20", headers=fields)
        )

    nursery.start_soon(wait)
    return replies


async def test_closing_and_draining_end_the_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        asked = {"room": "build", "text": "Well?", "to": "bob"}
        await site.admin("POST", "/admin/say", asked)
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            replies = start(nursery, site)
            await site.house.wait_parked(1)
            await site.admin("POST", "/admin/rooms/build/close", {})
        assert (replies[0].status, replies[0].json["room_closed"]) == (200, True)
        await site.admin("POST", "/admin/rooms/build/reopen", {})
        async with trio.open_nursery() as nursery:
            replies = start(nursery, site)
            await site.house.wait_parked(1)
            site.house.relay.drain()
        assert (replies[0].status, replies[0].json["retry_after"]) == (202, 1)
        assert trio.current_time() == started


async def test_nothing_is_shown_to_an_operator_who_has_signed_out_meanwhile(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        bob, session = await site.code("bob"), await site.sign_in()
        asked = {"room": "build", "text": "Well?", "to": "bob"}
        await site.admin("POST", "/admin/say", asked)
        async with trio.open_nursery() as nursery:
            replies = start(nursery, site, {"x-admin-session": session})
            await site.house.wait_parked(1)
            await site.front.call("DELETE", "/admin/session", session=session)
            await site.say(bob, "a secret", to="operator", reply_to=1)
        assert replies[0].status == 401
        assert b"a secret" not in replies[0].body
