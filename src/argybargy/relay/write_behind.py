"""What may reach the disk a few seconds late: acknowledged cursors, and notes.

Reading must not write. So what a read leaves behind (how far a peer got, that it
connected, that somebody failed to sign in) is collected here and stored together.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import attrs
import structlog
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.instant import Instant
from argybargy.domain.room.writes import Audit
from argybargy.relay.store_errors import shielded
from argybargy.store.protocol import Store

log = structlog.get_logger(__name__)

MAX_NOTES: Final = 20_000
"""Notes waiting to be stored; the oldest are dropped first, and the loss is logged.
More than there can be connections: reached only while the store refuses writes."""

_MINUTE_MS: Final = 60_000
_ADDRESSES_SHOWN: Final = 5


@attrs.define
class FailedSignIns:
    """Failed sign-ins of one kind within one minute.

    Attributes:
        key: What the store replaces the row by.
        at_ms: When the first one was.
        count: How many.
        addresses: Where the first few different ones came from.
    """

    key: str
    at_ms: int
    count: int = 0
    addresses: dict[str, None] = attrs.field(factory=dict)


def _new_run() -> str:
    return secrets.token_hex(4)


@attrs.define
class WriteBehind:
    """Collects, and stores on :meth:`flush`.

    Args:
        store: Where to.
        run: Tells this run of the relay from others: one that is started again
            within the minute must not write over what the last one has counted.
    """

    store: AuditLog
    _run: str = attrs.field(factory=_new_run)
    _cursors: dict[tuple[str, str], int] = attrs.field(factory=dict)
    _notes: OrderedDict[int | str, Audit] = attrs.field(factory=OrderedDict)
    _next_note: int = 0
    _dropped: int = 0
    _failures: dict[str, FailedSignIns] = attrs.field(factory=dict)
    _flushing: trio.Lock = attrs.field(factory=trio.Lock)

    def acknowledge(self, peer: Peer, cursor: int) -> None:
        """Note how far a peer has got."""
        self._cursors[(peer.room, peer.name)] = cursor

    def pending_cursors(self, room: str) -> Mapping[str, int]:
        """Return the cursors of a room (folded) that are not stored yet."""
        return {
            name: cursor
            for (where, name), cursor in self._cursors.items()
            if where == room
        }

    def note(self, audit: Audit) -> None:
        """Note something for the audit log."""
        self._notes[self._next_note] = audit
        self._next_note += 1
        if len(self._notes) > MAX_NOTES:
            self._notes.popitem(last=False)
            self._dropped += 1

    def count_failure(self, action: str, address: str, now: Instant) -> None:
        """Count a failed sign-in: one row a minute, whoever knocks how often."""
        minute = now.wall_ms // _MINUTE_MS
        key = f"{action}/{minute}/{self._run}"
        failures = self._failures.get(action)
        if failures is None or failures.key != key:
            failures = self._failures[action] = FailedSignIns(key, now.wall_ms)
        failures.count += 1
        if len(failures.addresses) < _ADDRESSES_SHOWN:
            failures.addresses[address] = None
        detail = f"{failures.count} from {', '.join(failures.addresses)}"
        self._notes[key] = Audit(failures.at_ms, action, detail=detail, tally=key)

    async def flush(self) -> None:
        """Store all that is waiting.

        Raises:
            StoreError: The store cannot now; everything waits on.
        """
        async with self._flushing:
            with shielded():
                await self._flush()

    async def _flush(self) -> None:
        if self._dropped:
            log.warning("audit notes dropped", count=self._dropped, kept=MAX_NOTES)
            self._dropped = 0
        cursors, notes = dict(self._cursors), dict(self._notes)
        if not cursors and not notes:
            return
        await self.store.note(cursors, list(notes.values()))
        for key, cursor in cursors.items():
            if self._cursors.get(key) == cursor:
                del self._cursors[key]
        for number, audit in notes.items():
            if self._notes.get(number) is audit:
                del self._notes[number]
