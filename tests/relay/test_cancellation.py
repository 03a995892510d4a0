"""A cancellation at any await leaves a consistent room.

Each operation is cancelled at its first checkpoint, at its second, and so on until it
completes. After each cancellation the operation was applied completely or not at all,
no lock or subscription is left, the next operation works, and a retry of the same one
has the usual result. Other tests cancel the whole relay, at each checkpoint of any of
its tasks.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, history, release, resume, thread
from argybargy.relay.api.asking import ask_as, await_thread
from argybargy.relay.api.deletion import delete_room
from argybargy.relay.api.posting import PostDraft, post_as
from argybargy.relay.housekeeping import tick
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from support.cancel_points import cutting, run_cut
from support.relay import ROOM, RelayHarness, open_harness

LIMITS = Limits(
    posts_per_window=0, reads_per_window=0, claims_per_window=0, tail_messages=2
)
OTHER = "lobby"
NEXT = "and on"
MOST_PAUSES = 500


@attrs.frozen
class Cast:
    """A harness with its agents. Question 1 is free, and bob holds question 2."""

    harness: RelayHarness
    alice: CodeRecord
    bob: CodeRecord


async def assemble(harness: RelayHarness) -> Cast:
    cast = Cast(harness, await harness.guest("alice"), await harness.guest("bob"))
    await harness.post(cast.alice, "who?", expects="anyone")
    await harness.post(cast.alice, "and this?", expects="anyone")
    await claim(harness.relay, cast.bob, 2, None)
    await harness.post(cast.alice, "a word")
    await human(harness, "I listen")
    return cast


async def human(harness: RelayHarness, text: str) -> None:
    await operator.say(harness.relay, ROOM, "human", PostDraft(text, ("all",)))


@attrs.frozen
class Picture:
    """Durable state, without times and the text of the next operation."""

    rooms: tuple[object, ...]
    codes: tuple[str, ...]


async def picture(store: Store) -> Picture:
    overview = await store.overview()
    names = sorted(summary.status.name for summary in overview.rooms)
    return Picture(
        rooms=tuple([await _room(store, name) for name in names]),
        codes=tuple(sorted(code.name for code in await store.codes())),
    )


async def _room(store: Store, name: str) -> object:
    saved = await store.load(name, tail_messages=100)
    assert saved is not None
    said = [
        (each.sender, each.text, each.event, each.claimed_by, each.is_claim_final)
        for each in saved.messages
        if each.text != NEXT
    ]
    assert [each.seq for each in saved.messages] == list(range(1, saved.head + 1))
    return (
        name,
        saved.status.is_closed,
        saved.fence,
        tuple(said),
        tuple((lease.seq, lease.holder, lease.fence) for lease in saved.leases),
        tuple(question.seq for question in saved.questions),
        tuple(key for key, _ in saved.receipts),
        tuple(name for name, _ in saved.members),
    )


# -- the operations -----------------------------------------------------------------


async def do_post(cast: Cast) -> None:
    draft = PostDraft("hello", ("bob",), idempotency_key="k1")
    await post_as(cast.harness.relay, cast.alice, draft)


async def do_answer(cast: Cast) -> None:
    draft = PostDraft("me", ("all",), reply_to=1, idempotency_key="k2")
    await post_as(cast.harness.relay, cast.bob, draft)


async def do_ask(cast: Cast) -> None:
    draft = PostDraft("which?", ("bob",), idempotency_key="k4", choices=("a", "b"))
    await ask_as(cast.harness.relay, cast.alice, draft, 2)


async def do_post_first(cast: Cast) -> None:
    draft = PostDraft("hello?", ("all",), idempotency_key="k3")
    await operator.say(cast.harness.relay, OTHER, "human", draft)


async def do_poll(cast: Cast) -> None:
    await cast.harness.poll(cast.bob, since=0)


async def do_park(cast: Cast) -> None:
    await cast.harness.poll(cast.bob, since=4, wait=5)


async def do_claim(cast: Cast) -> None:
    await claim(cast.harness.relay, cast.bob, 1, None)


async def do_release(cast: Cast) -> None:
    await release(cast.harness.relay, cast.bob, 2)


async def do_close(cast: Cast) -> None:
    await operator.close_room(cast.harness.relay, ROOM, "operator")


async def do_open(cast: Cast) -> None:
    await operator.open_room(cast.harness.relay, OTHER, "operator")


async def do_invite(cast: Cast) -> None:
    await operator.invite(cast.harness.relay, [Invitation(ROOM, "carol")])


async def do_invite_elsewhere(cast: Cast) -> None:
    await operator.invite(cast.harness.relay, [Invitation(OTHER, "carol")])


async def do_revoke(cast: Cast) -> None:
    await operator.revoke(cast.harness.relay, "bob", None, everywhere=False)


async def do_take_codes_back(cast: Cast) -> None:
    relay = cast.harness.relay
    await relay.codes.remove([cast.bob], [], relay.clock.now())


async def do_look_back(cast: Cast) -> None:
    await history(cast.harness.relay, cast.bob, before=100, limit=10)
    await thread(cast.harness.relay, cast.bob, 1)
    await await_thread(cast.harness.relay, cast.bob, 1, 2)
    await resume(cast.harness.relay, cast.bob)


async def do_look_around(cast: Cast) -> None:
    await operator.read_overview_state(cast.harness.relay, None, 10)
    await operator.audit(cast.harness.relay, 10, None)


async def do_keep_house(cast: Cast) -> None:
    await cast.harness.poll(cast.bob, since=3)
    await tick(cast.harness.relay)


Deed = Callable[[Cast], Awaitable[None]]

REPEATABLE: Final[tuple[Deed, ...]] = (
    *(do_post, do_answer, do_ask, do_post_first, do_poll, do_park, do_claim, do_close),
    *(do_open, do_revoke, do_look_back, do_look_around, do_keep_house),
)
"""Idempotent operations: a retry after a lost reply changes nothing more."""

STEPS: Final[dict[Deed, Deed]] = {do_invite_elsewhere: do_open}
"""Operations of two atomic steps, and the first step of each."""

STEPS_OF_A_RELAY: Final = {**STEPS, do_revoke: do_take_codes_back}
"""If the relay stops between the steps, the claims expire by themselves."""

SHIELDED: Final = (do_invite, do_revoke)
"""Shielded operations, which change the disk and then memory."""

DEEDS: Final = (*REPEATABLE, do_release, do_invite, do_invite_elsewhere)


async def outcomes_of(
    deed: Deed, steps: Mapping[Deed, Deed] = STEPS
) -> tuple[Picture, ...]:
    """Return the possible durable results of an operation, from none to all of it."""
    acts = [None, deed] if deed not in steps else [None, steps[deed], deed]
    return tuple([await outcome_of(act) for act in acts])


async def outcome_of(deed: Deed | None) -> Picture:
    """Return the durable state after an uncancelled operation, or without one."""
    async with (
        open_memory_store(LIMITS) as store,
        open_harness(LIMITS, store) as harness,
    ):
        cast = await assemble(harness)
        if deed is not None:
            await deed(cast)
        return await picture(store)


def check_nothing_is_held(harness: RelayHarness) -> None:
    """Check that no poll, lock, queue entry or quota place is left."""
    relay = harness.relay
    assert relay.statistics().parked_polls == 0
    assert not relay.codes._changing.locked()
    assert not relay.write_behind._flushing.locked()
    for live in relay.rooms:
        assert live._batch == []
        assert live._send.statistics().current_buffer_used == 0
    spoken_in = {live.key for live in relay.rooms if not live.room.is_empty}
    assert relay.quota._rooms == spoken_in


async def check_memory_is_as_the_disk(harness: RelayHarness) -> None:
    """Check that the relay's memory equals its state after a restart."""
    store, relay = harness.relay.store, harness.relay
    assert {code.digest for code in relay.codes} == {
        code.digest for code in await store.codes()
    }
    for live in relay.rooms:
        saved = await store.load(live.key, tail_messages=100)
        room = live.room
        if saved is None or saved.is_deleted:
            assert not room.exists
            continue
        assert (room.version, room.head, room.fence, room.status) == (
            *(saved.version, saved.head, saved.fence, saved.status),
        )
        assert {*room.leases} == {lease.seq for lease in saved.leases}
        assert {*room.questions} == {question.seq for question in saved.questions}
        kept = {message.seq: message for message in saved.messages}
        assert all(kept[seq] == message for seq, message in room.messages.items())


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
async def test_a_cancellation_at_any_await_leaves_a_consistent_room(
    autojump_clock: trio.testing.MockClock, deed: Deed
) -> None:
    allowed = await outcomes_of(deed)
    seen, at, was_reached = set(), 0, True
    while was_reached:
        at += 1
        async with (
            open_memory_store(LIMITS) as store,
            open_harness(LIMITS, store) as harness,
        ):
            cast = await assemble(harness)
            knife = await run_cut(partial(deed, cast), at)
            was_reached = knife.was_reached
            await trio.testing.wait_all_tasks_blocked()
            check_nothing_is_held(harness)
            await human(harness, NEXT)
            found = await picture(store)
            seen.add(found == allowed[-1])
            assert found in allowed, f"half of it, cancelled at pause {at}"
            if not knife.scope.cancelled_caught:
                assert found == allowed[-1]
            await check_memory_is_as_the_disk(harness)
            if deed in REPEATABLE:
                await deed(cast)
                assert await picture(store) == allowed[-1]
    assert at > 1, "it never paused"
    assert True in seen


