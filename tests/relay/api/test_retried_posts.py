"""The answer to a repeated post has the state that its question has by now."""

import attrs
import pytest
import trio.testing

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.room.commands import Posted
from argybargy.domain.room.questions import (
    QuestionState,
    QuestionStatus,
    question_state,
)
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, withdraw
from argybargy.relay.api.posting import PostDraft, PostOutcome
from support.relay import RelayHarness, open_harness
from support.room import post
from support.web_app import open_site

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
SHORT_TAIL = attrs.evolve(UNLIMITED, tail_messages=2)
SMALL_ROOM = attrs.evolve(UNLIMITED, messages_per_room=3)


def status(outcome: PostOutcome) -> QuestionStatus | None:
    state = question_state(outcome.message, outcome.lease)
    return None if state is None else state.status


async def push_out(harness: RelayHarness) -> None:
    """Push all messages out of the tail of the room."""
    dora = await harness.guest("dora")
    for _ in range(4):
        await harness.post(dora, "noise", expects="none")


@pytest.mark.parametrize("end", ["open", "claimed", "answered", "withdrawn"])
@pytest.mark.parametrize("limits", [UNLIMITED, SHORT_TAIL], ids=["tail", "store"])
async def test_a_retry_of_a_question_says_its_present_state(
    autojump_clock: trio.testing.MockClock, limits: Limits, end: str
) -> None:
    async with open_harness(limits) as harness:
        anna, bob = await harness.guest("anna"), await harness.guest("bob")
        await harness.post(anna, "who?", expects="anyone", key="k")
        if end == "claimed":
            await claim(harness.relay, bob, 1, None)
        elif end == "answered":
            await harness.post(bob, "me", reply_to=1)
        elif end == "withdrawn":
            await withdraw(harness.relay, anna, 1, "")
        await push_out(harness)
        again = await harness.post(anna, "who?", expects="anyone", key="k")
        assert again.is_duplicate
        assert again.message.seq == 1
        assert again.is_kept
        found = status(again)
        assert found is not None
        assert found.value == end
        assert (again.lease is not None) == (end == "claimed")


async def test_a_retry_by_the_operator_says_the_present_state_too(
    autojump_clock: trio.testing.MockClock,
) -> None:
    draft = PostDraft("who?", TO_ALL, "anyone", idempotency_key="k")
    async with open_harness(SHORT_TAIL) as harness:
        bob = await harness.guest("bob")
        await operator.say(harness.relay, "build", "operator", draft)
        await harness.post(bob, "me", reply_to=1)
        await push_out(harness)
        again = await operator.say(harness.relay, "build", "operator", draft)
        assert status(again) is QuestionStatus.ANSWERED


async def test_a_retry_sees_what_the_same_batch_has_changed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(SHORT_TAIL) as harness:
        anna = await harness.guest("anna")
        await harness.post(anna, "who?", expects="anyone", key="k")
        await push_out(harness)
        live = await harness.relay.live("build")
        # Nothing waits between these two: the room task takes them as one batch.
        live.tell(post("bob", "me", reply_to=1))
        again = live.tell(post("anna", "who?", expects="anyone", key="k"))
        outcome = (await again.wait_replied()).expect(Posted)
        state = question_state(outcome.message)
        assert state == QuestionState(QuestionStatus.ANSWERED, "bob", 6)


async def test_posts_of_one_batch_may_push_each_other_out_of_the_tail(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(SHORT_TAIL) as harness:
        await harness.post(await harness.guest("anna"))
        live = await harness.relay.live("build")
        ask = post("anna", "who?", expects="anyone", key="k")
        first = live.tell(ask)
        for _ in range(3):
            live.tell(post("dora", "noise"))
        again = live.tell(ask)
        asked = (await first.wait_replied()).expect(Posted)
        retried = (await again.wait_replied()).expect(Posted)
        assert retried == attrs.evolve(asked, is_duplicate=True)


async def test_the_state_of_a_question_that_retention_has_dropped_is_left_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_site(SMALL_ROOM) as site:
        alice, bob = await site.code("alice"), await site.code("bob")
        body = {"text": "who?", "expects_reply": "anyone"}
        key = {"idempotency-key": "k"}
        for door in (site.front, site.quart):
            reply = await door.call(
                "POST", "/messages", code=alice, json=body, headers=key
            )
            first = reply.json["message"]
            await site.say(bob, "me", reply_to=1)
        assert first["question"]["state"] == "answered"
        for _ in range(3):
            await site.say(bob, "noise", expects_reply="none")
        reply = await site.front.call(
            "POST", "/messages", code=alice, json=body, headers=key
        )
        assert reply.json["duplicate"]
        message = reply.json["message"]
        assert (message["seq"], message["text"]) == (1, "who?")
        assert "question" not in message, "nobody knows how it ended"
        with pytest.raises(RelayError, match="not_found"):
            await claim(site.house.relay, await site.house.guest("carol"), 1, None)
