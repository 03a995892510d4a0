"""The room task: the only task that changes a room.

It takes commands from the inbox, decides them, commits, publishes, and only then
replies. A request that is cancelled meanwhile loses its reply, never the write.

A room is in one of five states. `LiveRoom._move` is the only place that changes the
state, and `_MOVES` lists the moves it accepts:

========  ==================  ======================================================
From      To                  When
========  ==================  ======================================================
LOADING   SERVING             The store has returned the room and its cursors.
SERVING   BEHIND              A commit conflicted: another node has written.
SERVING   IN_DOUBT            The outcome of a commit is unknown.
BEHIND    SERVING             The room was read again.
BEHIND    IN_DOUBT            Reading it again left the store's answer unknown.
IN_DOUBT  SERVING             A durable write succeeded, then the room was read again.
any       FAILED              Loading failed, the task crashed too often, or the relay
                              stops without waiting.
========  ==================  ======================================================

A refused commit moves nothing: memory and disk agree that it did not happen. A crash
moves nothing either; the task is started again and goes on in the state it was in. A
closed inbox is no state: the task serves what is left in it and ends.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

import attrs
import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Member, Message
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.pages import has_unread_in_tail
from argybargy.domain.room.commands import (
    Command,
    CommandResult,
    Posted,
    Renew,
)
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import AppendMessage, ResolveQuestion, Write
from argybargy.relay.access.capable import Capable
from argybargy.relay.room.batch import (
    DecidedBatch,
    Facts,
    Reading,
    confirm_version,
    decide_batch,
    holders_present,
    make_durability_barrier,
    reading_of,
    seqs_of,
    update_recalled,
)
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.inbox import CommandOutcome, PendingCommand
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.store_errors import as_relay_error, copy_of
from argybargy.store.errors import Conflict, Refused, StoreError, Unknown

RETRY_SECONDS: Final = 1.0
"""Pause of a room's own work (expired leases, resolving a doubt) after a refused
commit. Commands are not delayed: each is tried when it comes."""

CONFLICT_TRIES: Final = 16
"""Times a batch is decided again because another node wrote first."""

MAX_CHECKED_HERE: Final = 64
"""Maximum messages that the task itself checks for one conditional post."""

MemberCache = tuple[int, Mapping[PeerKey, Member], tuple[str, ...]]
"""The holders of codes by version, the room's members, and the names made of both."""


class TaskState(Enum):
    """The state of a room task; see the table at the top of the file."""

    LOADING = auto()
    SERVING = auto()
    BEHIND = auto()
    IN_DOUBT = auto()
    FAILED = auto()


_MOVES: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.LOADING: frozenset({TaskState.SERVING, TaskState.FAILED}),
    TaskState.SERVING: frozenset(
        {TaskState.BEHIND, TaskState.IN_DOUBT, TaskState.FAILED}
    ),
    TaskState.BEHIND: frozenset(
        {TaskState.SERVING, TaskState.IN_DOUBT, TaskState.FAILED}
    ),
    TaskState.IN_DOUBT: frozenset({TaskState.SERVING, TaskState.FAILED}),
    TaskState.FAILED: frozenset(),
}


