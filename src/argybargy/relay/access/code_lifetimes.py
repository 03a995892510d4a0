"""How long codes have to live, whatever happens to the wall clock."""

import math
from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant

CERTAIN_SECONDS: Final = 3_600.0
"""How long a code must have looked long expired before it is removed for good: a wall
clock that is wrong for a moment costs nobody a code."""


@attrs.define
class CodeLifetimes:
    """When codes end.

    One that was made since the process began lives for as long as was said. One of an
    earlier process ends by the wall clock: its record is all that is known.

    The mutable state is `_written_at`, for each code that this process has made by how
    much the wall clock was set when its times were written down; `_over`, the handles
    of the codes that had run out when :meth:`look` was last called; and
    `_stale_since`, since when codes have looked long expired. Each has at most an
    entry for each code.
    """

    _written_at: dict[str, int] = attrs.field(factory=dict)
    _over: frozenset[str] = frozenset()
    _stale_since: dict[str, float] = attrs.field(factory=dict)

    def begin(self, record: CodeRecord, now: Instant) -> None:
        """Take note of a code whose times were written down now."""
        self._written_at[record.key_id] = now.stepped_ms

    def carry_over(self, record: CodeRecord, before: CodeRecord) -> None:
        """Take note that a code was read again.

        What was in doubt may be whether its times were corrected: they tell.
        """
        if record.key_id in self._written_at:
            self._written_at[record.key_id] += record.created_ms - before.created_ms

    def forget(self, record: CodeRecord) -> None:
        """Take note that there is no such code any more."""
        self._written_at.pop(record.key_id, None)

    def seconds_left(self, record: CodeRecord, now: Instant) -> float:
        """Return how long a code has to live; ``inf`` is for ever.

        Nothing or less when it has run out.
        """
        if record.expires_ms is None:
            return math.inf
        written_at = self._written_at.get(record.key_id, now.stepped_ms)
        return (record.expires_ms - written_at - now.counted_ms) / 1000

    def is_live(self, record: CodeRecord, now: Instant) -> bool:
        """Tell whether a code has not run out."""
        return self.seconds_left(record, now) > 0

    def look(self, records: Iterable[CodeRecord], now: Instant) -> list[CodeRecord]:
        """Return the codes that have run out since the last look, or came to life.

        They do when the wall clock is set back.
        """
        known = {record.key_id: record for record in records}
        over = frozenset(
            key for key, record in known.items() if not self.is_live(record, now)
        )
        before, self._over = self._over, over
        return [known[key] for key in (before ^ over) & known.keys()]

    def outdated(self, records: Iterable[CodeRecord], now: Instant) -> list[CodeRecord]:
        """Return anew the codes whose times were written by a clock that was set."""
        moved = []
        for record in records:
            by_ms = now.stepped_ms - self._written_at.get(record.key_id, now.stepped_ms)
            if by_ms:
                moved.append(_moved(record, by_ms))
        return moved

    def stale(
        self, records: Iterable[CodeRecord], seconds: float, now: Instant
    ) -> list[CodeRecord]:
        """Return the codes that ran out so long ago, once there is no doubt of it."""
        steady, before = now.steady_seconds, self._stale_since
        stale = [each for each in records if self.seconds_left(each, now) <= -seconds]
        since = {each.key_id: before.get(each.key_id, steady) for each in stale}
        self._stale_since = since
        return [
            each for each in stale if steady - since[each.key_id] >= CERTAIN_SECONDS
        ]


def _moved(record: CodeRecord, by_ms: int) -> CodeRecord:
    ends = record.expires_ms
    return attrs.evolve(
        record,
        created_ms=record.created_ms + by_ms,
        expires_ms=None if ends is None else ends + by_ms,
    )
