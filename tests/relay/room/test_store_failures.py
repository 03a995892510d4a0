"""Rooms with a failing store: replies, polls and leases."""

from collections.abc import Mapping, Sequence

import attrs
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Write
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, release
from argybargy.relay.api.stream_cursor import newest_messages
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.relay.overview.room_card import cards_by_room
from argybargy.relay.store_errors import REPEAT_SECONDS
from argybargy.store.errors import Conflict, Full, Refused, StoreError, Unknown
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from support.error_log import ErrorLog
from support.relay import ROOM, RelayHarness, open_harness, texts


@attrs.define
class TroubledStore(MemoryStore):
    """A store with a configurable failure for each method.

    Attributes:
        commit_trouble: Exception of a commit.
        applies_anyway: Whether the commit is made nevertheless.
        load_trouble: Exception of a load, or of reading commits.
        empty_trouble: Exception of a commit without writes, which ends a doubt.
        gate: Event that commits wait for.
        cursor_gate: Event that reads of cursors wait for.
    """

    commit_trouble: Exception | None = None
    applies_anyway: bool = False
    load_trouble: Exception | None = None
    empty_trouble: StoreError | None = None
    gate: trio.Event | None = None
    cursor_gate: trio.Event | None = None

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
        if not writes:
            if self.empty_trouble is not None:
                raise self.empty_trouble
            await super().commit(
                room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
            )
            return
        if self.commit_trouble is None or self.applies_anyway:
            await super().commit(
                room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
            )
        if self.commit_trouble is not None:
            raise self.commit_trouble

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        if self.load_trouble is not None:
            raise self.load_trouble
        return await super().load(room, tail_messages)

    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        if self.load_trouble is not None:
            raise self.load_trouble
        return await super().commits(room, after)

    async def cursors(self, room: str) -> Mapping[str, int]:
        found = await super().cursors(room)
        if self.cursor_gate is not None:
            await self.cursor_gate.wait()
        return found

    def mend(self) -> None:
        """Remove all failures."""
        self.commit_trouble = self.load_trouble = self.empty_trouble = None


def troubled_store(limits: Limits = DEFAULT_LIMITS) -> TroubledStore:
    return TroubledStore(limits)


async def crash(harness: RelayHarness, store: TroubledStore, times: int = 1) -> None:
    """Let a room task crash once, by an injected bug."""
    carol = await harness.guest("carol")
    store.commit_trouble = ZeroDivisionError("a bug")
    for _ in range(times):
        with pytest.raises(RelayError):
            await harness.post(carol, "lost")
    store.commit_trouble = None


