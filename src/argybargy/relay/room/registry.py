"""Registry and supervisor of the live rooms."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey, RoomKey, room_key
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import as_relay_error
from argybargy.store.errors import StoreError
from argybargy.system.logs import get_logger
from argybargy.system.values import define

log = get_logger(__name__)

CRASH_WINDOW_SECONDS: Final = 60.0
"""Window in which crashes of one room task are counted."""


@define(eq=False)
class LiveRooms:
    """The rooms in memory, each with a running task.

    Mutable state: one dict, bounded by the rooms used within `live_room_seconds`.
    """

    _by_key: dict[RoomKey, LiveRoom] = attrs.field(factory=dict)

    def find(self, room: str) -> LiveRoom | None:
        """Return a room, in any spelling, if it is in memory."""
        return self._by_key.get(room_key(room))

    def add(self, live: LiveRoom) -> None:
        """Add a room whose task is about to be started."""
        self._by_key[live.key] = live

    def discard(self, live: LiveRoom) -> None:
        """Remove a room, so that the next request loads it anew."""
        self._by_key.pop(live.key, None)

    def parked_peers(self, room: str) -> frozenset[PeerKey]:
        """Return the peers with a parked poll in a room."""
        live = self.find(room)
        return frozenset() if live is None else live.polls.parked_peers()

    def count_polls(self) -> int:
        """Return the number of subscribed polls in all rooms."""
        return sum(len(live.polls) for live in self)

    async def supervise(self, live: LiveRoom) -> None:
        """Run a room task, and restart it after a crash; FAILED after too many.

        A crash is a bug, and it concerns one room: the others keep running, so no
        exception leaves this method but Cancelled. The pending commands of a crashed
        task are answered ``internal``; whether they were committed is not known.
        """
        limits, clock = live.context.limits, live.context.clock
        crashes: deque[float] = deque(maxlen=limits.room_crashes_per_minute)
        while True:
            try:
                await live.run()
            except trio.Cancelled:
                # Some requests wait for their reply inside a shield and are not
                # cancelled with this task. They get a failure now; no other task would
                # reply later.
                live.close()
                live.fail(RelayError(Problem.STORAGE_UNKNOWN, retry_after=1))
                raise
            except StoreError as error:
                live.context.failed_loads.note(live.name, error)
                # Removed first: requests that wait get this failure, and the next
                # request tries to load the room again.
                self.discard(live)
                live.fail(as_relay_error(error))
                return
            except Exception:
                log.exception("room task crashed", room=live.name)
                live.reject_pending(RelayError(Problem.INTERNAL))
            else:
                return
            crashes.append(clock.now().steady_seconds)
            is_full = len(crashes) == crashes.maxlen
            if is_full and crashes[-1] - crashes[0] < CRASH_WINDOW_SECONDS:
                log.error("room set aside", room=live.name, crashes=len(crashes))
                live.fail(RelayError(Problem.ROOM_UNAVAILABLE, retry_after=60))
                return

    def evict_idle(self, now: Instant, idle_seconds: float) -> None:
        """Evict rooms that no request has used for `idle_seconds`.

        There is no checkpoint between the check and the removal, nor between
        `Relay.live` and the caller's next step: a room is never evicted under a
        request that has just been given it.
        """
        oldest = now.steady_seconds - idle_seconds
        for live in list(self):
            if live.is_used:
                live.is_used, live.used_at = False, now.steady_seconds
            elif live.used_at < oldest and live.is_idle:
                self.discard(live)
                live.close()

    def wake_polls(self) -> None:
        """Wake every parked poll."""
        for live in self:
            live.polls.wake_all()

    async def wait_unparked(self) -> None:
        """Wait until no room has a subscribed poll; the caller sets the deadline."""
        for live in list(self):
            await live.polls.wait_empty()

    def close(self) -> None:
        """Close every inbox; each task ends when it has served what it has."""
        for live in self:
            live.close()
        self._by_key.clear()

    def __iter__(self) -> Iterator[LiveRoom]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)
