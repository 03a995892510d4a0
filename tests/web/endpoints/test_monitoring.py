"""``GET /metrics``: the relay's metrics, for the operator only."""

from collections.abc import Mapping

import pytest
import trio
import trio.testing
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from argybargy.domain.limits import Limits
from support.web_app import Reply, Site, open_site

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def numbers(reply: Reply) -> Mapping[str, float]:
    """Parse a page: values by name and labels, as they are written."""
    assert reply.status == 200, reply.body
    return {
        sample.name
        + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


async def scrape(site: Site) -> Mapping[str, float]:
    return numbers(await site.admin("GET", "/metrics"))


async def test_posts_claims_and_refusals_are_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site:
        alice, bob, carol = [
            await site.code(name) for name in ("alice", "bob", "carol")
        ]
        await site.say(alice, "who?", expects_reply="anyone")
        await trio.sleep(7)
        seen = await scrape(site)
        assert seen["argybargy_messages_total"] == 1
        assert seen["argybargy_open_questions"] == 1
        assert seen["argybargy_questions[open]"] == 1
        assert seen["argybargy_questions[claimed]"] == 0
        assert seen["argybargy_oldest_wait_seconds"] == pytest.approx(7, abs=0.01)
        assert seen["argybargy_claims_total[won]"] == 0
        assert (await site.front.call("POST", "/messages/1/claim", code=bob)).json[
            "won"
        ]
        seen = await scrape(site)
        assert seen["argybargy_open_questions"] == 1
        assert seen["argybargy_questions[open]"] == 0
        assert seen["argybargy_questions[claimed]"] == 1
        for code in (bob, carol):  # asked again, it is the same claim; the other lost
            await site.front.call("POST", "/messages/1/claim", code=code)
        await site.say(bob, "me", reply_to=1)
        await site.say(alice, "and who?", expects_reply="anyone")
        await site.say(carol, "I", reply_to=3)
        await site.front.call("GET", "/whoami", code="nobody's")
        await site.front.call("GET", "/nowhere")
        await site.front.call("GET", "/whoami", headers={"host": "evil.example"})
        seen = await scrape(site)
        assert seen["argybargy_messages_total"] == 4
        assert seen["argybargy_open_questions"] == 0
        assert seen["argybargy_oldest_wait_seconds"] == 0
        assert seen["argybargy_claims_total[won]"] == 2
        assert seen["argybargy_claims_total[lost]"] == 1
        assert seen["argybargy_refusals_total[claimed_by_other]"] == 1
        assert seen["argybargy_refusals_total[unauthorized]"] == 1
        assert seen["argybargy_refusals_total[no_such_route]"] == 1
        assert seen["argybargy_refusals_total[misdirected]"] == 1
        assert seen["argybargy_codes"] == 3
        assert seen["argybargy_rooms[open]"] == 1
        await site.admin("POST", "/admin/rooms/build/close", json={})
        assert (await scrape(site))["argybargy_rooms[closed]"] == 1


async def test_only_woken_polls_are_timed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site() as site, trio.open_nursery() as nursery:
        alice, bob = await site.code("alice"), await site.code("bob")

        async def listen(since: int) -> None:
            target = f"/messages?since={since}&wait=5"
            await site.front.call("GET", target, code=bob)

        nursery.start_soon(listen, 0)
        await trio.testing.wait_all_tasks_blocked()
        assert (await scrape(site))["argybargy_parked_polls"] == 1
        await site.say(alice, "wake up")
        await trio.testing.wait_all_tasks_blocked()
        seen = await scrape(site)
        assert seen["argybargy_wake_seconds_count"] == 1
        assert seen["argybargy_wake_seconds_sum"] < 1
        await listen(0)  # finds it without waiting
        await listen(1)  # waits for nothing
        seen = await scrape(site)
        assert seen["argybargy_wake_seconds_count"] == 1
        assert seen["argybargy_parked_polls"] == 0


async def test_rate_limited_requests_are_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(Limits(posts_per_window=1)) as site:
        alice = await site.code("alice")
        for text in ("one", "two", "three"):
            await site.say(alice, text)
        seen = await scrape(site)
        assert seen["argybargy_rate_limited_total"] == 2
        assert seen["argybargy_messages_total"] == 1


async def test_no_metric_names_a_room_or_a_peer() -> None:
    async with open_site() as site:
        await site.say(await site.code("alice", "hideout"), "whispering")
        page = (await site.admin("GET", "/metrics")).body
        assert not [
            word for word in (b"alice", b"hideout", b"whispering") if word in page
        ]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, f"{OPENMETRICS}; charset=utf-8; escaping=underscores"),
        ("application/openmetrics-text; version=x", "text/plain; version=0.0.4; "
         "charset=utf-8"),
    ],
)  # fmt: skip
async def test_the_scraper_chooses_the_format(accept: str, media_type: str) -> None:
    async with open_site() as site:
        reply = await site.front.call(
            "GET", "/metrics", token="the-admin-token", headers={"accept": accept}
        )
        assert (reply.status, reply.headers["content-type"]) == (200, media_type)
        text = reply.body.decode()
        if accept == OPENMETRICS:
            assert text.endswith("# EOF\n")
            read = openmetrics.text_string_to_metric_families
        else:
            read = text_string_to_metric_families
        families = list(read(text))  # type: ignore[no-untyped-call]
        assert "argybargy_messages" in {family.name for family in families}


async def test_two_relays_in_one_process_have_separate_metrics() -> None:
    async with open_site() as one, open_site() as other:
        await one.say(await one.code("alice"), "hello")
        assert (await scrape(one))["argybargy_messages_total"] == 1
        assert (await scrape(other))["argybargy_messages_total"] == 0