async def test_parked_polls_of_a_failed_room_end_at_once(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        bob, began = await harness.guest("bob"), trio.current_time()

        async def listen() -> None:
            with pytest.raises(RelayError) as ended:
                await harness.poll(bob, wait=25)
            assert ended.value.problem is Problem.ROOM_UNAVAILABLE

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await harness.wait_parked(1)
            await crash(harness, store, times=3)
        assert trio.current_time() - began < 1
        assert error_log.take()


async def test_polls_end_in_a_room_that_cannot_be_reloaded_after_a_crash(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    """Such a poll would miss messages of the new room, and a drain."""
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        refusals: list[Problem] = []

        async def listen() -> None:
            try:
                await harness.poll(bob, wait=25)
            except RelayError as error:
                refusals.append(error.problem)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await harness.wait_parked(1)
            store.load_trouble = Refused("locked")
            await crash(harness, store)
            await trio.testing.wait_all_tasks_blocked()
            assert refusals == [Problem.STORAGE_UNAVAILABLE]
        store.mend()
        assert (await harness.post(alice, "news")).message.seq == 1
        assert error_log.take()


async def test_the_operator_reads_a_room_that_fails_while_loading_from_the_store(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, relay = await harness.guest("alice"), harness.relay
        await harness.post(alice, "before")
        evicted = await relay.live(ROOM)
        relay.rooms.discard(evicted)
        evicted.close()
        store.load_trouble = ZeroDivisionError("a bug")
        with pytest.raises(RelayError):
            await harness.poll(alice)
        found = await operator.history(relay, ROOM, MAX_SEQ, 10)
        assert texts(found.lookback.messages) == ["before"]
        newest = await newest_messages(relay, ROOM, 10)
        assert texts(tuple(message for _, message in newest)) == ["before"]
        assert error_log.take()


async def test_a_failed_room_keeps_no_reference_to_its_requests(
    autojump_clock: trio.testing.MockClock, error_log: ErrorLog
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        bob = await harness.guest("bob")
        await crash(harness, store, times=3)
        lengths, seen = [], []
        for _ in range(3):
            with pytest.raises(RelayError) as refusal:
                await harness.poll(bob)
            lengths.append(len(refusal.traceback))
            seen.append(refusal.value)
        assert len(set(lengths)) == 1
        assert len({id(error) for error in seen}) == 3
        assert {error.text for error in seen} == {seen[0].text}
        assert error_log.take()


async def test_each_request_of_a_failed_batch_gets_its_own_exception(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        store.gate, store.commit_trouble = trio.Event(), Full("no space")
        failures: list[RelayError] = []

        async def ask() -> None:
            with pytest.raises(RelayError) as refusal:
                await harness.post(alice)
            failures.append(refusal.value)

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            store.gate.set()
        assert len({id(failure) for failure in failures}) == 5


async def test_on_a_full_disk_polls_succeed_and_renew_claims(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        here, gone = await harness.guest("here"), await harness.guest("gone")
        await harness.post(alice, "who?", expects="anyone")
        await harness.post(alice, "and who else?", expects="anyone")
        await claim(harness.relay, here, 1, 60)
        await claim(harness.relay, gone, 2, 10)
        store.commit_trouble = Full("no space")
        for _ in range(14):
            await trio.sleep(5)
            await harness.poll(here, since=2)
        store.mend()
        await trio.sleep(5)
        live = await harness.relay.live(ROOM)
        assert {seq: lease.holder for seq, lease in live.room.leases.items()} == {
            1: "here"
        }
        heard = (await harness.poll(here, since=2)).page.messages
        assert [(each.event, each.reply_to) for each in heard] == [("reopened", 2)]


async def test_an_expired_claim_whose_end_cannot_be_written_is_not_renewed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, 10)
        store.commit_trouble = Full("no space")
        await trio.sleep(15)
        await harness.poll(bob, since=1)
        store.mend()
        await trio.sleep(5)
        assert 1 not in (await harness.relay.live(ROOM)).room.leases


async def test_a_poll_of_a_holder_succeeds_with_a_full_inbox(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(
        posts_per_window=0,
        reads_per_window=0,
        claims_per_window=0,
        inbox_commands=1,
        batch_commands=1,
    )
    store = troubled_store(limits)
    async with open_harness(limits, store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for text in ("one", "two"):
                nursery.start_soon(harness.post, alice, text)
                await trio.testing.wait_all_tasks_blocked()
            assert texts((await harness.poll(bob)).page.messages) == ["who?"]
            store.gate.set()


@pytest.mark.parametrize("is_applied", [True, False])
async def test_a_commit_in_doubt_does_not_extend_leases_of_silent_holders(
    autojump_clock: trio.testing.MockClock, is_applied: bool
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, 60)
        await trio.sleep(50)
        store.commit_trouble, store.applies_anyway = Unknown(), is_applied
        store.empty_trouble = Unknown()
        with pytest.raises(RelayError):
            await harness.post(alice, "in doubt")
        store.mend()
        await trio.sleep(15)
        live = await harness.relay.live(ROOM)
        assert 1 not in live.room.leases
        assert live.room.head == (3 if is_applied else 2)


async def test_a_room_that_cannot_be_reloaded_after_a_conflict_retries(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        live = await harness.relay.live(ROOM)
        store.commit_trouble = Conflict()
        store.load_trouble = Refused("locked")
        with pytest.raises(RelayError) as refusal:
            await harness.post(alice, "lost")
        assert refusal.value.problem is Problem.STORAGE_UNAVAILABLE
        store.mend()
        assert (await harness.post(alice, "two")).message.seq == 2
        assert await harness.relay.live(ROOM) is live
        assert texts((await harness.poll(bob)).page.messages) == ["one", "two"]


async def test_a_commit_in_doubt_that_succeeded_is_in_the_overview(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = Limits(posts_per_window=0, claims_per_window=0, tail_messages=1)
    store = troubled_store(limits)
    async with open_harness(limits, store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, None)
        await harness.post(alice, "one")
        for doubtful in (
            lambda: harness.post(alice, "and who else?", expects="anyone"),
            lambda: release(harness.relay, bob, 1),
        ):
            store.commit_trouble, store.applies_anyway = Unknown(), True
            store.empty_trouble = Unknown()
            with pytest.raises(RelayError) as refusal:
                await doubtful()
            assert refusal.value.problem is Problem.STORAGE_UNKNOWN
            store.mend()
            await trio.sleep(5)
            board = harness.relay.overview
            assert board.cards == cards_by_room(
                await store.overview(), harness.clock.now()
            )
            assert tuple(board.recent()) == await store.recent(None, OVERVIEW_MESSAGES)


async def test_a_cursor_flushed_during_a_reload_is_not_lost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for number in range(5):
            await harness.post(alice, str(number))
        live = await harness.relay.live(ROOM)
        live.cursors.clear()
        live.close()  # the room is evicted, with its unflushed state
        harness.relay.rooms._by_key.clear()
        harness.relay.write_behind.acknowledge(bob.peer, 4)
        store.cursor_gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(harness.relay.live, ROOM)
            await trio.testing.wait_all_tasks_blocked()
            await harness.relay.write_behind.flush()
            store.cursor_gate.set()
        assert (await harness.poll(bob, since=None)).since == 4


async def test_a_room_exists_after_the_request_that_opened_it_was_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(operator.open_room, harness.relay, "Team", "op")
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert not harness.relay.knows("team")
        store.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert harness.relay.knows("team")
        assert (await operator.close_room(harness.relay, "TEAM", "op")).name == "Team"


async def test_refused_commits_are_logged_once_a_minute_with_their_number(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        store.commit_trouble = Refused("the disk is full")
        with capture_logs() as lines:
            for _ in range(50):
                with pytest.raises(RelayError):
                    await harness.post(alice, "lost")
            await trio.sleep(REPEAT_SECONDS)
            with pytest.raises(RelayError):
                await harness.post(alice, "lost")
    refused = [line for line in lines if line["event"] == "commit refused"]
    assert [line["times"] for line in refused] == [1, 50]
