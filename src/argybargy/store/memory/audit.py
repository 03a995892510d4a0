"""The audit log of the store in memory."""

from collections.abc import Iterable, Sequence

import attrs

from argybargy.domain.room.writes import Audit
from argybargy.store.protocol import AuditRow
from argybargy.system.values import define


@define
class StoredAudit:
    """Audit rows by id, and the ids of rows with a tally.

    Mutable state: every field. :meth:`cut` keeps the newest rows.
    """

    _rows: dict[int, Audit] = attrs.field(factory=dict)
    _tallies: dict[str, int] = attrs.field(factory=dict)
    _ever: int = 0

    def has(self, tally: str) -> bool:
        """Tell whether a row has this tally."""
        return tally in self._tallies

    def add(self, audits: Iterable[Audit]) -> None:
        """Add rows; one with a known tally replaces the row of that tally."""
        for audit in audits:
            row = self._tallies.get(audit.tally)
            if row is None:
                row = self._ever = self._ever + 1
            if audit.tally:
                self._tallies[audit.tally] = row
            self._rows[row] = audit

    def cut(self, most: int) -> None:
        """Delete all but the newest `most` rows."""
        surplus = max(0, len(self._rows) - most)
        for row in list(self._rows)[:surplus]:
            self._tallies.pop(self._rows.pop(row).tally, None)

    def newest(self, limit: int, before: int | None) -> Sequence[AuditRow]:
        """Return the newest rows below the id `before`, oldest first."""
        rows = [
            AuditRow(row, audit)
            for row, audit in self._rows.items()
            if before is None or row < before
        ]
        return rows[max(0, len(rows) - limit) :]
