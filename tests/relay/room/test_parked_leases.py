"""A parked poll is a sign of life: what its peer has claimed stays claimed."""

import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from support.paused_store import COMMIT, staged_store
from support.relay import ROOM, House, open_house

LEASES = [1, 2, 8, 12, 24, 25, 26, 60]
LIMITS = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


async def ask(house: House) -> tuple[CodeRecord, CodeRecord, CodeRecord]:
    """Let alice put a question to anyone, with bob and carol there."""
    alice, bob = await house.guest("alice"), await house.guest("bob")
    carol = await house.guest("carol")
    await house.post(alice, "who?", expects="anyone")
    return alice, bob, carol


async def holder(house: House) -> str | None:
    lease = (await house.relay.live(ROOM)).room.leases.get(1)
    return None if lease is None else lease.holder


async def is_refused(house: House, who: CodeRecord) -> bool:
    try:
        await claim(house.relay, who, 1, 5)
    except RelayError as error:
        return error.problem is Problem.CLAIMED_BY_OTHER
    return False


@pytest.mark.parametrize("seconds", LEASES)
async def test_no_lease_runs_out_under_polls_that_follow_each_other(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    store = staged_store()
    async with open_house(LIMITS, store) as house:
        _, bob, carol = await ask(house)
        lease = await claim(house.relay, bob, 1, seconds)
        commits = store.commits
        for _ in range(4):
            answer = await house.poll(bob, since=1, wait=25)
            assert answer.page.messages == ()
            await trio.sleep(seconds / 2)
            assert await is_refused(house, carol)
        live = await house.relay.live(ROOM)
        assert live.room.leases[1].fence == lease.fence
        assert store.commits == commits, "renewing needs no disk"
        await house.poll(bob, since=1, wait=25)
        await trio.sleep(seconds - 0.1)
        assert await holder(house) == "bob"
        await trio.sleep(0.2)
        assert await holder(house) is None


@pytest.mark.parametrize("seconds", LEASES)
async def test_what_is_claimed_beside_a_parked_poll_is_held_by_it(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    async with open_house(LIMITS) as house, trio.open_nursery() as nursery:
        _, bob, _ = await ask(house)
        nursery.start_soon(house.poll, bob, 1, 25)
        await house.wait_parked(1)
        await claim(house.relay, bob, 1, seconds)
        await trio.sleep(24.9)
        assert await holder(house) == "bob"


@pytest.mark.parametrize("seconds", LEASES)
async def test_a_client_that_leaves_has_its_lease_to_come_back(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    async with open_house(LIMITS) as house:
        _, bob, _ = await ask(house)
        await claim(house.relay, bob, 1, seconds)
        with trio.move_on_after(11.7):
            await house.poll(bob, since=1, wait=25)
        await trio.sleep(seconds - 0.1)
        assert await holder(house) == "bob"
        await trio.sleep(0.2)
        assert await holder(house) is None


async def test_a_poll_holds_nobody_elses_lease(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(LIMITS) as house:
        _, bob, carol = await ask(house)
        await claim(house.relay, bob, 1, 8)
        began = trio.current_time()
        await house.poll(carol, since=1, wait=25)
        assert trio.current_time() - began == pytest.approx(8)
        assert await holder(house) is None


async def test_a_poll_that_comes_in_time_to_a_busy_room_holds_the_lease(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The disk may take longer than the lease lasts; that is not the holder's fault."""
    store = staged_store()
    async with open_house(LIMITS, store) as house, trio.open_nursery() as nursery:
        alice, bob, _ = await ask(house)
        await claim(house.relay, bob, 1, 2)
        stop = store.stop(COMMIT, "before")
        nursery.start_soon(house.post, alice, "slow")
        await stop.wait_reached()
        await trio.sleep(1)
        nursery.start_soon(house.poll, bob, 1, 0)
        await trio.sleep(5)
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        assert await holder(house) == "bob"
        await trio.sleep(2.1)
        assert await holder(house) is None


async def test_a_poll_that_comes_too_late_to_a_busy_room_does_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    async with open_house(LIMITS, store) as house, trio.open_nursery() as nursery:
        alice, bob, _ = await ask(house)
        await claim(house.relay, bob, 1, 2)
        stop = store.stop(COMMIT, "before")
        nursery.start_soon(house.post, alice, "slow")
        await stop.wait_reached()
        await trio.sleep(3)
        nursery.start_soon(house.poll, bob, 1, 0)
        await trio.testing.wait_all_tasks_blocked()
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        assert await holder(house) is None


async def test_a_revoked_code_holds_nothing_however_it_waits(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(LIMITS) as house, trio.open_nursery() as nursery:
        _, bob, _ = await ask(house)
        await claim(house.relay, bob, 1, 60)

        async def listen() -> None:
            with pytest.raises(RelayError):
                await house.poll(bob, since=1, wait=25)

        nursery.start_soon(listen)
        await house.wait_parked(1)
        await operator.revoke(house.relay, "bob", None, everywhere=False)
        assert await holder(house) is None
