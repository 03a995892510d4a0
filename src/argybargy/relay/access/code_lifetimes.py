"""Lifetimes of access codes and invites, independent of changes to the wall clock."""

import math
from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.invites import InviteRecord
from argybargy.system.values import define

R = TypeVar("R", CodeRecord, InviteRecord)

CERTAIN_SECONDS: Final = 3_600.0
"""Time for which a code must have counted as long expired before it is deleted. A wall
clock that is wrong for a shorter time deletes no code."""


@define
class CodeLifetimes(Generic[R]):
    """Expiry of codes, or of invites.

    A code made by this process lives for its lifetime, as counted by the relay's own
    clock. A code of an earlier process expires by the wall clock, since only its record
    is known.

    Mutable state, each at most an entry per code: `_written_at`, for codes of this
    process, how far the wall clock had been stepped when their times were written;
    `_expired`, the codes that were expired at the last :meth:`expiry_changes`; and
    `_stale_since`, the time since which each code has counted as long expired.
    """

    _written_at: dict[str, int] = attrs.field(factory=dict)
    _expired: frozenset[str] = frozenset()
    _stale_since: dict[str, float] = attrs.field(factory=dict)

    def begin(self, record: R, now: Instant) -> None:
        """Note that the times of a code were written now."""
        self._written_at[record.key_id] = now.stepped_ms

    def carry_over(self, record: R, before: R) -> None:
        """Note that a code was read again, perhaps with corrected times.

        If a correction was in doubt, the difference shows whether it was stored.
        """
        if record.key_id in self._written_at:
            self._written_at[record.key_id] += record.created_ms - before.created_ms

    def forget(self, record: R) -> None:
        """Drop a removed code."""
        self._written_at.pop(record.key_id, None)

    def seconds_left(self, record: R, now: Instant) -> float:
        """Return the remaining life of a code: ``inf`` without an expiry.

        Zero or less once it has expired.
        """
        if record.expires_ms is None:
            return math.inf
        written_at = self._written_at.get(record.key_id, now.stepped_ms)
        return (record.expires_ms - written_at - now.counted_ms) / 1000

    def is_live(self, record: R, now: Instant) -> bool:
        """Tell whether a code has not expired."""
        return self.seconds_left(record, now) > 0

    def expiry_changes(self, records: Iterable[R], now: Instant) -> list[R]:
        """Return the codes that have expired since the last call, or are valid again.

        A code becomes valid again when the wall clock is set back.
        """
        known = {record.key_id: record for record in records}
        expired = frozenset(
            key for key, record in known.items() if not self.is_live(record, now)
        )
        before, self._expired = self._expired, expired
        return [known[key] for key in (before ^ expired) & known.keys()]

    def corrected(self, records: Iterable[R], now: Instant) -> list[R]:
        """Return, with corrected times, the codes written before a clock step."""
        corrected = []
        for record in records:
            by_ms = now.stepped_ms - self._written_at.get(record.key_id, now.stepped_ms)
            if by_ms:
                corrected.append(record.shifted(by_ms))
        return corrected

    def stale(self, records: Iterable[R], seconds: float, now: Instant) -> list[R]:
        """Return the codes that expired `seconds` ago or earlier, beyond doubt.

        See :data:`CERTAIN_SECONDS`.
        """
        steady, before = now.steady_seconds, self._stale_since
        stale = [each for each in records if self.seconds_left(each, now) <= -seconds]
        since = {each.key_id: before.get(each.key_id, steady) for each in stale}
        self._stale_since = since
        return [
            each for each in stale if steady - since[each.key_id] >= CERTAIN_SECONDS
        ]