@attrs.define(eq=False)
class LiveRoom:
    """A room in memory, with the task that owns it.

    Mutable state: `room`, replaced whole with each publication; the subscriptions,
    the cursors and the inbox, each with a bound of its own; and the task's state.

    Attributes:
        name: The room's name as first spelled.
        context: The services that room tasks share.
        room: The room as committed. Any task may read it at any time: it is a value,
            so it never changes under its reader.
        polls: The room's subscriptions.
        used_at: When housekeeping last found the room used, on the steady clock.
        is_used: Whether a request has used the room since then.
        cursors: The last acknowledged cursor of each peer.
        members: The names of all members, cached.
    """

    name: str
    context: RoomContext
    room: Room
    polls: Subscriptions
    used_at: float
    _send: trio.MemorySendChannel[PendingCommand]
    _receive: trio.MemoryReceiveChannel[PendingCommand]
    is_used: bool = True
    cursors: dict[PeerKey, int] = attrs.field(factory=dict)
    members: MemberCache | None = None
    _state: TaskState = TaskState.LOADING
    _left_loading: trio.Event = attrs.field(factory=trio.Event)
    _failure: RelayError | None = None  # the reason for FAILED
    _batch: list[PendingCommand] = attrs.field(factory=list)
    _retry_at: float = float("-inf")

    @classmethod
    def make(cls, name: str, context: RoomContext) -> "LiveRoom":
        """Return a room in state LOADING; :meth:`run` loads it."""
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
            f"<LiveRoom {self.name} {self._state.name} version={self.room.version} "
            f"head={self.room.head} polls={len(self.polls)} "
            f"inbox={self._send.statistics().current_buffer_used}>"
        )

    @property
    def key(self) -> RoomKey:
        """The key of the room."""
        return room_key(self.name)

    # -- for other tasks -------------------------------------------------------

    @property
    def is_loaded(self) -> bool:
        """Whether loading has ended, with the room or with a failure."""
        return self._left_loading.is_set()

    @property
    def is_readable(self) -> bool:
        """Whether `room` is the value that the store has.

        A room that failed while loading has the value of an empty one.
        """
        return self._state not in {TaskState.LOADING, TaskState.FAILED}

    def check(self) -> None:
        """Raise the failure of a room in state FAILED.

        Raises:
            RelayError: The reason for the failure.
        """
        if self._failure is not None:
            raise copy_of(self._failure)

    async def wait_loaded(self) -> None:
        """Wait until loading has ended; :meth:`check` raises if it has failed.

        There is no deadline here: the store has one for each read.
        """
        await self._left_loading.wait()

    async def ask(self, command: Command) -> CommandOutcome:
        """Submit a command and wait for its outcome.

        Cancelling abandons the outcome; the command is carried out.

        Raises:
            RelayError: The command was refused, or ``busy`` when the inbox is full.
                Nothing was changed then.
        """
        return await self.tell(command).wait_replied()

    def tell(self, command: Command) -> PendingCommand:
        """Submit a command without waiting for its outcome.

        Raises:
            RelayError: ``busy`` when the inbox is full, ``draining`` when it is
                closed. The command was not submitted.
        """
        pending = PendingCommand(command)
        try:
            self._send.send_nowait(pending)
        except trio.WouldBlock:
            raise RelayError(Problem.BUSY, retry_after=1) from None
        except trio.ClosedResourceError:
            raise RelayError(Problem.DRAINING, retry_after=1) from None
        return pending

    @property
    def is_idle(self) -> bool:
        """Whether the room can be evicted from memory.

        A room with an expiring lease stays, since its task has to end the lease; so
        does one in doubt, and one with a damping: memory alone knows of these.
        """
        now = self.context.clock.now().steady_seconds
        return (
            self._state not in {TaskState.IN_DOUBT, TaskState.FAILED}
            and not len(self.polls)
            and not self._batch
            and self._send.statistics().current_buffer_used == 0
            and self.room.next_lease_deadline == float("inf")
            and next(self.room.exchanges.damped(now), None) is None
        )

    def close(self) -> None:
        """Accept no more commands; the task ends when the inbox is empty."""
        self._send.close()

    # -- for the supervisor ----------------------------------------------------

    def reject_pending(self, error: RelayError) -> None:
        """Reply to every pending command with a copy of `error`."""
        self._reject_batch(error)
        while True:
            try:
                self._receive.receive_nowait().reply(copy_of(error))
            except (trio.WouldBlock, trio.EndOfChannel):
                break

    def fail(self, error: RelayError) -> None:
        """Move to FAILED: reply to pending commands with `error`, and wake all polls.

        Requests that come later get the same failure from :meth:`check`.
        """
        self.reject_pending(error)
        self._failure = error
        self._move(TaskState.FAILED)
        self.polls.wake_all()

    def _reject_batch(self, error: RelayError) -> None:
        for pending in self._batch:
            pending.reply(copy_of(error))
        self._batch = []

    # -- the task --------------------------------------------------------------

    def _move(self, to: TaskState) -> None:
        """Move to another state; a move to the present one does nothing."""
        if to is self._state:
            return
        if to not in _MOVES[self._state]:
            raise RuntimeError(f"room task: {self._state.name} to {to.name}")
        self._state = to
        self._left_loading.set()  # every other state comes after loading

    async def run(self) -> None:
        """Load the room and serve it until the inbox is closed and empty.

        May be called again after a crash. The published room then stays readable
        while it is read again, and a doubt stays a doubt.

        Raises:
            StoreError: The room could not be loaded.
        """
        await self._load()
        await self._load_cursors()
        if self._state is TaskState.LOADING:
            self._move(TaskState.SERVING)
        else:
            # The task may have crashed between a commit and its publication.
            self.context.overview.reread(self.room)
        while await self._collect():
            await self._serve()
            self._batch = []
            if self.room.is_empty:
                # The batch took a place before it was decided, and stored no message.
                self.context.quota.give_back(self.name)

    async def _load_cursors(self) -> None:
        """Load the cursors, unflushed ones included.

        The buffer is read before and after the store. A flush during the read of the
        store can move a cursor out of the buffer too late for that read; the first copy
        of the buffer has it. The second copy has the cursors acknowledged during the
        read. Cursors in memory win over stored ones, since after a crash of this task
        they are newer.
        """
        store, buffer = self.context.store, self.context.write_behind
        cursors = dict(buffer.pending_cursors(self.key))
        stored = await store.cursors(self.name)
        cursors = {peer_key(name): seq for name, seq in stored.items()} | cursors
        self.cursors = cursors | self.cursors | dict(buffer.pending_cursors(self.key))

    async def _load(self) -> None:
        limits = self.context.limits
        saved = await self.context.store.load(self.name, limits.tail_messages)
        now = self.context.clock.now()
        if saved is None:
            self.room = Room.new(self.name, now)
        elif saved.is_deleted:
            # A room that is made in its place has its own spelling.
            status = attrs.evolve(saved.status, name=self.name)
            self.room = Room.deleted(attrs.evolve(saved, status=status), now)
        else:
            exchanges = self.room.exchanges  # the store does not have them
            self.room = Room.restore(saved, now, limits, self.room.leases)
            self.room = self.room.with_exchanges(exchanges)
        # The stored room may have messages that were never published to these polls.
        self.polls.wake_all()

    async def _collect(self) -> bool:
        """Wait for commands or for the room's own work; return False when closed.

        The task wakes by itself to end a lease, or at once to resolve a doubt, and
        not before the pause after a refused commit is over.
        """
        is_doubtful = self._state is TaskState.IN_DOUBT
        work_at = float("-inf") if is_doubtful else self.room.next_lease_deadline
        work_at = max(work_at, self._retry_at)
        try:
            # Cancelling receive() loses nothing: a command is either still in the
            # channel or already ours. So a deadline around it is safe.
            with trio.move_on_at(work_at):
                self._batch = [await self._receive.receive()]
        except trio.EndOfChannel:
            return False
        while len(self._batch) < self.context.limits.batch_commands:
            try:
                self._batch.append(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return True

    async def _serve(self) -> None:
        """Decide the batch, commit it, publish it, reply to it.

        No checkpoint separates the return of the commit from the publication, so a
        commit that is known to be durable is always published. If the task is
        cancelled during the commit, the store still applies it whole or not at all,
        and the supervisor replies that the outcome is unknown.
        """
        for _ in range(CONFLICT_TRIES):
            try:
                await self._refresh()
                recalled, unread = await self._recall(), await self._find_unread()
                await self._end_leases(recalled)
                decided = self._decide(recalled, unread)
                version = await self._commit(decided)
            except Conflict:
                self._move(TaskState.BEHIND)
                continue
            except StoreError as error:
                self.context.refused_commits.note(self.name, error)
                self._retry_at = trio.current_time() + RETRY_SECONDS
                if isinstance(error, Unknown):
                    self._move(TaskState.IN_DOUBT)
                self._renew_in_memory()
                self._reject_batch(as_relay_error(error))
                return
            self._publish(decided, version, self._batch)
            return
        self._reject_batch(RelayError(Problem.BUSY, retry_after=1))

    async def _refresh(self) -> None:
        """Read the room again if the stored one may differ.

        Raises:
            StoreError: It could not be read; the state stays, and the next batch or
                the next retry tries again.
        """
        if self._state is TaskState.IN_DOUBT:
            # What a read shows now might still be undone by a crash. Behind a durable
            # write it is final; only then may anything be decided on it.
            await make_durability_barrier(self.context.store)
        if self._state in {TaskState.IN_DOUBT, TaskState.BEHIND}:
            await self._load()
            self._move(TaskState.SERVING)
            self.context.overview.reread(self.room)

    async def _recall(self) -> dict[int, Message]:
        """Return the messages that the batch refers to, by seq, as they stand.

        Those in the tail are included: the batch itself may push them out of it.

        Raises:
            StoreError: The store could not be read.
        """
        room, found = self.room, dict[int, Message]()
        wanted = (seqs_of(room, pending.command) for pending in self._batch)
        for seq in set[int]().union(*wanted):
            if not room.first <= seq <= room.head:
                continue
            message = room.messages.get(seq)
            if message is None:
                message = await self.context.store.message(self.name, seq)
            if message is not None:
                found[seq] = message
        return found

    async def _find_unread(self) -> tuple[Mapping[Reading, bool], int]:
        """Return for each conditional post whether its sender has unread messages.

        Few messages are checked here, and many by the index of the store, since one
        peer may send many such posts in a long room. The rules look at later messages,
        those of the batch itself.

        Returns:
            The answers, by sender and cursor, and the head that they hold for.

        Raises:
            StoreError: The store could not be read.
        """
        room, found = self.room, dict[Reading, bool]()
        wanted = {reading_of(pending.command) for pending in self._batch}
        for reader, cursor in filter(None, wanted):
            after = max(cursor, room.first - 1)
            if after >= max(room.tail_first - 1, room.head - MAX_CHECKED_HERE):
                found[reader, cursor] = has_unread_in_tail(room, reader, after)
            else:
                page = await self.context.store.page(self.name, reader, after, 1, 1)
                found[reader, cursor] = bool(page.messages)
        return found, room.head

    def _decide(
        self, recalled: dict[int, Message], unread: tuple[Mapping[Reading, bool], int]
    ) -> DecidedBatch:
        """Decide the batch on the room as it is now."""
        context, batch = self.context, self._batch
        now = context.clock.now()
        present = holders_present(self.room, self.polls, batch, now)
        capable = Capable(context.codes, self.key, now)
        facts = Facts(
            now, context.limits, context.quota, recalled, *unread, present, capable
        )
        return decide_batch(self.room, [each.command for each in batch], facts)

    async def _end_leases(self, recalled: dict[int, Message]) -> None:
        """End expired leases, a bounded number per commit, until few are left.

        Thousands may expire at once. Deciding them in one step would hold the event
        loop; each commit in between is a checkpoint at which other tasks run.

        Raises:
            StoreError: A commit failed; the leases ended so far stay ended.
        """
        while True:
            now = self.context.clock.now()
            present = holders_present(self.room, self.polls, self._batch, now)
            expiry = decide_expired_leases(self.room, now, self.context.limits, present)
            if now.steady_seconds < expiry.room.next_lease_deadline:
                return  # the batch decides this last part again, and commits it
            decided = DecidedBatch(expiry.room, expiry.writes, ())
            version = await self._commit(decided)
            update_recalled(recalled, decided.writes)
            self._publish(decided, version, ())

    async def _commit(self, decided: DecidedBatch) -> int:
        """Make a batch durable, and return the room's version after it.

        Raises:
            Refused: The commit did not happen.
            Conflict: Another node has committed first.
            Unknown: The commit may have happened; the store cannot tell now.
        """
        store, version = self.context.store, self.room.version
        if not decided.writes:
            return version
        is_known = True
        try:
            await store.commit(decided.room, version, decided.writes)
        except Unknown:
            is_known = False
        # Asked outside the handler, so that a failure to confirm is not reported as
        # one that happened while handling another.
        if not is_known and await confirm_version(store, self.name) != version + 1:
            raise Refused("the commit was not applied")
        return version + 1

    def _renew_in_memory(self) -> None:
        """Carry out the renewals of a batch that could not be committed.

        A renewal writes nothing. So peers that poll while the disk is full keep their
        claims, and their polls go on.
        """
        context = self.context
        now = context.clock.now()
        for pending in self._batch:
            if isinstance(pending.command, Renew):
                decision = decide(self.room, pending.command, now, context.limits)
                self.room = decision.room
                pending.reply(CommandOutcome(decision.answer))
        context.overview.publish(self.room, ())

    def _publish(
        self, decided: DecidedBatch, version: int, batch: Sequence[PendingCommand]
    ) -> None:
        """Publish a committed batch: replace the room, reply, wake polls, inform.

        The room is replaced first: each task woken here reads the new one.
        """
        before, counters = self.room, self.context.counters
        self.room = decided.room.at_version(version)
        self.polls.published_at = trio.current_time()
        counters.claims_won += self.room.fence - before.fence
        for pending, outcome in zip(batch, decided.outcomes, strict=True):
            pending.reply(self._outcome(outcome))
        self._wake(decided.writes, before)
        self.context.overview.publish(self.room, decided.writes)

    def _wake(self, writes: Sequence[Write], before: Room) -> None:
        """Wake polls, waits and hooks that the changes of the room concern."""
        handed = list[tuple[PeerKey, int]]()
        for write in writes:
            if isinstance(write, AppendMessage):
                self.context.counters.messages += 1
                self.polls.wake_addressed(write.message)
            elif isinstance(write, ResolveQuestion):
                self.polls.wake_question(write.seq)
                answer = write.resolution.seq
                if answer is not None:
                    awaiting = self.polls.awaiting(write.seq)
                    handed += ((peer, answer) for peer in awaiting)
        if self.room.first != before.first:
            self.polls.wake_questions_below(self.room.first)
        is_lifted = self.room.exchanges.lifted != before.exchanges.lifted
        has_changed = (
            self.room.status != before.status or self.room.exists != before.exists
        )
        woken = self.polls.listening_peers()
        self.context.hooks.published(self.room, woken, handed)
        if has_changed or is_lifted:
            self.polls.wake_all()
        if not self.room.exists:
            self.cursors.clear()

    def _outcome(
        self, outcome: CommandResult | RelayError
    ) -> CommandOutcome | RelayError:
        if isinstance(outcome, RelayError):
            return outcome
        if isinstance(outcome, Posted):
            report = self.context.delivery.report(
                self.room,
                self.polls,
                self.cursors,
                outcome.message,
                outcome.answers.seqs,
            )
            return CommandOutcome(outcome, report)
        return CommandOutcome(outcome)
