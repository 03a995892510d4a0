"""Peers without a valid code are dismissed, with retries after failures."""

from collections.abc import Sequence

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Audit, Write
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.housekeeping import tick
from argybargy.relay.lifecycle import open_relay
from argybargy.relay.offboarding import DISMISSALS_PER_TICK
from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.memory.store import MemoryStore
from support.relay import ROOM, RelayHarness, open_harness, texts

FOR_EVER = Limits(
    posts_per_window=0, claims_per_window=0, reads_per_window=0, lease_seconds=0
)
"""Limits under which claims do not expire by themselves."""


@attrs.define
class ReluctantStore(MemoryStore):
    """A store that refuses commits, or reports a revocation as unknown."""

    refusal: StoreError | None = None
    doubt: StoreError | None = None
    gate: trio.Event | None = None

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        await super().commit(
            room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
        )

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        await super().remove_codes(codes, audits)
        if self.doubt is not None:
            raise self.doubt


def members(harness: RelayHarness) -> tuple[str, ...]:
    harness.relay.overview.recompute(harness.clock.now())
    return harness.relay.overview.members(ROOM)


async def ask_and_claim(harness: RelayHarness) -> CodeRecord:
    """Let bob claim alice's question; return carol, who will claim it later."""
    alice, bob = await harness.guest("alice"), await harness.guest("bob")
    carol = await harness.guest("carol")
    await harness.post(alice, "who?", expects="anyone")
    await harness.post(bob, "me")
    await claim(harness.relay, bob, 1, None)
    return carol


async def revoke_bob(harness: RelayHarness) -> None:
    await operator.revoke(harness.relay, "bob", None, everywhere=False)


async def check_gone(harness: RelayHarness, carol: CodeRecord) -> None:
    assert (await claim(harness.relay, carol, 1, None)).lease.holder == "carol"
    assert members(harness) == ("alice", "carol")


async def test_claims_of_a_revoked_peer_are_released_once_the_disk_has_space(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = ReluctantStore(FOR_EVER)
    async with open_harness(FOR_EVER, store) as harness:
        carol = await ask_and_claim(harness)
        store.refusal = Refused("no space")
        await revoke_bob(harness)
        await trio.sleep(60)
        store.refusal = None
        await trio.sleep(3)
        await check_gone(harness, carol)


async def test_claims_of_a_revoked_peer_are_released_after_a_full_inbox(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(FOR_EVER, inbox_commands=2, batch_commands=1)
    store = ReluctantStore(limits)
    async with open_harness(limits, store) as harness:
        carol = await ask_and_claim(harness)
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for text in ("one", "two", "three"):
                nursery.start_soon(harness.post, carol, text)
                await trio.testing.wait_all_tasks_blocked()
            await revoke_bob(harness)
            store.gate.set()
        await trio.sleep(3)
        await check_gone(harness, carol)


async def test_a_revocation_in_doubt_that_succeeded_has_all_its_effects(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = ReluctantStore(FOR_EVER)
    async with open_harness(FOR_EVER, store) as harness:
        carol = await ask_and_claim(harness)
        (bob,) = harness.relay.codes.match("bob")
        store.doubt = Unknown()
        began = trio.current_time()

        async def listen() -> None:
            with pytest.raises(RelayError) as ended:
                await harness.poll(bob, since=2, wait=25)
            assert ended.value.problem is Problem.UNAUTHORIZED
            assert trio.current_time() - began < 5

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await harness.wait_parked(1)
            with pytest.raises(RelayError) as refusal:
                await revoke_bob(harness)
            assert refusal.value.problem is Problem.STORAGE_UNKNOWN
        await trio.sleep(3)
        await check_gone(harness, carol)


async def test_a_peer_invited_again_meanwhile_is_not_dismissed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = ReluctantStore(FOR_EVER)
    async with open_harness(FOR_EVER, store) as harness:
        await ask_and_claim(harness)
        store.refusal = Refused("no space")
        await revoke_bob(harness)
        await harness.guest("bob")
        store.refusal = None
        await trio.sleep(10)
        live = await harness.relay.live(ROOM)
        assert live.room.leases[1].holder == "bob"
        assert members(harness) == ("alice", "bob", "carol")


async def test_a_peer_that_loses_one_of_two_codes_is_not_dismissed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(FOR_EVER) as harness:
        await ask_and_claim(harness)
        (first,) = harness.relay.codes.match("bob")
        await harness.guest("bob")
        await operator.revoke(harness.relay, first.key_id, None, everywhere=False)
        await trio.sleep(10)
        live = await harness.relay.live(ROOM)
        assert live.room.leases[1].holder == "bob"


async def test_claims_of_a_code_that_expires_while_no_relay_runs_are_released(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(FOR_EVER, expired_code_seconds=8_000)
    store = MemoryStore(limits)
    async with open_harness(limits, store) as harness:
        clocks = harness.clocks
        alice, carol = await harness.guest("alice"), await harness.guest("carol")
        bob = await harness.guest("bob", lifetime_seconds=3_600)
        await harness.post(alice, "who?", expects="anyone")
        await harness.post(bob, "and who helps me?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
    await trio.sleep(7_200)
    clock = clocks.clock()
    async with open_relay(store, limits, clock) as relay:
        harness = RelayHarness(relay, clock, clocks)
        await trio.sleep(10)
        await check_gone(harness, carol)
        assert [row.message.seq for row in relay.overview.inbox] == [1]
        # Nobody takes the one who is gone for a member once the code is forgotten.
        await trio.sleep(10_000)
        assert len(relay.codes) == 2
        assert members(harness) == ("alice", "carol")


async def test_many_peers_with_expired_codes_are_dismissed_in_bounded_rounds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store, count = MemoryStore(FOR_EVER), 2 * DISMISSALS_PER_TICK + 1
    async with open_harness(FOR_EVER, store) as harness:
        clocks = harness.clocks
        for number in range(count):
            guest = await harness.guest(f"guest{number}", lifetime_seconds=60)
            await harness.post(guest, "hello")
    await trio.sleep(100)
    clock = clocks.clock()
    async with open_relay(store, FOR_EVER, clock) as relay:
        left = [count]
        while left[-1]:
            await tick(relay)
            left.append(len((await relay.live(ROOM)).room.members))
        assert left == [count, count - DISMISSALS_PER_TICK, 1, 0]


async def test_a_failing_dismissal_in_one_room_does_not_delay_other_rooms(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = MemoryStore(FOR_EVER)
    async with open_harness(FOR_EVER, store) as harness:
        stuck = "stuck"
        for number in range(DISMISSALS_PER_TICK):
            await harness.guest(f"guest{number}", stuck, lifetime_seconds=10)
        bob = await harness.guest("bob", lifetime_seconds=10)
        await harness.post(bob, "hello")
        live = await harness.relay.live(stuck)
        failure = RelayError(Problem.ROOM_UNAVAILABLE)
        live.fail(failure)
        await trio.sleep(20)
        assert not (await harness.relay.live(ROOM)).room.members


@pytest.mark.parametrize("absence", [110, 900])
async def test_a_peer_with_an_expired_code_resumes_with_a_new_code(
    autojump_clock: trio.testing.MockClock, absence: int
) -> None:
    """Whether the room has left memory meanwhile or not."""
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        bob = await harness.guest("bob", lifetime_seconds=100)
        await harness.post(alice, "one")
        await harness.poll(bob, since=1)
        await trio.sleep(absence)
        bob = await harness.guest("bob")
        await harness.post(alice, "two")
        answer = await harness.poll(bob, since=None)
        assert (answer.since, texts(answer.page.messages)) == (1, ["two"])
