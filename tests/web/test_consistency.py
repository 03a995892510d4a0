"""Every view of a question shows the same state after every kind of event."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.room.commands import Restore
from support.question_stage import LEASE_SECONDS, LIMITS, Stage, open_stage
from support.question_views import ROOM, differences

Event = Callable[[Stage], Awaitable[None]]


async def posting(stage: Stage) -> None:
    await stage.ask("alice")
    await stage.ask("alice", to="bob", expects="bob")
    await stage.ask("bob", expects="carol")
    await stage.ask("alice", to="operator", expects="operator")
    await stage.ask("operator")


async def words_that_answer_nothing(stage: Stage) -> None:
    await posting(stage)
    await stage.say("bob", "good morning")
    await stage.say("operator", "good morning everybody")
    await stage.say("carol", "where bob cannot hear it", reply_to=3, to="alice")


async def replying(stage: Stage) -> None:
    seq = await stage.ask("alice")
    stage.shows(seq, "answered", "bob", await stage.say("bob", reply_to=seq))
    seq = await stage.ask("alice", to="carol", expects="carol")
    stage.shows(seq, "answered", "carol", await stage.say("carol", to="alice"))
    seq = await stage.ask("operator")
    stage.shows(seq, "answered", "alice", await stage.say("alice", reply_to=seq))
    seq = await stage.ask("bob", to="operator", expects="operator")
    stage.shows(
        seq, "answered", "operator", await stage.say("operator", to="bob", reply_to=seq)
    )


async def replying_in_private(stage: Stage) -> None:
    seq = await stage.ask("alice")
    answer = await stage.say("bob", "a secret", to="alice", reply_to=seq)
    stage.shows(seq, "answered", "bob", answer)


async def claiming(stage: Stage) -> None:
    await stage.claim("bob", await stage.ask("alice"))
    await stage.claim("bob", await stage.ask("alice", to="bob", expects="bob"))
    await stage.claim("carol", await stage.ask("operator"))


async def answering_a_claim(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.check("claiming")
    stage.shows(seq, "answered", "bob", await stage.say("bob", "it is me"))


async def stepping_in(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    answer = await stage.say("operator", reply_to=seq)
    stage.shows(seq, "answered", "operator", answer)


async def a_lapse(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.check("claiming")
    await trio.sleep(LEASE_SECONDS + 1)
    stage.shows(seq, "open")


async def a_claim_older_than_the_tail(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    for _ in range(LIMITS.tail_messages + 1):
        await stage.say("carol")
    await stage.check("more messages")
    stage.shows(seq, "answered", "bob", await stage.say("bob", reply_to=seq))


async def a_lapse_older_than_the_tail(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    for _ in range(LIMITS.tail_messages + 1):
        await stage.say("carol")
    await trio.sleep(LEASE_SECONDS + 1)
    stage.shows(seq, "open")
    await stage.check("lapsing")
    await stage.claim("carol", seq)


async def a_release(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.call("bob", "DELETE", f"/messages/{seq}/claim")
    stage.shows(seq, "open")


async def revoking_the_holder(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.site.admin("POST", "/admin/revoke", {"target": "bob"})
    del stage.world.codes["bob"]
    stage.shows(seq, "open")


NO_CODE: Final = "its sender has no valid access code any more"


async def revoking_the_asker(stage: Stage) -> None:
    seqs = [
        await stage.ask("alice"),
        await stage.ask("alice", to="bob", expects="bob"),
        await stage.ask("alice", to="operator", expects="operator"),
    ]
    await stage.claim("bob", seqs[0])
    await stage.site.admin("POST", "/admin/revoke", {"target": "alice"})
    del stage.world.codes["alice"]
    for seq in seqs:
        stage.shows(seq, "withdrawn", "system", None, NO_CODE)


async def expiry_of_the_asker(stage: Stage) -> None:
    body = {"name": "dora", "room": ROOM, "expires": "5m"}
    reply = await stage.site.admin("POST", "/admin/invite", body)
    stage.world.codes["dora"] = reply.json["code"]
    seq = await stage.ask("dora")
    await stage.check("asking")
    await trio.sleep(330)
    del stage.world.codes["dora"]
    stage.shows(seq, "withdrawn", "system", None, NO_CODE)


async def closing(stage: Stage) -> None:
    await replying(stage)
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.ask("carol")
    await stage.operate("close")
    stage.shows(seq, "open")


async def answering_in_a_closed_room(stage: Stage) -> None:
    seq = await stage.ask("alice")
    await stage.operate("close")
    answer = await stage.say("operator", reply_to=seq)
    stage.shows(seq, "answered", "operator", answer)


async def reopening(stage: Stage) -> None:
    await closing(stage)
    await stage.check("closing")
    await stage.operate("reopen")


async def retention(stage: Stage) -> None:
    await posting(stage)
    await stage.claim("carol", 1)
    kept = await stage.ask("carol")
    for _ in range(LIMITS.messages_per_room - 1):
        await stage.say("bob")
    stage.world.asked = {kept: stage.world.asked[kept]}


async def restarting(stage: Stage) -> None:
    await replying(stage)
    await stage.ask("alice")
    await stage.claim("bob", await stage.ask("alice"))
    await stage.site.admin("DELETE", f"/admin/rooms/{ROOM}/messages/9/question")
    stage.shows(9, "withdrawn", "operator")
    await stage.check("withdrawing")
    await stage.restart()


async def restoring(stage: Stage) -> None:
    await replying(stage)
    seq = await stage.ask("alice")
    await stage.claim("bob", seq)
    await stage.site.house.relay.ask(ROOM, Restore(head=seq + 3))


async def withdrawing(stage: Stage) -> None:
    seqs = [await stage.ask("alice"), await stage.ask("bob")]
    await stage.claim("carol", seqs[0])
    path = f"/messages/{seqs[0]}/question"
    await stage.call("alice", "DELETE", path, reason="found it")
    stage.shows(seqs[0], "withdrawn", "alice", None, "found it")
    path = f"/admin/rooms/{ROOM}/messages/{seqs[1]}/question"
    await stage.site.admin("DELETE", path)
    stage.shows(seqs[1], "withdrawn", "operator")


async def asking_too_much(stage: Stage) -> None:
    for _ in range(LIMITS.open_questions_per_peer + 2):
        await stage.ask("alice")
    for seq in (1, 2):
        reason = "its sender has asked too many newer questions"
        stage.shows(seq, "withdrawn", "system", None, reason)


async def importing_again(stage: Stage) -> None:
    await withdrawing(stage)
    await replying(stage)
    await stage.claim("bob", await stage.ask("alice"))
    lines = (await stage.site.admin("POST", "/admin/export")).body
    reply = await stage.site.front.call(
        "POST", "/admin/import", token=stage.site.token, body=lines
    )
    assert reply.json["messages"]["new"] == 0


EVENTS: Final[tuple[Event, ...]] = (
    posting,
    words_that_answer_nothing,
    replying,
    replying_in_private,
    claiming,
    answering_a_claim,
    stepping_in,
    a_lapse,
    a_claim_older_than_the_tail,
    a_lapse_older_than_the_tail,
    a_release,
    revoking_the_holder,
    revoking_the_asker,
    expiry_of_the_asker,
    closing,
    answering_in_a_closed_room,
    reopening,
    retention,
    restarting,
    restoring,
    withdrawing,
    asking_too_much,
    importing_again,
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
async def test_all_views_agree_after(
    event: Event, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage() as stage:
        await event(stage)
        await stage.check(event.__name__)
        if event is not retention:
            for _ in range(LIMITS.tail_messages + 1):  # the same, from the store
                await stage.say("operator", "more")
            await stage.check(f"{event.__name__}, and more messages")


# Events that pass no time: a clock that leaps would leap over the threads of the store.
@pytest.mark.parametrize(
    "event",
    [replying, a_claim_older_than_the_tail, withdrawing, retention, importing_again],
    ids=lambda event: event.__name__,
)
async def test_all_views_of_a_database_agree_after(
    event: Event, tmp_path: Path
) -> None:
    async with open_stage(tmp_path / "data") as stage:
        await event(stage)
        await stage.check(event.__name__)


async def _copied(stage: Stage, other: Stage, lines: bytes) -> None:
    """Import lines of a stage into another one, and expect the same questions there."""
    reply = await other.site.front.call(
        "POST", "/admin/import", token=other.site.token, body=lines
    )
    assert reply.status == 200, reply.body
    other.world.asked = {
        seq: attrs.evolve(each, request={})  # keys are not exported
        for seq, each in stage.world.asked.items()
    }


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
async def test_an_export_takes_all_states_to_another_relay(
    event: Event, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage() as stage:
        await event(stage)
        lines = (await stage.site.admin("POST", "/admin/export")).body
        async with open_stage() as other:
            await _copied(stage, other, lines)
            await other.check(event.__name__)


async def test_a_later_export_ends_the_questions_of_an_earlier_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_stage() as stage, open_stage() as other:
        seqs = [await stage.ask("alice", expects="anyone") for _ in range(3)]
        await stage.claim("bob", seqs[0])
        lines = (await stage.site.admin("POST", "/admin/export")).body
        await _copied(stage, other, lines)
        await other.check("the first export")
        answer = await stage.say("bob", reply_to=seqs[0])
        stage.shows(seqs[0], "answered", "bob", answer)
        path = f"/messages/{seqs[1]}/question"
        await stage.call("alice", "DELETE", path, reason="found it")
        stage.shows(seqs[1], "withdrawn", "alice", None, "found it")
        lines = (await stage.site.admin("POST", "/admin/export")).body
        await _copied(stage, other, lines)
        await other.check("the second export")


async def test_a_view_that_differs_is_found(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Expect a wrong state: every view that shows questions reports the difference."""
    async with open_stage() as stage:
        seq = await stage.ask("alice")
        await stage.check("asking")
        stage.shows(seq, "answered", "bob", 7)
        found = {each.partition(":")[0] for each in await differences(stage.world)}
    missing = {
        word
        for word in (
            *("poll", "text", "history", "minimal", "messages", "resume", "search"),
            *("retries", "claims", "waiting", "state", "snapshot", "stream"),
            *("metrics", "export", "operator"),
        )
        if not any(word in view for view in found)
    }
    assert missing == set()