@pytest.mark.parametrize(
    "deed", [do_post, do_answer, do_claim, do_close], ids=lambda deed: deed.__name__
)
async def test_a_cancellation_at_any_await_leaves_a_consistent_room_on_sqlite(
    tmp_path: Path, deed: Deed
) -> None:
    allowed = await outcomes_of(deed)
    at, was_reached = 0, True
    while was_reached:
        at += 1
        async with (
            open_sqlite_store(tmp_path / str(at), LIMITS) as store,
            open_harness(LIMITS, store) as harness,
        ):
            cast = await assemble(harness)
            knife = await run_cut(partial(deed, cast), at)
            was_reached = knife.was_reached
            await human(harness, NEXT)
            check_nothing_is_held(harness)
            assert await picture(store) in allowed
            await check_memory_is_as_the_disk(harness)
            await deed(cast)
            assert await picture(store) == allowed[-1]
    assert at > 1


async def assemble_closed(harness: RelayHarness) -> None:
    """Make a closed room with a code, a message and a cursor."""
    carol = await harness.guest("carol", OTHER)
    await harness.post(carol, "who?", expects="anyone")
    await harness.poll(carol, since=0)
    await operator.close_room(harness.relay, OTHER, "operator")


async def is_deleted(harness: RelayHarness) -> bool:
    """Tell whether the room is gone; check that it is gone, or there, as a whole."""
    relay, store = harness.relay, harness.relay.store
    await relay.live(OTHER)
    rooms, codes = (await store.overview()).rooms, await store.codes()
    assert len(rooms) == len(codes) == len(relay.codes) == len(relay.overview.cards)
    assert len(relay.quota._rooms) == len(rooms)
    audits = [row.audit.action for row in await store.audit(20, None)]
    assert audits.count("room_delete") == 1 - len(rooms)
    check_nothing_is_held(harness)
    await check_memory_is_as_the_disk(harness)
    return not rooms


