"""The overview agrees with the store without reading it."""

import random

import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.names import room_key
from argybargy.domain.roster import INBOX_ROWS
from argybargy.relay.api import operator
from argybargy.relay.api.posting import PostDraft, post_as
from argybargy.relay.lifecycle import open_relay
from argybargy.relay.overview.change_log import CHANGES_KEPT, Change, ChangeLog, Topic
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.relay.overview.room_card import cards_by_room
from argybargy.relay.overview.room_view import inbox_of
from argybargy.store.memory.store import open_memory_store
from support.random_activity import SMALL_LIMITS, Life
from support.relay import ROOM, RelayHarness, VirtualClock, open_harness
from support.work_counters import count_calls


@pytest.mark.parametrize("seed", range(12))
async def test_the_overview_always_agrees_with_the_store(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_memory_store(SMALL_LIMITS) as store:
        async with (
            open_harness(SMALL_LIMITS, store) as harness,
            trio.open_nursery() as nursery,
        ):
            life = Life(harness, random.Random(seed), nursery)
            for _ in range(60):
                await life.step()
                await life.settle()
                board = harness.relay.overview
                assert board.cards == cards_by_room(
                    await store.overview(), harness.clock.now()
                )
                assert tuple(board.recent()) == await store.recent(
                    None, OVERVIEW_MESSAGES
                )
            nursery.cancel_scope.cancel()
        before = board.cards, board.recent()
        async with open_relay(store, SMALL_LIMITS, VirtualClock()) as again:
            assert (again.overview.cards, again.overview.recent()) == before
            assert again.overview.epoch != board.epoch


@pytest.mark.parametrize("seed", range(6))
async def test_incremental_updates_agree_with_a_full_recomputation(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_harness(SMALL_LIMITS) as harness, trio.open_nursery() as nursery:
        life = Life(harness, random.Random(seed), nursery)
        for _ in range(80):
            await life.step()
            await life.settle()
            assert _settled(harness) == _looked_at(harness)
        nursery.cancel_scope.cancel()


def _settled(harness: RelayHarness) -> object:
    board = harness.relay.overview
    board.recompute(harness.clock.now())
    return dict(board.outlines), board.inbox


def _looked_at(harness: RelayHarness) -> object:
    board, now = harness.relay.overview, harness.clock.now()
    outlines = {
        key: board.viewer.outline(key, card, now) for key, card in board.cards.items()
    }
    return outlines, inbox_of(outlines.values())


async def test_writes_of_another_node_are_in_the_overview_after_the_next_batch(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store, open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        await harness.post(alice, "ours")
        async with open_relay(store, Limits(), VirtualClock()) as other:
            draft = PostDraft("theirs?", TO_ALL, "anyone")
            await operator.say(other, "build", "titus", draft)
            await post_as(other, alice, draft)
        await harness.post(alice, "ours again")
        board = harness.relay.overview
        assert board.cards == cards_by_room(await store.overview(), harness.clock.now())
        assert tuple(board.recent()) == await store.recent(None, OVERVIEW_MESSAGES)


async def test_the_inbox_is_bounded_and_begins_with_the_longest_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, carol = (
            await harness.guest("alice"),
            await harness.guest("carol", "attic"),
        )
        for _ in range(INBOX_ROWS // 2 + 5):
            for guest in (alice, carol):
                await harness.post(guest, "shall I?", expects="anyone")
                await trio.sleep(1)
        board = harness.relay.overview
        board.recompute(harness.clock.now())
        asked = [(row.room, row.message.seq) for row in board.inbox]
        each = range(1, INBOX_ROWS // 2 + 1)
        assert asked == [(room, seq) for seq in each for room in ("build", "attic")]


async def test_a_full_inbox_has_room_for_what_asks_the_operator(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, carol = (
            await harness.guest("alice"),
            await harness.guest("carol", "attic"),
        )
        for _ in range(INBOX_ROWS):
            for guest in (alice, carol):
                await harness.post(guest, "shall I?", expects="bob")
                await trio.sleep(1)
        for guest in (alice, carol):
            await harness.post(guest, "may I?", expects="operator")
        board = harness.relay.overview
        board.recompute(harness.clock.now())
        assert len(board.inbox) == INBOX_ROWS
        asks = [row.room for row in board.inbox if row.asks_operator]
        assert sorted(asks) == ["attic", "build"]
        assert asks == [row.room for row in board.inbox[-2:]]


async def test_the_outline_of_a_room_full_of_questions_is_cheap(
    autojump_clock: trio.testing.MockClock,
) -> None:
    asked = 1_000
    free = Limits(
        posts_per_window=0, messages_per_room=0, open_questions_per_peer=asked
    )
    async with open_harness(free) as harness:
        alice = await harness.guest("alice")
        for _ in range(asked):
            await harness.post(alice, "shall I?", expects="bob")
        board = harness.relay.overview
        board.recompute(harness.clock.now())
        before = board.cards[ROOM].questions
        await harness.post(alice, "a remark")
        assert board.cards[ROOM].questions is before, "nothing to go through again"
        calls = count_calls(lambda: board.recompute(harness.clock.now()))
        assert calls < 4 * asked + 1_000
        await operator.withdraw(harness.relay, ROOM, 1, "no need")
        assert len(board.cards[ROOM].questions) == asked - 1
        assert len(before) == asked, "a card does not change"


async def test_an_outline_names_the_agents_that_hear_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        relay, board = harness.relay, harness.relay.overview
        await harness.post(alice, "hello")

        def not_listening() -> tuple[str, ...]:
            board.recompute(harness.clock.now())
            return board.outlines[ROOM].not_listening

        version = board.recompute(harness.clock.now())
        assert not_listening() == ()
        await trio.sleep(relay.limits.online_seconds + 1)
        assert not_listening() == ("alice",)
        assert Change(Topic.ROOM, ROOM) in (board.changed_since(version) or ())
        await harness.post(alice, "back")
        assert not_listening() == ()
        await trio.sleep(relay.limits.online_seconds + 1)
        await operator.close_room(relay, "build", "titus")
        assert not_listening() == (), "they were told to leave"


def test_the_change_log_drops_the_oldest_changes_and_reports_it() -> None:
    log = ChangeLog()
    for seq in range(CHANGES_KEPT):
        log.note([Change(Topic.MESSAGE, ROOM, seq)])
    assert log.since(0) is not None
    log.note([Change(Topic.MESSAGE, ROOM, CHANGES_KEPT)])
    assert log.since(0) is None
    found = log.since(1)
    assert found is not None
    assert len(found) == CHANGES_KEPT
    assert log.since(log.version) == ()
    assert log.since(log.version + 1) is None


def test_a_version_of_which_the_change_log_dropped_a_part_counts_as_dropped() -> None:
    log = ChangeLog()
    log.note(Change(Topic.MESSAGE, ROOM, seq) for seq in range(CHANGES_KEPT + 1))
    assert log.version == 1
    assert log.since(0) is None
    assert log.since(1) == ()


def test_the_change_log_names_each_item_once_in_order_of_its_first_change() -> None:
    log = ChangeLog()
    first, second = (Change(Topic.ROOM, room_key(name)) for name in ("build", "docs"))
    for change in (first, second, first):
        log.note([change])
    assert log.since(0) == (first, second)
    assert log.since(2) == (first,)
