"""Seats and duties of the nodes on a memory store."""

from collections.abc import Collection, Sequence

import attrs
import trio

from argybargy.domain.names import PeerKey, RoomKey, peer_key
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.seat import SharedSeat
from argybargy.store.protocol import NODE_SECONDS
from argybargy.system.values import define

_Seats = dict[RoomKey, dict[PeerKey, SharedSeat]]


@define
class _Duty:
    node: str
    until: float


@define
class SharedNodes:
    """The nodes of a store: their seats, and the duties that they lead.

    Mutable state: seats, record and last sign of life by node, until that is over, and
    one entry for each duty.
    """

    _seats: dict[str, _Seats] = attrs.field(factory=dict, repr=False)
    _records: dict[str, NodeRecord] = attrs.field(factory=dict)
    _heard_at: dict[str, float] = attrs.field(factory=dict)
    _duties: dict[str, _Duty] = attrs.field(factory=dict)

    def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        """Keep the seats of a node, and return those of the others."""
        self._heard_at[node] = trio.current_time()
        mine = self._seats.setdefault(node, {})
        for seat in seats:
            if not seat.has_gone:
                mine.setdefault(seat.room, {})[peer_key(seat.name)] = seat
            elif seat.room in mine:
                mine[seat.room].pop(peer_key(seat.name), None)
        self._forget_dead()
        return tuple(
            seat
            for other, theirs in self._seats.items()
            if other != node
            for room in (theirs if rooms is None else rooms)
            for seat in theirs.get(room, {}).values()
        )

    def meet(self, record: NodeRecord) -> tuple[NodeRecord, ...]:
        """Keep what a node says of itself, and return the others."""
        self._heard_at[record.id] = trio.current_time()
        self._records[record.id] = record
        self._forget_dead()
        return tuple(each for each in self._records.values() if each.id != record.id)

    def lead(self, node: str, duty: str) -> bool:
        """Give a duty to a node, unless another leads it."""
        now = trio.current_time()
        held = self._duties.get(duty)
        if held is not None and held.node != node and now < held.until:
            return False
        self._duties[duty] = _Duty(node, now + NODE_SECONDS)
        return True

    def leave(self, node: str) -> None:
        """Forget a node."""
        self._forget(node)
        for duty, held in list(self._duties.items()):
            if held.node == node:
                del self._duties[duty]

    def _forget_dead(self) -> None:
        oldest = trio.current_time() - NODE_SECONDS
        for node, heard_at in list(self._heard_at.items()):
            if heard_at < oldest:
                self._forget(node)

    def _forget(self, node: str) -> None:
        self._seats.pop(node, None)
        self._heard_at.pop(node, None)
        self._records.pop(node, None)
