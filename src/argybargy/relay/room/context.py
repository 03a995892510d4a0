"""What every room task works with."""

from collections.abc import Callable, Sequence

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Write
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.clock import Clock
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.statistics import RelayCounters
from argybargy.relay.write_behind import WriteBehind
from argybargy.store.protocol import RoomStore


@attrs.frozen
class RoomContext:
    """What every room task works with.

    Attributes:
        store: Where rooms last.
        clock: The time.
        limits: What the relay allows.
        quota: How many rooms may hold messages.
        ledger: Cursors that are not stored yet.
        describe_delivery: Says how those will learn of a message to whom it is
            addressed in a room (folded) with these polls.
        publish: Given each room as it is published, with what was written.
        reread: Given each room that was read again, with more in it than before.
        tally: Counts what happens.
    """

    store: RoomStore
    clock: Clock
    limits: Limits
    quota: RoomQuota
    write_behind: WriteBehind
    describe_delivery: Callable[[str, Subscriptions, Message], object]
    publish: Callable[[Room, Sequence[Write]], None]
    reread: Callable[[Room], None]
    counters: RelayCounters = attrs.field(factory=RelayCounters)
