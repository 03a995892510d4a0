"""The time of nudges: when an agent with unread messages is called, and again.

==============================  ======================================================
event                           the next nudge
==============================  ======================================================
a message arrives, nothing      at once
else is unread
a nudge was delivered           after 10 s, then 20, 40, ... s, at most an hour, while
                                nothing is read
another message arrives         10 s after the last nudge, if that one was delivered
a nudge failed                  after 10, 20, 40, ... s; new messages change nothing
the agent has read              none
==============================  ======================================================
"""

from math import inf
from typing import Final

import attrs

from argybargy.system.values import frozen

NUDGE_SECONDS: Final = 10.0
"""Shortest time between two nudges to an agent that has not read."""
MAX_NUDGE_SECONDS: Final = 3_600.0
"""Longest time between two nudges to an agent that has not read."""


@frozen
class Nudging:
    """The unread messages of an agent, and the nudges about them.

    Attributes:
        count: Messages that arrived since it has read.
        newest: The seq of the newest of them.
        tries: Nudges since then.
        has_failed: Whether the last nudge failed.
        last_at: Its time, on the steady clock.
    """

    count: int = 0
    newest: int = 0
    tries: int = 0
    has_failed: bool = False
    last_at: float = -inf

    @property
    def due_at(self) -> float:
        """The time of the next nudge, on the steady clock; infinite for none."""
        if not self.count:
            return inf
        if not self.tries:
            return -inf
        pause = min(MAX_NUDGE_SECONDS, NUDGE_SECONDS * 2.0 ** min(self.tries - 1, 30))
        return self.last_at + pause

    def noted(self, seq: int, count: int = 1) -> "Nudging":
        """Return the state after messages have arrived.

        Args:
            seq: The newest of them.
            count: Their number.
        """
        tries = self.tries if self.has_failed else min(self.tries, 1)
        return attrs.evolve(
            self, count=self.count + count, newest=max(self.newest, seq), tries=tries
        )

    def read_up_to(self, cursor: int) -> "Nudging":
        """Return the state after the agent has acknowledged a cursor."""
        return Nudging() if cursor >= self.newest else self

    def nudged(self, now: float, *, has_failed: bool) -> "Nudging":
        """Return the state after a nudge.

        Args:
            now: The time, on the steady clock.
            has_failed: Whether it was not delivered.
        """
        if not self.count:  # read meanwhile
            return self
        return attrs.evolve(
            self, tries=self.tries + 1, has_failed=has_failed, last_at=now
        )
