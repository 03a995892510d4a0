"""``PUT /me/wake`` and ``DELETE /me/wake``."""

import pytest
import trio
import trio.testing

from argybargy.store.memory.store import open_memory_store
from support.wake_calls import RecordingCaller
from support.web_app import open_site

Clock = trio.testing.MockClock


async def test_a_hook_is_set_called_and_removed(autojump_clock: Clock) -> None:
    caller = RecordingCaller()
    async with (
        open_memory_store() as store,
        open_site(store=store, caller=caller) as site,
    ):
        ann, bob = await site.code("ann"), await site.code("bob")
        body = {"url": "http://hook/run?agent=bob", "wake": "direct", "x": 1}
        reply = await site.front.call("PUT", "/me/wake", code=bob, json=body)
        assert reply.status == 200
        answer = reply.json
        key = answer.pop("key")
        assert len(key) == 64
        assert answer == {
            "url": "http://hook/run?agent=bob",
            "wake": "direct",
            "ignored": ["x"],
        }
        await site.say(ann, "hello", to="bob")
        await trio.sleep(1)
        assert [path for _, path, _ in caller.calls] == ["/run?agent=bob"]
        state = await site.admin("GET", "/admin/state")
        assert key.encode() not in state.body
        removed = await site.front.call("DELETE", "/me/wake", code=bob)
        assert removed.json == {"removed": True}
        again = await site.front.call("DELETE", "/me/wake", code=bob)
        assert again.json == {"removed": False}
        assert await store.wake_hooks() == ()


async def test_without_a_setting_no_host_is_allowed(autojump_clock: Clock) -> None:
    async with open_site() as site:
        bob = await site.code("bob")
        body = {"url": "https://hooks.example.com/"}
        reply = await site.front.call("PUT", "/me/wake", code=bob, json=body)
        assert (reply.status, reply.error) == (403, "wake_host_refused")
        assert "ARGYBARGY_WAKE_HOSTS" in reply.json["detail"]["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"url": "hook"},
        {"url": "http://hook/#x"},
        {"url": "http://u:p@hook/"},
        {"url": "http://hook/", "wake": "never"},
        {},
    ],
)
async def test_invalid_hooks_are_refused(
    autojump_clock: Clock, body: dict[str, object]
) -> None:
    async with open_site(caller=RecordingCaller()) as site:
        bob = await site.code("bob")
        reply = await site.front.call("PUT", "/me/wake", code=bob, json=body)
        assert (reply.status, reply.error) == (422, "invalid_request")


async def test_a_url_with_a_code_in_it_is_refused(autojump_clock: Clock) -> None:
    async with open_site(caller=RecordingCaller()) as site:
        bob = await site.code("bob")
        body = {"url": f"http://hook/?code={bob}"}
        reply = await site.front.call("PUT", "/me/wake", code=bob, json=body)
        assert reply.error == "contains_secret"
