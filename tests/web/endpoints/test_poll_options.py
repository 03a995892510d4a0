"""The options of a poll, as an agent sends them."""

import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from support.web_app import open_site

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0)


@pytest.mark.parametrize(
    ("query", "field", "valid"),
    [
        ("wake=", "wake", "one of asks, direct, all"),
        ("wake=ASKS", "wake", "one of asks, direct, all"),
        ("wake=none", "wake", "one of asks, direct, all"),
        ("hold=-1", "hold", "seconds from 0 to 86400; 0 holds without end"),
        ("hold=86401", "hold", "seconds from 0 to 86400; 0 holds without end"),
        ("hold=x", "hold", "seconds from 0 to 86400; 0 holds without end"),
        ("hold=nan", "hold", "seconds from 0 to 86400; 0 holds without end"),
        ("settle=2.1", "settle", "seconds from 0 to 2"),
        ("settle=-1", "settle", "seconds from 0 to 2"),
        ("settle=inf", "settle", "seconds from 0 to 2"),
        ("digest=2", "digest", "0 or 1"),
        ("digest=true", "digest", "0 or 1"),
        ("max_bytes=0", "max_bytes", "a whole number from 1 up"),
        ("max_bytes=-5", "max_bytes", "a whole number from 1 up"),
        ("max_bytes=1.5", "max_bytes", "a whole number from 1 up"),
        ("max_bytes=", "max_bytes", "a whole number from 1 up"),
        ("since=Next", "since", "a whole number from 0 to 9007199254740991"),
    ],
)
async def test_an_invalid_option_says_what_is_valid(
    autojump_clock: trio.testing.MockClock, query: str, field: str, valid: str
) -> None:
    async with open_site(UNLIMITED) as site:
        code = await site.code("alice")
        reply = await site.front.call("GET", f"/messages?{query}", code=code)
        assert (reply.status, reply.error) == (422, "invalid_request")
        errors = reply.json["detail"]["errors"]
        assert errors == [{"field": field, "problem": valid}]


async def test_invalid_options_are_reported_together(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(UNLIMITED) as site:
        code, query = await site.code("alice"), "wake=x&hold=x&settle=x"
        reply = await site.front.call("GET", f"/messages?{query}", code=code)
        fields = [each["field"] for each in reply.json["detail"]["errors"]]
        assert fields == ["wake", "hold", "settle"]


async def test_messages_are_held_for_ten_minutes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(UNLIMITED) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        began = trio.current_time()
        await site.say(alice, "for your information")
        messages: list[object] = []
        while not messages:
            path = "/messages?since=next&wait=25&wake=asks"
            reply = await site.front.call("GET", path, code=bob)
            assert reply.status == 200
            assert not reply.json["more"]
            messages = reply.json["messages"]
        assert trio.current_time() - began == pytest.approx(600, abs=0.01)


async def test_next_reads_on_over_http(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(UNLIMITED) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        for text in ("one", "two"):
            await site.say(alice, text)
            reply = await site.front.call("GET", "/messages?since=next", code=bob)
            assert [each["text"] for each in reply.json["messages"]] == [text]


async def test_a_cut_answer_says_what_is_left(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(UNLIMITED) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        for text in ("four", "five5", "sixsix"):
            await site.say(alice, text)
        found = []
        for _ in range(3):
            path = "/messages?since=next&max_bytes=9"
            body = (await site.front.call("GET", path, code=bob)).json
            found.append((len(body["messages"]), body["more"], body.get("left")))
        assert found == [(2, True, 1), (1, False, None), (0, False, None)]
        path = "/messages?limit=1"
        body = (await site.front.call("GET", path, code=bob)).json
        assert (body["more"], "left" in body, "digest" in body) == (True, False, False)


async def test_a_digest_counts_what_is_for_information(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(UNLIMITED) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        carol = await site.code("Carol")
        await site.say(alice, "one")
        await site.say(alice, "two")
        await site.say(bob, "my own")
        await site.say(alice, "who can?", expects_reply="anyone")
        await site.say(carol, "three")
        await site.say(carol, "psst", to="bob", expects_reply="none")
        path = "/messages?digest=1"
        body = (await site.front.call("GET", path, code=bob)).json
        assert [each["text"] for each in body["messages"]] == ["who can?", "psst"]
        counts = {"alice": 2, "Carol": 1}
        assert body["digest"] == {"from": 1, "to": 5, "counts": counts}
        assert (body["cursor"], body["more"]) == (6, False)
