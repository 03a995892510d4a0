"""The room task: the only one that changes a room.

One at a time it takes what is in the inbox, decides, commits, publishes, and only
then answers. A request that goes away meanwhile loses its answer, never the write.

The mutable state of a live room is `room` (the published value, replaced whole),
its `polls`, and the inbox.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import structlog
import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Member, Message
from argybargy.domain.names import PeerKey, fold
from argybargy.domain.room.commands import (
    Command,
    CommandResult,
    Posted,
    Renew,
    subject_of,
)
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import AppendMessage
from argybargy.relay.room.batch import (
    DecidedBatch,
    Facts,
    confirm_version,
    decide_batch,
    follow,
    make_durability_barrier,
)
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.inbox import CommandOutcome, PendingCommand
from argybargy.relay.room.lease_holders import holders_present
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.store_errors import again, as_relay_error
from argybargy.store.errors import Conflict, Refused, StoreError, Unknown

log = structlog.get_logger(__name__)

REST_SECONDS: Final = 1.0
"""How long a room whose commit was refused lets leases that have run out wait."""

CONFLICT_TRIES: Final = 16
"""How often a batch is decided again because another node wrote first."""


MemberCache = tuple[int, Mapping[PeerKey, Member], tuple[str, ...]]
"""The version of the directory, those who posted, and the names made of both."""


@attrs.define(eq=False)
class LiveRoom:
    """A room in memory, with the task that owns it.

    Attributes:
        name: What it is called.
        context: What it works with.
        room: The room as committed. Readers may look at it at any time; it never
            changes under them.
        polls: Who is subscribed.
        used_at: When the janitor last found it used, on the steady clock.
        is_used: Whether somebody has had business here since.
        cursors: The last acknowledged cursor of each peer, by folded name.
        members: The names of all members, with what they were made from.
    """

    name: str
    context: RoomContext
    room: Room
    polls: Subscriptions
    used_at: float
    _send: trio.MemorySendChannel[PendingCommand]
    _receive: trio.MemoryReceiveChannel[PendingCommand]
    is_used: bool = True
    cursors: dict[str, int] = attrs.field(factory=dict)
    members: MemberCache | None = None
    _rest_until: float = float("-inf")
    _is_in_doubt: bool = False
    _is_behind: bool = False
    _batch: list[PendingCommand] = attrs.field(factory=list)
    _loaded: trio.Event = attrs.field(factory=trio.Event)
    _failure: RelayError | None = None

    @classmethod
    def make(cls, name: str, context: RoomContext) -> "LiveRoom":
        """Make a room that is not loaded yet; :meth:`run` loads it."""
        limits, now = context.limits, context.clock.now()
        send, receive = trio.open_memory_channel[PendingCommand](limits.inbox_commands)
        return cls(
            name=name,
            context=context,
            room=Room.new(name, now),
            polls=Subscriptions(limits.parked_polls_per_peer),
            used_at=now.steady_seconds,
            send=send,
            receive=receive,
        )

    def __repr__(self) -> str:
        return (
            f"<LiveRoom {self.name} version={self.room.version} "
            f"head={self.room.head} polls={len(self.polls)} "
            f"inbox={self._send.statistics().current_buffer_used}>"
        )

    @property
    def is_loaded(self) -> bool:
        """Whether the room can be read."""
        return self._loaded.is_set()

    def check(self) -> None:
        """Raise the failure for which the room was set aside, if it was."""
        if self._failure is not None:
            raise again(self._failure)

    async def wait_loaded(self) -> None:
        """Wait until the room can be read.

        No deadline: loading has one, and ends in a failure that :meth:`check` tells.
        """
        await self._loaded.wait()

    async def ask(self, command: Command) -> CommandOutcome:
        """Hand a command to the room task and wait for what comes of it.

        Raises:
            RelayError: Refused; or ``busy``, when the inbox is full. Nothing was
                changed then.
        """
        return await self.tell(command).wait_answered()

    def tell(self, command: Command) -> PendingCommand:
        """Hand a command to the room task; what comes of it need not be waited for.

        Raises:
            RelayError: As :meth:`ask`, before the command is in the inbox.
        """
        ask = PendingCommand(command)
        try:
            self._send.send_nowait(ask)
        except trio.WouldBlock:
            raise RelayError(Problem.BUSY, retry_after=1) from None
        except trio.ClosedResourceError:
            raise RelayError(Problem.DRAINING, retry_after=1) from None
        return ask

    @property
    def is_idle(self) -> bool:
        """Whether nobody would miss the room in memory.

        A room with a lease that can run out stays, to say so when it does.
        """
        return (
            self._failure is None
            and not len(self.polls)
            and not self._batch
            and not self._is_in_doubt
            and self._send.statistics().current_buffer_used == 0
            and self.room.next_lease_deadline == float("inf")
        )

    def close(self) -> None:
        """Take no more commands; the task ends when those it has are done."""
        self._send.close()

    def fail(self, error: RelayError, *, for_good: bool = False) -> None:
        """Answer all that is waiting with `error`, each with one of its own.

        With `for_good`, what comes is answered so too, and parked polls are woken to
        find it out.
        """
        self._fail_batch(error)
        while True:
            try:
                self._receive.receive_nowait().answer(again(error))
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        if for_good:
            self._failure = error
            self._loaded.set()
            self.polls.wake_all()

    def _fail_batch(self, error: RelayError) -> None:
        for ask in self._batch:
            ask.answer(again(error))
        self._batch = []

    # -- the task --------------------------------------------------------------

    async def run(self) -> None:
        """Load the room and serve it until it is closed.

        Raises:
            StoreError: It could not be loaded.
        """
        await self._load()
        await self._load_cursors()
        self._loaded.set()
        while await self._collect():
            await self._serve()
            self._batch = []
            if self.room.head == 0:
                self.context.quota.give_back(self.name)

    async def _load_cursors(self) -> None:
        """Learn how far everybody has got, also what is being stored meanwhile.

        A cursor that reaches the disk while that is read is in neither place
        afterwards: so what waits to be stored is looked at before as well. A room
        that starts again after a crash goes on with what it knows.
        """
        store, ledger, key = (
            self.context.store,
            self.context.write_behind,
            fold(self.name),
        )
        cursors = dict(ledger.pending_cursors(key))
        cursors = {**await store.cursors(self.name), **cursors}
        self.cursors = cursors | self.cursors | dict(ledger.pending_cursors(key))

    async def _load(self) -> None:
        limits = self.context.limits
        saved = await self.context.store.load(self.name, limits.tail_messages)
        now = self.context.clock.now()
        if saved is None:
            self.room = Room.new(self.name, now)
        else:
            self.room = Room.restore(saved, now, limits, self.room.leases)
        # Somebody may have written to it meanwhile.
        self.polls.wake_all()

    async def _collect(self) -> bool:
        """Wait for commands, or for something to do without; False when closed."""
        acts_at = float("-inf") if self._is_in_doubt else self.room.next_lease_deadline
        acts_at = max(acts_at, self._rest_until)
        try:
            if acts_at == float("inf"):
                self._batch = [await self._receive.receive()]
            else:
                with trio.move_on_at(acts_at):
                    self._batch = [await self._receive.receive()]
        except trio.EndOfChannel:
            return False
        while len(self._batch) < self.context.limits.batch_commands:
            try:
                self._batch.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return True

    async def _recall(self) -> dict[int, Message]:
        """Look up the messages that the batch speaks of, as they stand now.

        Those of the tail are noted as well: the batch itself may push them out.

        Raises:
            StoreError: The store cannot say.
        """
        room, found = self.room, dict[int, Message]()
        for seq in {subject_of(ask.command) for ask in self._batch}:
            if seq is None or not room.first <= seq <= room.head:
                continue
            message = room.messages.get(seq)
            if message is None:
                message = await self.context.store.message(self.name, seq)
            if message is not None:
                found[seq] = message
        return found

    async def _serve(self) -> None:
        """Decide the batch, make it durable, publish it, answer it."""
        for _ in range(CONFLICT_TRIES):
            try:
                await self._refresh()
                recalled = await self._recall()
                await self._end_leases(recalled)
                trial = self._decide(recalled)
                version = await self._commit(trial)
            except Conflict:
                self._is_behind = True
                continue
            except StoreError as error:
                log.warning("commit refused", room=self.name, reason=str(error))
                self._rest_until = trio.current_time() + REST_SECONDS
                self._is_in_doubt |= isinstance(error, Unknown)
                self._renew_unwritten()
                self._fail_batch(as_relay_error(error))
                return
            self._publish(trial, version, self._batch)
            return
        self._fail_batch(RelayError(Problem.BUSY, retry_after=1))

    async def _refresh(self) -> None:
        """Read the room again if it may be another one than it was.

        Raises:
            StoreError: The store cannot say; it will be asked again.
        """
        if self._is_in_doubt:
            await make_durability_barrier(self.context.store)
        if self._is_in_doubt or self._is_behind:
            await self._load()
            self._is_in_doubt = self._is_behind = False
            self.context.reread(self.room)

    def _decide(self, recalled: dict[int, Message]) -> DecidedBatch:
        """Decide the batch, each command on what those before it have changed."""
        services, batch = self.context, self._batch
        now = services.clock.now()
        present = holders_present(self.room, self.polls, batch, now)
        facts = Facts(now, services.limits, services.quota, recalled, present)
        return decide_batch(self.room, [ask.command for ask in batch], facts)

    async def _end_leases(self, recalled: dict[int, Message]) -> None:
        """End leases until none is left that has run out.

        Very many may run out at once, and ending them takes long: so they go piece
        by piece, each in a commit of its own, and others get the processor between.

        Raises:
            StoreError: A piece cannot be stored.
        """
        while True:
            now = self.context.clock.now()
            present = holders_present(self.room, self.polls, self._batch, now)
            lapsed = decide_expired_leases(self.room, now, self.context.limits, present)
            if now.steady_seconds < lapsed.room.next_lease_deadline:
                return  # the last piece is decided again, with the batch
            trial = DecidedBatch(lapsed.room, lapsed.writes, ())
            version = await self._commit(trial)
            follow(recalled, trial.writes)
            self._publish(trial, version, ())

    async def _commit(self, trial: DecidedBatch) -> int:
        """Make a batch durable, and return the version the room has then.

        Raises:
            StoreError: It was not; or, if ``Unknown``, nobody can say for now.
        """
        store, version = self.context.store, self.room.version
        if not trial.writes:
            return version
        is_known = True
        try:
            await store.commit(trial.room, version, trial.writes)
        except Unknown:
            is_known = False
        if not is_known and await confirm_version(store, self.name) != version + 1:
            raise Refused("the commit was not applied")
        return version + 1

    def _renew_unwritten(self) -> None:
        """Carry out what a batch that cannot be written renews: that needs no disk.

        So whoever shows up while the disk is full keeps what is theirs, and can read.
        """
        services = self.context
        now = services.clock.now()
        for ask in self._batch:
            if isinstance(ask.command, Renew):
                decision = decide(self.room, ask.command, now, services.limits)
                self.room = decision.room
                ask.answer(CommandOutcome(decision.answer))
        services.publish(self.room, ())

    def _publish(
        self, trial: DecidedBatch, version: int, asks: Sequence[PendingCommand]
    ) -> None:
        """Let everybody see the batch: its askers, the parked polls, the operator."""
        before, tally = self.room, self.context.counters
        self.room = trial.room.at_version(version)
        self.polls.published_at = trio.current_time()
        tally.claims_won += self.room.fence - before.fence
        for ask, outcome in zip(asks, trial.outcomes, strict=True):
            ask.answer(self._outcome(outcome))
        for write in trial.writes:
            if isinstance(write, AppendMessage):
                tally.messages += 1
                self.polls.wake_addressed(write.message)
        if self.room.status != before.status:
            self.polls.wake_all()
        self.context.publish(self.room, trial.writes)

    def _outcome(
        self, outcome: CommandResult | RelayError
    ) -> CommandOutcome | RelayError:
        if isinstance(outcome, RelayError):
            return outcome
        if isinstance(outcome, Posted):
            describe, name = self.context.describe_delivery, fold(self.name)
            return CommandOutcome(outcome, describe(name, self.polls, outcome.message))
        return CommandOutcome(outcome)
