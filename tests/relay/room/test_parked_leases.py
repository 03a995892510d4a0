"""A parked poll renews the leases of its peer."""

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from support.paused_store import COMMIT, staged_store
from support.relay import ROOM, RelayHarness, open_harness

LEASES = [1, 2, 8, 12, 24, 25, 26, 60]
LIMITS = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


async def ask(harness: RelayHarness) -> tuple[CodeRecord, CodeRecord, CodeRecord]:
    """Let alice ask anyone, with bob and carol in the room."""
    alice, bob = await harness.guest("alice"), await harness.guest("bob")
    carol = await harness.guest("carol")
    await harness.post(alice, "who?", expects="anyone")
    return alice, bob, carol


async def holder(harness: RelayHarness) -> str | None:
    lease = (await harness.relay.live(ROOM)).room.leases.get(1)
    return None if lease is None else lease.holder


async def is_refused(harness: RelayHarness, who: CodeRecord) -> bool:
    try:
        await claim(harness.relay, who, 1, 5)
    except RelayError as error:
        return error.problem is Problem.CLAIMED_BY_OTHER
    return False


@pytest.mark.parametrize("seconds", LEASES)
async def test_consecutive_polls_keep_a_lease(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    store = staged_store()
    async with open_harness(LIMITS, store) as harness:
        _, bob, carol = await ask(harness)
        granted = await claim(harness.relay, bob, 1, seconds)
        commits = store.committed
        for _ in range(4):
            answer = await harness.poll(bob, since=1, wait=25)
            assert answer.page.messages == ()
            await trio.sleep(seconds / 2)
            assert await is_refused(harness, carol)
        live = await harness.relay.live(ROOM)
        assert live.room.leases[1].fence == granted.lease.fence
        assert store.committed == commits, "renewing needs no disk"
        await harness.poll(bob, since=1, wait=25)
        await trio.sleep(seconds - 0.1)
        assert await holder(harness) == "bob"
        await trio.sleep(0.2)
        assert await holder(harness) is None


@pytest.mark.parametrize("seconds", LEASES)
async def test_a_parked_poll_keeps_a_lease_granted_during_it(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    async with open_harness(LIMITS) as harness, trio.open_nursery() as nursery:
        _, bob, _ = await ask(harness)
        nursery.start_soon(harness.poll, bob, 1, 25)
        await harness.wait_parked(1)
        await claim(harness.relay, bob, 1, seconds)
        await trio.sleep(24.9)
        assert await holder(harness) == "bob"


@pytest.mark.parametrize("seconds", LEASES)
async def test_a_client_that_leaves_keeps_its_claim_for_one_lease(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    async with open_harness(LIMITS) as harness:
        _, bob, _ = await ask(harness)
        await claim(harness.relay, bob, 1, seconds)
        with trio.move_on_after(11.7):
            await harness.poll(bob, since=1, wait=25)
        await trio.sleep(seconds - 0.1)
        assert await holder(harness) == "bob"
        await trio.sleep(0.2)
        assert await holder(harness) is None


async def test_a_poll_does_not_keep_leases_of_other_peers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(LIMITS) as harness:
        _, bob, carol = await ask(harness)
        await claim(harness.relay, bob, 1, 8)
        began = trio.current_time()
        await harness.poll(carol, since=1, wait=25)
        assert trio.current_time() - began == pytest.approx(8)
        assert await holder(harness) is None


async def test_a_timely_poll_of_a_busy_room_keeps_the_lease(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A disk may be slower than a lease; the holder must not lose its claim by that."""
    store = staged_store()
    async with open_harness(LIMITS, store) as harness, trio.open_nursery() as nursery:
        alice, bob, _ = await ask(harness)
        await claim(harness.relay, bob, 1, 2)
        stop = store.stop(COMMIT, "before")
        nursery.start_soon(harness.post, alice, "slow")
        await stop.wait_reached()
        await trio.sleep(1)
        nursery.start_soon(harness.poll, bob, 1, 0)
        await trio.sleep(5)
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        assert await holder(harness) == "bob"
        await trio.sleep(2.1)
        assert await holder(harness) is None


async def test_a_late_poll_of_a_busy_room_does_not_keep_the_lease(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_harness(LIMITS, store) as harness, trio.open_nursery() as nursery:
        alice, bob, _ = await ask(harness)
        await claim(harness.relay, bob, 1, 2)
        stop = store.stop(COMMIT, "before")
        nursery.start_soon(harness.post, alice, "slow")
        await stop.wait_reached()
        await trio.sleep(3)
        nursery.start_soon(harness.poll, bob, 1, 0)
        await trio.testing.wait_all_tasks_blocked()
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        assert await holder(harness) is None


async def test_a_poll_with_a_revoked_code_keeps_no_lease(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(LIMITS) as harness, trio.open_nursery() as nursery:
        _, bob, _ = await ask(harness)
        await claim(harness.relay, bob, 1, 60)

        async def listen() -> None:
            with pytest.raises(RelayError):
                await harness.poll(bob, since=1, wait=25)

        nursery.start_soon(listen)
        await harness.wait_parked(1)
        await operator.revoke(harness.relay, "bob", None, everywhere=False)
        assert await holder(harness) is None
