"""Housekeeping: evict, expire, dismiss, trim and flush, every few seconds."""

from itertools import islice
from typing import Final

import trio

from argybargy.domain.errors import RelayError
from argybargy.domain.names import RoomKey
from argybargy.domain.room.commands import Retain
from argybargy.relay.offboarding import dismiss_departed
from argybargy.relay.relay import Relay
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger

log = get_logger(__name__)

TICK_SECONDS: Final = 2.0
"""Pause between two rounds of housekeeping."""
CLEAR_SECONDS: Final = 5.0
"""Maximum time that a round spends on the messages of deleted rooms."""
MOST_RETAINS_PER_TICK: Final = 16
"""Retention commands in one round: each commits, and may load its room."""


async def run_housekeeping(relay: Relay) -> None:
    """Run a round of housekeeping every :data:`TICK_SECONDS`, until cancelled."""
    while True:
        await trio.sleep(TICK_SECONDS)
        await tick(relay)


async def tick(relay: Relay) -> None:
    """Run one round of housekeeping.

    Of the nodes on a shared store, the leading one sweeps it.

    Memory comes first and cannot fail. Whatever the store refuses is tried again in
    the next round; the steps are safe to repeat.
    """
    now = relay.clock.now()
    relay.rooms.evict_idle(now, relay.limits.live_room_seconds)
    relay.presence.sweep(now.steady_seconds)
    relay.request_limits.sweep(now.steady_seconds)
    relay.overview.tick(now)
    try:
        await relay.codes.resolve_doubt()
        await relay.codes.correct(now)
        await relay.invites.resolve_doubt()
        await relay.invites.correct(now)
        relay.codes.tick(now)
        await dismiss_departed(relay, now)
        if relay.nodes.is_leading:
            await trim_rooms(relay)
            await relay.codes.remove_stale(now)
            await relay.invites.remove_stale(now)
        await relay.write_behind.flush()
        if not relay.nodes.is_leading:
            return
        with trio.move_on_after(CLEAR_SECONDS):  # the next round continues
            await relay.store.clear_deleted()
        await relay.store.sweep()
    except StoreError as error:
        log.warning("housekeeping waits for the store", reason=str(error))
        relay.notifications.note_store_failure()


async def trim_rooms(relay: Relay) -> None:
    """Let rooms drop messages beyond their limit, a bounded number per round.

    A post drops a few as well, but a quiet room gets none: after the limit was
    lowered, it would keep its surplus until somebody posts.
    """
    cards, limit = relay.overview.cards, relay.limits.messages_per_room

    def has_surplus(room: RoomKey) -> bool:
        card = cards.get(room)  # deleted, perhaps, while another room was asked
        return card is not None and 0 < limit < card.summary.messages

    # A list, because the dict of cards changes while a room is asked.
    rooms = list(islice(filter(has_surplus, cards), MOST_RETAINS_PER_TICK))
    left = MOST_RETAINS_PER_TICK
    for room in rooms:
        try:
            while left and has_surplus(room):
                left -= 1
                await relay.ask(room, Retain())
        except RelayError as error:
            log.warning("retention postponed", room=room, reason=str(error))
