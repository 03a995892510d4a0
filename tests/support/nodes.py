"""Several relays on one store, with hints that may be late, lost or mixed up."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import RoomKey
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Write
from argybargy.domain.seat import SharedSeat
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.relay.api.wake import set_hook
from argybargy.relay.lifecycle import open_relay
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.relay.room.task import LiveRoom
from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from argybargy.store.protocol import Hint, Meeting, Store
from support.relay import ROOM, RelayHarness, SettableClocks
from support.wake_calls import RecordingCaller

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
Meanwhile = Callable[[], Any]


@attrs.define(eq=False)
class NodeStore:
    """The shared store as one node has it; passes everything on.

    Attributes:
        shared: The store.
        holds: Whether hints are kept back.
        held: The hints kept back.
        doubt: Whether the next commit with writes is ``applied`` or ``lost``; its
            outcome is unknown then.
        meanwhile: Called before that outcome is told.
        stands: Whether the node is willing to lead.
        ahead_ms: How far its clock is ahead of `wall_ms`; ``None`` for no clock.
        wall_ms: The clock of the node.
        forgets: Whether the store forgets the seats of this node, once.
        sweeps: The sweeps of this node.
        code_reads: The times that it has read the codes.
        gate: Reads of commits wait for it, after they have read.
        trouble: What reads of rooms, messages and commits raise.
    """

    shared: MemoryStore
    holds: bool = False
    held: list[Hint] = attrs.field(factory=list)
    doubt: str = ""
    meanwhile: Meanwhile | None = None
    gate: trio.Event | None = None
    trouble: StoreError | None = None
    stands: bool = True
    forgets: bool = False
    ahead_ms: int | None = None
    wall_ms: Callable[[], int] = lambda: 0
    sweeps: int = 0
    code_reads: int = 0
    _heard: Callable[[Hint], None] | None = None
    _is_dead: bool = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a store
        return getattr(self.shared, name)

    @asynccontextmanager
    async def watch(self, heard: Callable[[Hint], None]) -> AsyncIterator[None]:
        self._heard = heard
        async with self.shared.watch(self._take):
            yield

    def _take(self, hint: Hint) -> None:
        if self.holds:
            self.held.append(hint)
        else:
            self.tell(hint)

    def tell(self, hint: Hint) -> None:
        """Give a hint to the relay."""
        assert self._heard is not None
        self._heard(hint)

    def dies(self) -> None:
        """Let the node end without a word."""
        self._is_dead = True

    async def leave(self, node: str) -> None:
        if not self._is_dead:
            await self.shared.leave(node)

    async def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        if self.forgets:
            self.forgets = False
            await self.shared.leave(node)
            raise Refused("forgotten")
        return await self.shared.share(node, seats, rooms)

    async def meet(self, node: NodeRecord) -> Meeting:
        found = await self.shared.meet(node)
        if self.ahead_ms is None:
            return found
        return attrs.evolve(found, clock_ms=self.wall_ms() + self.ahead_ms)

    async def sweep(self) -> None:
        self.sweeps += 1
        await self.shared.sweep()

    async def lead(self, node: str, duty: str) -> bool:
        if self.trouble is not None:
            raise self.trouble
        return self.stands and await self.shared.lead(node, duty)

    async def codes(self) -> tuple[CodeRecord, ...]:
        self.code_reads += 1
        return await self.shared.codes()

    def drop(self) -> None:
        """Lose the hints kept back, without telling."""
        self.held.clear()

    def deliver(self, order: Callable[[list[Hint]], Sequence[Hint]] = list) -> None:
        """Deliver the hints kept back, in some order."""
        held, self.held = self.held, []
        for hint in order(held):
            self.tell(hint)

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        if self.trouble is not None:
            raise self.trouble
        return await self.shared.load(room, tail_messages)

    async def message(self, room: str, seq: int) -> Message | None:
        if self.trouble is not None:
            raise self.trouble
        return await self.shared.message(room, seq)

    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        if self.trouble is not None:
            raise self.trouble
        found = await self.shared.commits(room, after)
        if self.gate is not None:
            await self.gate.wait()
        return found

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        doubt = ""
        if writes:
            doubt, self.doubt = self.doubt, ""
        if doubt != "lost":
            await self.shared.commit(
                room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
            )
        if doubt:
            if self.meanwhile is not None:
                await self.meanwhile()
            raise Unknown("the connection broke")


@attrs.define(eq=False)
class Node(RelayHarness):
    """One relay of several, and its view of the store."""

    mine: NodeStore = attrs.field(kw_only=True)

    async def room(self, name: str = ROOM) -> LiveRoom:
        """Return the live room, loaded."""
        return await self.relay.live(name)

    async def step_down(self) -> None:
        """Lead no more, until the store says that the node stands again."""
        self.mine.stands = False
        await self.relay.nodes.leave()

    async def set_hook(self, who: CodeRecord, wake: Wake = Wake.ALL) -> WakeHook:
        """Set the wake hook of an agent."""
        return await set_hook(self.relay, who, f"http://hook/{who.name}", wake)

    async def learn_codes(self) -> None:
        """Read the codes that other nodes have made."""
        await self.relay.codes.load(self.clock.now())


@asynccontextmanager
async def open_nodes(
    count: int = 2,
    limits: Limits = UNLIMITED,
    callers: Sequence[RecordingCaller] = (),
    plans: Sequence[NotificationPlan] = (),
) -> AsyncIterator[list[Node]]:
    """Open some relays on one store in memory, on virtual time."""
    shared, clocks = MemoryStore(DEFAULT_LIMITS, is_shared=True), SettableClocks()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                open_node(
                    shared,
                    clocks,
                    limits,
                    callers[number] if callers else None,
                    plans[number] if plans else None,
                )
            )
            for number in range(count)
        ]


@asynccontextmanager
async def open_node(
    shared: MemoryStore,
    clocks: SettableClocks,
    limits: Limits = UNLIMITED,
    caller: RecordingCaller | None = None,
    plan: NotificationPlan | None = None,
    name: str = "",
) -> AsyncIterator[Node]:
    """Open one more relay on a store."""
    clock, mine = clocks.clock(), NodeStore(shared)
    store, caller = cast("Store", mine), caller or RecordingCaller()
    async with open_relay(store, limits, clock, caller, plan, name=name) as relay:
        yield Node(relay, clock, clocks, mine=mine)


async def guests(nodes: Sequence[Node], *names: str) -> list[CodeRecord]:
    """Return codes made on the first node, and known on all."""
    made = [await nodes[0].guest(name) for name in names]
    for node in nodes[1:]:
        await node.learn_codes()
    return made


async def settled() -> None:
    """Let every task do what it can do now."""
    await trio.testing.wait_all_tasks_blocked()
