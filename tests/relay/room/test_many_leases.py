"""Very many leases that end at once: in bounded commits, and completely."""

import pytest
import trio
import trio.testing

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import REOPENED, Message
from argybargy.domain.room.claims import MAX_ENDED_AT_ONCE
from argybargy.domain.room.commands import Claim, Release
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import UpdateClaim
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.room.batch import Facts, decide_batch
from argybargy.store.protocol import Store
from support.paused_store import AFTER, COMMIT, staged_store
from support.relay import ROOM, RelayHarness, open_harness
from support.room import Scene

LIMITS = Limits(
    posts_per_window=0,
    claims_per_window=0,
    reads_per_window=0,
    lease_seconds=60,
    tail_messages=5,
)
COUNT = 2 * MAX_ENDED_AT_ONCE + 5


async def hold_many(harness: RelayHarness) -> None:
    """Let bob claim many questions at the same instant."""
    alice, bob = await harness.guest("alice"), await harness.guest("bob")
    for seq in range(1, COUNT + 1):
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, seq, None)


async def reopened(store: Store) -> list[int | None]:
    said = await store.recent(ROOM, 10 * COUNT)
    return [each.reply_to for _, each in said if each.event == REOPENED]


async def test_leases_that_expire_together_end_in_several_commits(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_harness(LIMITS, store) as harness:
        await hold_many(harness)
        before = store.committed
        await trio.sleep(LIMITS.lease_seconds + 1)
        assert store.committed - before == 3
        assert await reopened(store) == list(range(1, COUNT + 1))
        live = await harness.relay.live(ROOM)
        assert not live.room.leases
        messages = harness.relay.overview.cards[ROOM].summary.messages
        assert messages == 2 * COUNT


async def test_a_claim_during_the_expiry_of_many_leases_waits_for_its_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_harness(LIMITS, store) as harness:
        await hold_many(harness)
        carol = await harness.guest("carol")
        stop = store.stop(COMMIT, AFTER)
        await trio.sleep(LIMITS.lease_seconds)
        await stop.wait_reached()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(claim, harness.relay, carol, COUNT, None)
            await trio.testing.wait_all_tasks_blocked()
            stop.release()
        live = await harness.relay.live(ROOM)
        assert {seq: lease.holder for seq, lease in live.room.leases.items()} == {
            COUNT: "carol"
        }
        assert await reopened(store) == list(range(1, COUNT + 1))


async def test_a_peer_with_very_many_claims_is_dismissed_completely(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_harness(LIMITS, store) as harness:
        await hold_many(harness)
        before = store.committed
        await operator.revoke(harness.relay, "bob", ROOM, everywhere=False)
        assert store.committed - before == 3
        live = await harness.relay.live(ROOM)
        assert not live.room.leases
        assert await reopened(store) == list(range(1, COUNT + 1))


def lapsed_beyond_the_tail() -> tuple[Room, Instant, Message]:
    """Return a room in which a claim on an old question has just expired."""
    scene = Scene(LIMITS)
    scene.claim("bob", scene.ask())
    for _ in range(LIMITS.tail_messages):
        scene.post("anna")
    scene.pass_time(LIMITS.lease_seconds)
    return scene.room, scene.now, scene.room.messages[1]


@pytest.mark.parametrize("command", [Claim("carol", 1), Release("bob", 1)])
def test_a_command_sees_a_claim_that_expires_in_its_batch(
    command: Claim | Release,
) -> None:
    room, now, question = lapsed_beyond_the_tail()
    assert question.claimed_by == "bob"
    recalled = {1: question}
    facts = Facts(now, LIMITS, RoomQuota(0), recalled)
    trial = decide_batch(room, [], facts)
    assert 1 not in trial.room.messages, "so a command is given what was recalled"
    assert recalled[1].claimed_by is None
    assert recalled[1].fence == 0
    trial = decide_batch(room, [command], Facts(now, LIMITS, RoomQuota(0), recalled))
    claims = [each.claimed_by for each in trial.writes if isinstance(each, UpdateClaim)]
    assert claims == [None, *(["carol"] if isinstance(command, Claim) else [])]
