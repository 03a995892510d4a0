"""One timer for the waits of all parked polls.

A deadline of Trio belongs to a cancel scope. One for each parked poll costs 0.7 KiB
while it waits and 9 us to enter and leave, a twelfth of a delivery. This timer costs an
entry in a heap, and a task for all of them.
"""

from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final

import attrs
import trio

from argybargy.relay.wake_slot import WakeSlot
from argybargy.system.values import define

_SLACK: Final = 1_000
"""Entries of waits that are over which the heap may hold beside as many others."""


@define(eq=False)
class WaitTimer:
    """Puts a token into slots whose time is up; one timer for the life of a relay.

    Mutable state: a heap of deadlines; the slots that wait for one, by the number of
    their entry, bounded by connections; and the slot of the timer's own task. Entries
    of waits that ended before stay in the heap until they are the most of it.
    """

    _heap: list[tuple[float, int]] = attrs.field(factory=list)
    _waiting: dict[int, WakeSlot] = attrs.field(factory=dict)
    _numbers: "count[int]" = attrs.field(factory=count)
    _sooner: WakeSlot = attrs.field(factory=WakeSlot)

    def __len__(self) -> int:
        return len(self._waiting)

    def set(self, slot: WakeSlot, deadline: float) -> int:
        """Wake a slot at a time on Trio's clock; return a number for :meth:`clear`."""
        number = next(self._numbers)
        if not self._heap or deadline < self._heap[0][0]:
            self._sooner.wake()
        self._waiting[number] = slot
        heappush(self._heap, (deadline, number))
        return number

    def clear(self, number: int) -> None:
        """Forget a wait that is over, whether its time was up or not."""
        self._waiting.pop(number, None)
        if len(self._heap) > 2 * len(self._waiting) + _SLACK:
            self._heap = [each for each in self._heap if each[1] in self._waiting]
            heapify(self._heap)

    async def run(self) -> None:
        """Wake slots as their time comes, until cancelled."""
        while True:
            first = self._heap[0][0] if self._heap else float("inf")
            # Without a wait there is no deadline: the next one ends this.
            with trio.move_on_at(first):
                await self._sooner.wait_woken()
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                _, number = heappop(self._heap)
                slot = self._waiting.pop(number, None)
                if slot is not None:
                    slot.put_token()