async def test_a_deletion_cancelled_at_any_await_is_done_whole_or_not_at_all(
    autojump_clock: trio.testing.MockClock,
) -> None:
    at, was_reached = 0, True
    while was_reached:
        at += 1
        async with open_harness(LIMITS) as harness:
            await assemble_closed(harness)
            deed = partial(delete_room, harness.relay, OTHER, "operator")
            knife = await run_cut(deed, at)
            was_reached = knife.was_reached
            await trio.testing.wait_all_tasks_blocked()
            found = await is_deleted(harness)
            assert found or knife.scope.cancelled_caught
            if not found:
                await deed()
                assert await is_deleted(harness)
    assert at > 1


async def test_a_relay_cancelled_in_a_deletion_has_done_all_of_it_or_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seen, was_reached, at = set[bool](), True, 0
    while was_reached:
        at += 1
        async with open_memory_store(LIMITS) as store:
            scope = trio.CancelScope()
            with scope:
                async with open_harness(LIMITS, store) as harness:
                    await assemble_closed(harness)
                    with cutting(scope, at) as knife:
                        try:
                            await delete_room(harness.relay, OTHER, "operator")
                        except RelayError as error:
                            if error.problem not in STOPPED:
                                raise
                    was_reached = knife.was_reached
            async with open_harness(LIMITS, store) as again:
                seen.add(await is_deleted(again))
    assert True in seen, "it was never cut after the commit"


