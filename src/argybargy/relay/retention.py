"""Rooms that keep more messages than they may, since the limit was lowered."""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

import structlog

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.room.commands import Command, Retain
from argybargy.relay.overview.overview import Overview

log = structlog.get_logger(__name__)

MOST_RETAINS_PER_TICK: Final = 16
"""Commands in one round of housekeeping: each commits, and may load its room."""


async def give_up_surplus(
    overview: Overview, limits: Limits, ask: Callable[[str, Command], Awaitable[object]]
) -> None:
    """Let rooms give up some of their surplus; later rounds do the rest.

    A post gives up a few messages as well, but a quiet room would keep its surplus
    for ever.

    Args:
        overview: What is known of each room.
        limits: What a room may keep.
        ask: Hands a command to a room.
    """

    def has_surplus(room: str) -> bool:
        kept = overview.cards[room].summary.messages
        return 0 < limits.messages_per_room < kept

    # Made a list first: the cards change while a room is asked.
    rooms = list(islice(filter(has_surplus, overview.cards), MOST_RETAINS_PER_TICK))
    left = MOST_RETAINS_PER_TICK
    for room in rooms:
        try:
            while left and has_surplus(room):
                left -= 1
                await ask(room, Retain())
        except RelayError as error:
            log.warning("retention put off", room=room, reason=str(error))
