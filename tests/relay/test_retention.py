"""Housekeeping trims rooms after a lowered limit, without a post."""

import attrs
import trio

from argybargy.domain.limits import Limits
from argybargy.domain.room.open_close import MAX_GIVEN_UP_AT_ONCE
from argybargy.relay.housekeeping import MOST_RETAINS_PER_TICK, TICK_SECONDS, tick
from argybargy.store.memory.store import open_memory_store
from support.relay import ROOM, open_harness

LIMITS = Limits(
    posts_per_window=0, reads_per_window=0, claims_per_window=0, messages_per_room=0
)


async def test_housekeeping_trims_a_quiet_room_after_a_lowered_limit(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_memory_store() as store:
        async with open_harness(LIMITS, store) as harness:
            anna = await harness.guest("anna")
            for _ in range(MAX_GIVEN_UP_AT_ONCE + 5):
                await harness.post(anna)
        lowered = attrs.evolve(LIMITS, messages_per_room=3)
        async with open_harness(lowered, store) as harness:
            await trio.sleep(TICK_SECONDS + 1)
            summary = harness.relay.overview.cards[ROOM].summary
            assert (summary.messages, summary.head) == (3, MAX_GIVEN_UP_AT_ONCE + 5)
        (room,) = (await store.overview()).rooms
        assert room.messages == 3


async def test_housekeeping_trims_a_bounded_number_of_rooms_per_round(
    autojump_clock: trio.abc.Clock,
) -> None:
    rooms = [f"room{number}" for number in range(MOST_RETAINS_PER_TICK + 2)]
    async with open_memory_store() as store:
        async with open_harness(LIMITS, store) as harness:
            for room in rooms:
                anna = await harness.guest("anna", room)
                await harness.post(anna)
                await harness.post(anna)
        lowered = attrs.evolve(LIMITS, messages_per_room=1)
        async with open_harness(lowered, store) as harness:
            await tick(harness.relay)
            kept = [
                card.summary.messages for card in harness.relay.overview.cards.values()
            ]
            assert sorted(kept) == [1] * MOST_RETAINS_PER_TICK + [2, 2]
            await tick(harness.relay)
            assert {
                card.summary.messages for card in harness.relay.overview.cards.values()
            } == {1}