STOPPED: Final = {Problem.DRAINING, Problem.STORAGE_UNKNOWN}
"""Replies that a stopping relay may still send."""


async def _stop_at(deed: Deed, at: int, store: Store, scope: trio.CancelScope) -> bool:
    """Cancel the relay at a checkpoint of any task; tell whether it was reached."""
    async with open_harness(LIMITS, store) as harness:
        cast = await assemble(harness)
        with cutting(scope, at) as knife:
            try:
                await deed(cast)
            except RelayError as error:
                if error.problem not in STOPPED:
                    raise
        return knife.was_reached


@pytest.mark.parametrize(
    "deed",
    [
        *(do_post, do_answer, do_claim, do_release, do_close),
        *(do_invite, do_invite_elsewhere, do_revoke),
    ],
    ids=lambda deed: deed.__name__,
)
async def test_a_relay_cancelled_at_any_await_has_applied_all_or_nothing(
    autojump_clock: trio.testing.MockClock, deed: Deed
) -> None:
    allowed = await outcomes_of(deed, STEPS_OF_A_RELAY)
    seen: set[bool] = set()
    for at in range(1, MOST_PAUSES):
        async with open_memory_store(LIMITS) as store:
            scope, was_reached = trio.CancelScope(), True
            with scope:
                was_reached = await _stop_at(deed, at, store, scope)
            if not was_reached:
                break
            async with open_harness(LIMITS, store) as again:
                await human(again, NEXT)
                found = await picture(store)
                assert found in allowed, f"half of it, stopped at pause {at}"
                seen.add(found == allowed[-1])
                await check_memory_is_as_the_disk(again)
    assert True in seen, "it was never cut after the commit"
    assert deed in SHIELDED or False in seen, "it was never cut before the commit"


@pytest.mark.parametrize("deed", [do_post, do_close], ids=lambda deed: deed.__name__)
async def test_a_relay_on_sqlite_cancelled_at_any_await_has_applied_all_or_nothing(
    tmp_path: Path, deed: Deed
) -> None:
    allowed = await outcomes_of(deed)
    seen: set[bool] = set()
    for at in range(1, MOST_PAUSES):
        scope, was_reached = trio.CancelScope(), True
        with scope:
            async with open_sqlite_store(tmp_path / str(at), LIMITS) as store:
                was_reached = await _stop_at(deed, at, store, scope)
        if not was_reached:
            break
        async with (
            open_sqlite_store(tmp_path / str(at), LIMITS) as store,
            open_harness(LIMITS, store) as again,
        ):
            await human(again, NEXT)
            found = await picture(store)
            assert found in allowed, f"half of it, stopped at pause {at}"
            seen.add(found == allowed[-1])
            await check_memory_is_as_the_disk(again)
    assert True in seen
