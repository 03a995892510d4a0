"""Housekeeping, readiness and failures of the store."""

from collections.abc import Mapping, Sequence

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Audit, Write
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.housekeeping import tick
from argybargy.relay.lifecycle import LOST_SECONDS
from argybargy.store.errors import (
    Conflict,
    Corrupt,
    Full,
    Refused,
    StoreError,
    Unknown,
)
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from support.relay import open_harness


@attrs.define
class FailingStore(MemoryStore):
    """A store with configurable failures of writes."""

    note_failure: StoreError | None = None
    commit_failure: StoreError | None = None
    probe_failure: StoreError | None = None
    committed: int = 0
    probes: int = 0
    note_seconds: float = 0
    is_lost: trio.Event = attrs.field(factory=trio.Event)
    lost_as: Corrupt = attrs.field(factory=Corrupt)

    async def wait_lost(self) -> Corrupt:
        await self.is_lost.wait()
        return self.lost_as

    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        if self.note_failure is not None:
            raise self.note_failure
        await trio.sleep(self.note_seconds)
        await super().note(cursors, audits)

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        self.committed += 1
        if self.commit_failure is not None:
            raise self.commit_failure
        await super().commit(
            room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
        )

    async def probe(self) -> None:
        self.probes += 1
        if self.probe_failure is not None:
            raise self.probe_failure
        await super().probe()


@pytest.mark.parametrize("failure", [Refused("locked"), Unknown()])
async def test_no_audit_row_is_lost_while_the_store_fails(
    autojump_clock: trio.testing.MockClock, failure: StoreError
) -> None:
    store = FailingStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        bob = await harness.guest("bob")
        store.note_failure = failure
        await harness.poll(bob, since=0)
        harness.relay.write_behind.note(Audit(1, "something"))
        await trio.sleep(10)
        store.note_failure = None
        await trio.sleep(10)
        rows = await operator.audit(harness.relay, 10, None)
        assert [row.audit.action for row in rows].count("something") == 1


async def test_a_flush_that_takes_minutes_does_not_end_the_relay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FailingStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        store.note_seconds = 200
        harness.relay.write_behind.note(Audit(1, "something"))
        await trio.sleep(500)
        store.note_seconds = 0
        rows = await operator.audit(harness.relay, 10, None)
        assert [row.audit.action for row in rows].count("something") == 1


async def test_the_relay_survives_a_conflict_in_a_round_of_housekeeping(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FailingStore(DEFAULT_LIMITS, note_failure=Conflict())
    async with open_harness(store=store) as harness:
        harness.relay.write_behind.note(Audit(1, "something"))
        await trio.sleep(10)
        store.note_failure = None
        assert len(await operator.audit(harness.relay, 10, None)) == 1


async def test_the_relay_reports_lost_data_and_ends(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FailingStore(DEFAULT_LIMITS, lost_as=Corrupt("page 7 is bad"))

    async def lose_data() -> None:
        async with open_harness(store=store) as harness:
            alice = await harness.guest("alice")
            store.is_lost.set()
            await trio.sleep(LOST_SECONDS / 2)
            with pytest.raises(Corrupt, match="page 7"):
                await harness.relay.readiness.check()
            await harness.post(alice, "what can be stored is")
            await trio.sleep(LOST_SECONDS)
            raise AssertionError("the relay goes on without its data")

    with pytest.raises(ExceptionGroup) as raised:
        await lose_data()
    assert raised.group_contains(Corrupt, match="page 7")


async def test_concurrent_flushes_store_audit_rows_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(store=FailingStore(DEFAULT_LIMITS)) as harness:
        harness.relay.write_behind.note(Audit(1, "connect", "bob"))
        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(operator.audit, harness.relay, 10, None)
        rows = await operator.audit(harness.relay, 10, None)
        assert [row.audit.action for row in rows] == ["connect"]


async def test_the_end_of_a_lease_on_a_full_disk_is_retried_after_a_pause(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FailingStore(DEFAULT_LIMITS)
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, 5)
        store.commit_failure, store.committed = Full("no space"), 0
        await trio.sleep(25)
        assert 10 <= store.committed <= 25
        store.commit_failure = None
        await trio.sleep(2)
        answer = await harness.poll(bob, since=1)
        assert [message.event for message in answer.page.messages] == ["reopened"]


async def test_concurrent_readiness_checks_share_one_write(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = FailingStore(DEFAULT_LIMITS, probe_failure=Refused("locked"))
    async with open_harness(store=store) as harness:
        failures: list[StoreError] = []

        async def ask() -> None:
            try:
                await harness.relay.readiness.check()
            except StoreError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(ask)
        assert (len(failures), store.probes) == (12, 1)
        store.probe_failure = None
        await trio.sleep(1.1)
        await harness.relay.readiness.check()


async def test_an_immediate_read_does_not_displace_a_parked_poll(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for number in range(4):
            nursery.start_soon(harness.poll, bob, 1, 25)
            await harness.wait_parked(number + 1)
        await harness.post(alice, "already read")
        await harness.wait_parked(0)
        for number in range(4):
            nursery.start_soon(harness.poll, bob, 1, 25)
            await harness.wait_parked(number + 1)
        assert len((await harness.poll(bob, since=0, wait=25)).page.messages) == 1
        assert harness.parked() == 4
        nursery.cancel_scope.cancel()


async def test_a_poll_with_a_very_short_wait_counts_as_an_immediate_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(Limits(reads_per_window=5)) as harness:
        bob = await harness.guest("bob")
        for _ in range(5):
            await harness.poll(bob, wait=0.0001)
        with pytest.raises(RelayError, match="rate_limited"):
            await harness.poll(bob, wait=0.0001)


async def test_the_audit_log_reports_the_number_of_dropped_rows() -> None:
    limits = Limits(audit_rows=5)
    async with open_harness(limits, MemoryStore(limits)) as harness:
        for number in range(8):
            harness.relay.write_behind.note(Audit(number, f"action {number}"))
        await tick(harness.relay)
        newest = await operator.audit(harness.relay, 3, None)
        assert [row.audit.action for row in newest] == [
            f"action {n}" for n in (5, 6, 7)
        ]
        rest = await operator.audit(harness.relay, 3, newest[0].id)
        assert [row.audit.action for row in rest] == ["pruned", "action 3", "action 4"]
        assert rest[0].audit.detail == "3 older rows are kept no longer"
        assert await operator.audit(harness.relay, 3, rest[1].id) == ()
