"""Deletion of rooms under way: polls, posts, codes and the overview."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.cursors import Since
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message, SenderKind
from argybargy.domain.room.commands import Dismiss, ImportedMessage
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import agent, imports, operator
from argybargy.relay.api.deletion import DeletedRoom, delete_room
from argybargy.relay.api.imports import RoomImport
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.housekeeping import tick
from argybargy.store.errors import Refused, Unknown
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore, open_memory_store
from relay.room.test_store_failures import troubled_store
from support.error_log import ErrorLog
from support.paused_store import BEFORE, COMMIT, LOAD, staged_store
from support.relay import EPOCH_MS, ROOM, RelayHarness, open_harness, texts

UNHURRIED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


@attrs.define(eq=False)
class SlowCodes(MemoryStore):
    """A memory store that adds codes only when its gate is open."""

    gate: trio.Event | None = None

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await super().add_codes(codes, audits)


@pytest.fixture
async def house(autojump_clock: object) -> AsyncIterator[RelayHarness]:
    async with open_harness() as opened:
        yield opened


async def closed_with(house: RelayHarness, *names: str) -> list[CodeRecord]:
    """Return the codes of a closed room in which each of these has posted."""
    guests = [await house.guest(name) for name in names]
    for guest in guests:
        await house.post(guest, f"from {guest.name}")
    await operator.close_room(house.relay, ROOM, "ops")
    return guests


async def refusal(work: Callable[[], Awaitable[object]]) -> Problem:
    with pytest.raises(RelayError) as caught:
        await work()
    return caught.value.problem


# -- what goes --------------------------------------------------------------------


async def test_an_open_or_unknown_room_is_refused(house: RelayHarness) -> None:
    assert await refusal(lambda: delete_room(house.relay, "nowhere", "ops")) is (
        Problem.ROOM_NOT_FOUND
    )
    alice = await house.guest("alice")
    assert await refusal(lambda: delete_room(house.relay, ROOM, "ops")) is (
        Problem.ROOM_OPEN
    )
    await house.post(alice, "still here")


async def test_a_deleted_room_is_gone_from_everywhere(house: RelayHarness) -> None:
    relay = house.relay
    alice, bob = await closed_with(house, "alice", "bob")
    await house.poll(alice, since=2)
    found = await delete_room(relay, "BUILD", "titus")
    assert found == DeletedRoom("build", messages=2, codes=2, is_erased=True)
    assert not relay.knows(ROOM)
    assert (len(relay.codes), relay.codes.rooms(), relay.presence.rooms()) == (
        0,
        (),
        (),
    )
    assert relay.overview.recent() == []
    state = await operator.read_overview_state(relay, None, 60)
    assert (state.rooms, state.codes, state.messages) == ((), (), ())
    assert (await operator.read_overview_state(relay, ROOM, 60)).messages == ()
    assert await refusal(lambda: operator.history(relay, ROOM, 99, 9)) is (
        Problem.ROOM_NOT_FOUND
    )
    assert operator.stats(relay).rooms == operator.stats(relay).messages == 0
    for code in (alice, bob):
        assert not relay.codes.is_live(code, house.clock.now())
        assert await refusal(partial(house.poll, code)) is Problem.UNAUTHORIZED
    await relay.ask(ROOM, Dismiss("alice"))  # as housekeeping may do late
    assert not relay.overview._leases
    (*_, row) = await operator.audit(relay, 9, None)
    assert (row.audit.action, row.audit.actor, row.audit.detail) == (
        "room_delete",
        "titus",
        "2 messages, 2 codes",
    )


async def test_a_second_deletion_finds_nothing(house: RelayHarness) -> None:
    await closed_with(house, "alice")
    await delete_room(house.relay, ROOM, "ops")
    assert await refusal(lambda: delete_room(house.relay, ROOM, "ops")) is (
        Problem.ROOM_NOT_FOUND
    )
    assert await refusal(lambda: operator.reopen_room(house.relay, ROOM, "o")) is (
        Problem.ROOM_NOT_FOUND
    )


async def test_a_deleted_room_gives_its_place_back(autojump_clock: object) -> None:
    limits = attrs.evolve(UNHURRIED, rooms=1)
    async with open_harness(limits) as house:
        await closed_with(house, "alice")
        other = await house.guest("bob", "other")
        assert await refusal(lambda: house.post(other)) is Problem.ROOM_QUOTA
        await delete_room(house.relay, ROOM, "ops")
        await house.post(other)
        again = await house.guest("alice")
        assert await refusal(lambda: house.post(again)) is Problem.ROOM_QUOTA


async def test_a_room_made_again_starts_empty_with_new_numbers(
    house: RelayHarness,
) -> None:
    (alice,) = await closed_with(house, "alice")
    await delete_room(house.relay, ROOM, "ops")
    again = await house.guest("alice")
    answer = await house.poll(again)
    assert answer.page.messages == ()
    said = await house.post(again, "second life")
    assert said.message.seq == 2
    bob = await house.guest("bob")
    answer = await house.poll(bob)
    assert texts(answer.page.messages) == ["second life"]
    assert (answer.gap, answer.status.is_closed) == ((1, 1), False)
    assert not house.relay.codes.is_live(alice, house.clock.now())


async def test_the_room_is_gone_after_a_restart(autojump_clock: object) -> None:
    async with open_memory_store() as store:
        async with open_harness(store=store) as house:
            await closed_with(house, "alice")
            await delete_room(house.relay, ROOM, "ops")
        async with open_harness(store=store) as house:
            assert not house.relay.knows(ROOM)
            assert len(house.relay.codes) == 0
            again = await house.guest("alice")
            assert (await house.post(again)).message.seq == 2


async def test_no_flush_or_round_of_housekeeping_brings_anything_back(
    house: RelayHarness,
) -> None:
    (alice,) = await closed_with(house, "alice")
    await house.poll(alice, since=1)
    house.relay.write_behind.acknowledge(alice.peer, 1)
    await delete_room(house.relay, ROOM, "ops")
    house.relay.write_behind.acknowledge(alice.peer, 1)  # of a poll under way
    for _ in range(3):
        await tick(house.relay)
    assert await house.relay.store.cursors(ROOM) == {}
    assert not house.relay.knows(ROOM)
    assert house.relay.presence.rooms() == ()


# -- at the same time -------------------------------------------------------------


async def test_a_parked_poll_is_told_to_leave_and_the_next_is_unauthorized(
    house: RelayHarness,
) -> None:
    alice = await house.guest("alice")
    answers = []

    async def park() -> None:
        answers.append(await house.poll(alice, wait=25))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        await house.wait_parked(1)
        await operator.close_room(house.relay, ROOM, "ops")
        await trio.testing.wait_all_tasks_blocked()
        await delete_room(house.relay, ROOM, "ops")
    (answer,) = answers
    assert answer.budget.should_exit
    assert answer.status.closed_by == "ops"
    assert await refusal(lambda: house.poll(alice, wait=25)) is Problem.UNAUTHORIZED


@pytest.mark.parametrize("is_post_first", [True, False])
async def test_a_post_beside_a_deletion_is_refused_and_creates_nothing(
    house: RelayHarness, is_post_first: bool
) -> None:
    (alice,) = await closed_with(house, "alice")
    problems = []

    async def post() -> None:
        problems.append(await refusal(lambda: house.post(alice, "late")))

    async def delete() -> None:
        await delete_room(house.relay, ROOM, "ops")

    async with trio.open_nursery() as nursery:
        for work in (post, delete) if is_post_first else (delete, post):
            nursery.start_soon(work)
            await trio.lowlevel.checkpoint()
    assert problems[0] in {Problem.ROOM_CLOSED, Problem.UNAUTHORIZED}
    assert not house.relay.knows(ROOM)


async def test_a_claim_beside_a_deletion_is_refused(house: RelayHarness) -> None:
    alice, bob = await house.guest("alice"), await house.guest("bob")
    asked = await house.post(alice, "who?", expects="anyone")
    await operator.close_room(house.relay, ROOM, "ops")
    problems = []

    async def claim() -> None:
        seq = asked.message.seq
        work = agent.claim
        problems.append(await refusal(lambda: work(house.relay, bob, seq, None)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(delete_room, house.relay, ROOM, "ops")
        await trio.lowlevel.checkpoint()
        nursery.start_soon(claim)
    expected = {Problem.NOT_FOUND, Problem.UNAUTHORIZED, Problem.NOT_CLAIMABLE}
    assert problems[0] in expected
    assert not house.relay.knows(ROOM)


async def test_rooms_opened_or_closed_beside_a_deletion_are_whole(
    autojump_clock: object,
) -> None:
    store = staged_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        stop = store.stop(COMMIT, BEFORE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete_room, house.relay, ROOM, "ops")
            await stop.wait_reached()
            nursery.start_soon(operator.open_room, house.relay, ROOM, "ops")
            await trio.testing.wait_all_tasks_blocked()
            stop.release()
        assert house.relay.knows(ROOM)
        assert operator.stats(house.relay).messages == 0
        draft = PostDraft("hi", ("all",))
        outcome = await operator.say(house.relay, ROOM, "ops", draft)
        assert outcome.message.seq == 2
        state = await operator.read_overview_state(house.relay, None, 9)
        assert [each.message.text for each in state.messages] == ["hi"]


async def test_a_room_reopened_beside_its_deletion_is_not_made_again(
    autojump_clock: object,
) -> None:
    store = staged_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        stop, problems = store.stop(COMMIT, BEFORE), list[Problem]()

        async def reopen() -> None:
            work = partial(operator.reopen_room, house.relay, ROOM, "ops")
            problems.append(await refusal(work))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete_room, house.relay, ROOM, "ops")
            await stop.wait_reached()
            nursery.start_soon(reopen)
            await trio.testing.wait_all_tasks_blocked()
            stop.release()
        assert problems == [Problem.ROOM_NOT_FOUND]
        assert not house.relay.knows(ROOM)


async def test_housekeeping_survives_the_deletion_of_a_room_it_trims(
    autojump_clock: object,
) -> None:
    store = staged_store()
    async with open_harness(UNHURRIED, store) as house:
        alice = await house.guest("alice")
        for _ in range(5):
            await house.post(alice)
        await operator.close_room(house.relay, ROOM, "ops")
    lowered = attrs.evolve(UNHURRIED, messages_per_room=1)
    async with open_harness(lowered, store) as house:
        stop = store.stop(LOAD, BEFORE)  # then both commands are in one batch
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick, house.relay)
            await stop.wait_reached()
            nursery.start_soon(delete_room, house.relay, ROOM, "ops")
            await trio.testing.wait_all_tasks_blocked()
            stop.release()
        assert not house.relay.knows(ROOM)


async def test_no_code_is_made_for_a_room_while_it_is_deleted(
    autojump_clock: object,
) -> None:
    store = staged_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        stop = store.stop(COMMIT, BEFORE)
        invitation = [Invitation(ROOM, "bob")]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete_room, house.relay, ROOM, "ops")
            await stop.wait_reached()
            problem = await refusal(lambda: operator.invite(house.relay, invitation))
            assert problem is Problem.BUSY
            stop.release()
        assert len(house.relay.codes) == 0
        await operator.invite(house.relay, invitation)
        assert house.relay.knows(ROOM)


async def test_a_room_is_not_deleted_while_a_code_is_made_for_it(
    autojump_clock: object,
) -> None:
    store = SlowCodes(DEFAULT_LIMITS)
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            invitation = [Invitation(ROOM, "bob")]
            nursery.start_soon(operator.invite, house.relay, invitation)
            await trio.testing.wait_all_tasks_blocked()
            problem = await refusal(lambda: delete_room(house.relay, ROOM, "ops"))
            assert problem is Problem.BUSY
            store.gate.set()
        found = await delete_room(house.relay, ROOM, "ops")
        assert found.codes == 2


async def test_a_cancelled_deletion_is_done_whole(autojump_clock: object) -> None:
    store = staged_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        stop = store.stop(COMMIT, BEFORE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(delete_room, house.relay, ROOM, "ops")
            await stop.wait_reached()
            nursery.cancel_scope.cancel()
            stop.release()
        assert not house.relay.knows(ROOM)
        assert len(house.relay.codes) == 0


async def test_a_refused_deletion_changes_nothing(autojump_clock: object) -> None:
    store = troubled_store()
    async with open_harness(store=store) as house:
        (alice,) = await closed_with(house, "alice")
        store.commit_trouble = Refused("no")
        problem = await refusal(lambda: delete_room(house.relay, ROOM, "ops"))
        assert problem is Problem.STORAGE_UNAVAILABLE
        store.mend()
        assert house.relay.codes.is_live(alice, house.clock.now())
        assert (await house.poll(alice)).status.is_closed
        assert (await delete_room(house.relay, ROOM, "ops")).messages == 1


async def test_an_import_after_a_deletion_brings_no_message_back(
    house: RelayHarness,
) -> None:
    await closed_with(house, "alice")
    await delete_room(house.relay, ROOM, "ops")
    again = RoomImport(
        RoomStatus(ROOM),
        messages=tuple(
            ImportedMessage(
                Message(
                    seq=seq,
                    at_ms=EPOCH_MS + 10_000,
                    sender="alice",
                    kind=SenderKind.AGENT,
                    to=("all",),
                    text=f"number {seq}",
                    expects="none",
                )
            )
            for seq in (1, 2)
        ),
    )
    (tried,) = await imports.check_import(house.relay, [again], [])
    assert not house.relay.knows(ROOM), "a trial creates nothing"
    counted = await imports.import_room(house.relay, again)
    assert (counted.new, counted.passed) == (1, 1)
    assert tried == counted
    found = await operator.history(house.relay, ROOM, 99, 9)
    assert texts(found.lookback.messages) == ["number 2"]


async def test_an_unknown_outcome_is_made_up_for(autojump_clock: object) -> None:
    store = troubled_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        store.commit_trouble, store.applies_anyway = Unknown(), True
        store.empty_trouble = Unknown()
        problem = await refusal(lambda: delete_room(house.relay, ROOM, "ops"))
        assert problem is Problem.STORAGE_UNKNOWN
        store.mend()
        await trio.sleep(10)
        assert not house.relay.knows(ROOM)
        assert len(house.relay.codes) == 0
        assert house.relay.presence.rooms() == ()


async def test_a_crash_behind_the_deletion_is_made_up_for(
    autojump_clock: object, error_log: ErrorLog
) -> None:
    store = troubled_store()
    async with open_harness(store=store) as house:
        await closed_with(house, "alice")
        store.commit_trouble, store.applies_anyway = ZeroDivisionError("a bug"), True
        problem = await refusal(lambda: delete_room(house.relay, ROOM, "ops"))
        assert problem is Problem.INTERNAL
        assert error_log.take()
        store.mend()
        await trio.sleep(10)
        assert not house.relay.knows(ROOM)
        assert len(house.relay.codes) == 0
        assert house.relay.presence.rooms() == ()


async def test_since_next_of_a_new_room_begins_after_the_old_numbers(
    house: RelayHarness,
) -> None:
    (alice,) = await closed_with(house, "alice")
    await house.poll(alice, since=1)
    await delete_room(house.relay, ROOM, "ops")
    again, bob = await house.guest("alice"), await house.guest("bob")
    await house.post(bob, "news")
    answer = await house.poll(again, since=Since.NEXT)
    assert texts(answer.page.messages) == ["news"]
