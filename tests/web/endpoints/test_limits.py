"""Limits without a test elsewhere, each from below and above."""

import pytest
import trio
import trio.testing

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_lifetimes import CERTAIN_SECONDS
from argybargy.relay.access.presence import _FORGET_SECONDS
from argybargy.web.access.throttle import AuthThrottle
from support.relay import open_harness
from support.web_app import Site, open_site


def unhurried(**changes: float) -> Limits:
    rates = {"posts_per_window": 0, "reads_per_window": 0, "claims_per_window": 0}
    return Limits(**rates | changes)  # type: ignore[arg-type]


async def talk(site: Site, code: str, count: int, **fields: object) -> None:
    for number in range(count):
        assert (await site.say(code, f"{number}", **fields)).status == 200


async def test_history_is_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(history_messages=3)) as site:
        code = await site.code("alice")
        await talk(site, code, 5)
        reply = await site.front.call("GET", "/history?limit=100", code=code)
        assert [each["text"] for each in reply.json["messages"]] == ["2", "3", "4"]
        assert reply.json["more"]


async def test_messages_of_a_poll_are_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(poll_messages=2)) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await talk(site, alice, 5)
        reply = await site.front.call("GET", "/messages?limit=100", code=bob)
        assert [each["text"] for each in reply.json["messages"]] == ["0", "1"]
        assert (reply.json["cursor"], reply.json["more"]) == (2, True)


async def test_the_wait_of_a_poll_is_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(wait_seconds=4.0)) as site:
        code, began = await site.code("alice"), trio.current_time()
        await site.front.call("GET", "/messages?wait=1000", code=code)
        assert trio.current_time() - began == 4


async def test_replies_of_a_message_are_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried()) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "well?")
        await talk(site, bob, 101, reply_to=1)
        reply = await site.front.call("GET", "/messages/1", code=alice)
        assert [each["text"] for each in reply.json["replies"]] == [
            f"{number}" for number in range(100)
        ]


async def test_claims_of_one_peer_are_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(claims_per_window=2)) as site:
        code = await site.code("alice")
        answers = [
            await site.front.call("POST", f"/messages/{seq}/claim", code=code)
            for seq in (1, 2, 3)
        ]
        assert [answer.status for answer in answers] == [404, 404, 429]
        assert answers[-1].json["detail"]["retry_after"] == 10


async def test_a_lease_is_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(lease_seconds_max=60)) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        await site.say(alice, "who?", expects_reply="anyone")
        asked = [
            await site.front.call(
                "POST", "/messages/1/claim", code=bob, json={"lease_seconds": seconds}
            )
            for seconds in (61, 60)
        ]
        assert [answer.status for answer in asked] == [422, 200]


async def test_codes_are_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(codes=1)) as site:
        await site.code("alice")
        reply = await site.admin("POST", "/admin/invite", json={"name": "bob"})
        assert reply.status == 403
        assert reply.json["detail"]["error"] == "code_quota"
        assert len((await site.admin("GET", "/admin/state")).json["codes"]) == 1


async def test_listed_unknown_fields_are_limited_and_truncated(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        code = await site.code("alice")
        fields = {f"{number:03}{'x' * 99}": 1 for number in range(40)}
        ignored = (await site.say(code, "hi", **fields)).json["ignored"]
        assert ignored == [f"{number:03}{'x' * 61}" for number in range(16)]


async def test_the_audit_log_is_paged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        for number in range(1_001):
            room = f"room{number}"
            await site.admin("POST", f"/admin/rooms/{room}/open")
        events = (await site.admin("GET", "/admin/audit?limit=5000")).json["events"]
        assert len(events) == 1_000
        assert events[-1]["room"] == "room1000"


async def test_an_expired_code_is_listed_for_a_while(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(unhurried(expired_code_seconds=100)) as house:
        await house.guest("bob", lifetime_seconds=10)
        await trio.sleep(100)
        assert [code.name for code in house.relay.codes] == ["bob"]
        await trio.sleep(20 + CERTAIN_SECONDS)
        assert list(house.relay.codes) == []
        assert await house.relay.store.codes() == ()


async def test_an_absent_peer_is_removed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as house:
        await house.guest("bob")
        presence, now = house.relay.presence, trio.current_time()
        presence.sweep(now + _FORGET_SECONDS)
        assert presence.rooms() == ("build",)
        presence.sweep(now + _FORGET_SECONDS + 1)
        assert presence.rooms() == ()


def test_above_the_limit_the_address_with_the_oldest_failure_is_evicted() -> None:
    throttle = AuthThrottle(Limits(auth_failures=1, auth_addresses=2))
    failures = []
    for address in ("first", "second", "second", "first", "third", "second"):
        try:
            throttle.fail(address, now=0.0)
        except RelayError as error:
            failures.append((address, error.problem.value.code))
    slowed = [("second", "auth_throttled"), ("first", "auth_throttled")]
    assert failures == slowed, "the last one had been forgotten"
    assert len(throttle._buckets) == 2


def test_addresses_of_one_ipv6_network_are_throttled_together() -> None:
    throttle = AuthThrottle(Limits(auth_failures=2))
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1"):
        throttle.fail(address, now=0.0)
    with pytest.raises(RelayError):
        throttle.fail("2001:db8::3", now=0.0)


async def test_a_displaced_poll_has_a_retry_after(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(unhurried(parked_polls_per_peer=1)) as site:
        code, bodies = await site.code("alice"), []

        async def listen() -> None:
            reply = await site.front.call("GET", "/messages?wait=25", code=code)
            bodies.append(reply.json)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(listen)
        assert [body.get("retry_after") for body in bodies] == [5, None]
