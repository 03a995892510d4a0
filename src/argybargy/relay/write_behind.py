"""Write-behind buffer of acknowledged cursors and audit rows.

A read must not cost a write. So acknowledged cursors, and audit rows of first
connections and failed sign-ins, are buffered here, and housekeeping flushes them in one
transaction. A crash loses the last few seconds: a peer reads a few messages twice, and
the audit log lacks a few rows.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import Peer
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.domain.room.writes import Audit
from argybargy.relay.store_errors import shielded
from argybargy.store.protocol import AuditLog
from argybargy.system.logs import get_logger
from argybargy.system.values import define

log = get_logger(__name__)

MAX_NOTES: Final = 20_000
"""Maximum buffered audit rows; one more drops the oldest, and the loss is logged. The
bound exceeds that of connections, so only a store that refuses writes fills the
buffer."""

_MINUTE_MS: Final = 60_000
_ADDRESSES_SHOWN: Final = 5


@define
class FailedSignIns:
    """Failed sign-ins of one kind within one minute, which share one audit row.

    Attributes:
        key: The idempotency key of the row; the store replaces the row by it.
        at_ms: Time of the first one.
        count: The number so far.
        addresses: The first few client addresses.
    """

    key: str
    at_ms: int
    count: int = 0
    addresses: dict[str, None] = attrs.field(factory=dict)


def _new_run() -> str:
    return secrets.token_hex(4)


@define
class WriteBehind:
    """Buffers cursors and audit rows; :meth:`flush` writes them in one transaction.

    Mutable state: the newest cursor of each peer, bounded by codes; audit rows,
    bounded by :data:`MAX_NOTES`; and the failed sign-ins of the current minute.

    Args:
        store: Durable storage.
        run: Identifies this run of the relay. Without it, a relay restarted within
            the minute would replace the row of failures that its predecessor counted.
    """

    store: AuditLog
    _run: str = attrs.field(factory=_new_run)
    _cursors: dict[Peer, int] = attrs.field(factory=dict)
    _notes: OrderedDict[int | str, Audit] = attrs.field(factory=OrderedDict)
    _next_note: int = 0
    _dropped: int = 0
    _failures: dict[str, FailedSignIns] = attrs.field(factory=dict)
    _flushing: trio.Lock = attrs.field(factory=trio.Lock)

    def acknowledge(self, peer: Peer, cursor: int) -> None:
        """Buffer the cursor of a peer."""
        self._cursors[peer] = cursor

    def pending_cursors(self, room: RoomKey) -> Mapping[PeerKey, int]:
        """Return the buffered cursors of a room, by peer key."""
        return {
            peer.name: cursor
            for peer, cursor in self._cursors.items()
            if peer.room == room
        }

    def forget_room(self, room: RoomKey) -> None:
        """Drop the cursors of a deleted room.

        A flush under way may still store some. The store drops those of peers without
        a code, and all codes of the room are gone.
        """
        self._cursors = {
            peer: cursor for peer, cursor in self._cursors.items() if peer.room != room
        }

    def note(self, audit: Audit) -> None:
        """Buffer an audit row; the oldest is dropped when the buffer is full."""
        self._notes[self._next_note] = audit
        self._next_note += 1
        if len(self._notes) > MAX_NOTES:
            self._notes.popitem(last=False)
            self._dropped += 1

    def count_failure(self, action: str, address: str, now: Instant) -> None:
        """Count a failed sign-in in the row of its kind and minute.

        One row a minute keeps an attacker from filling the audit log.
        """
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
        """Write the buffered cursors and audit rows in one transaction.

        The lock keeps a second flush from writing the same rows again. The shield
        keeps the removal from the buffer together with the write.

        Raises:
            StoreError: The store failed; everything stays buffered.
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
        stored: dict[tuple[str, str], int] = {
            (peer.room, peer.name): cursor for peer, cursor in cursors.items()
        }
        await self.store.note(stored, list(notes.values()))
        # Requests continued during the write: cursors that they replaced stay buffered.
        for peer, cursor in cursors.items():
            if self._cursors.get(peer) == cursor:
                del self._cursors[peer]
        for number, audit in notes.items():
            if self._notes.get(number) is audit:
                del self._notes[number]
