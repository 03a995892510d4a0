"""The room task: the only task that changes a room.

It takes commands from the inbox, decides them, commits, publishes, and only then
replies. A request that is cancelled meanwhile loses its reply, never the write.

A room is in one of five states. `LiveRoom._move` is the only place that changes the
state, and `_MOVES` lists the moves it accepts:

========  ==================  ======================================================
From      To                  When
========  ==================  ======================================================
LOADING   SERVING             The store has returned the room and its cursors.
SERVING   BEHIND              Another node has written: a commit conflicted, or a hint
                              has come.
SERVING   IN_DOUBT            The outcome of a commit is unknown.
BEHIND    SERVING             The commits of other nodes were followed, or the room was
                              read again.
IN_DOUBT  SERVING             An empty commit took the place of the one in doubt.
IN_DOUBT  BEHIND              The store has another commit there, or that one.
any       FAILED              Loading failed, the task crashed too often, or the relay
                              stops without waiting.
========  ==================  ======================================================

A refused commit moves nothing: memory and disk agree that it did not happen. A crash
moves nothing either; the task is started again and goes on in the state it was in. A
closed inbox is no state: the task serves what is left in it and ends.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Member, Message
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.pages import has_unread_in_tail
from argybargy.domain.room.commands import (
    Command,
    CommandResult,
    Confirm,
    Posted,
    Renew,
)
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.following import count_posts_after, follow
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import (
    AppendMessage,
    ClearRoom,
    CodesChanged,
    ResolveQuestion,
    UpdateClaim,
    Write,
)
from argybargy.relay.access.capable import Capable
from argybargy.relay.room.batch import (
    UNCONFIRMED,
    DecidedBatch,
    Facts,
    Reading,
    decide_batch,
    holders_present,
    reading_of,
    seqs_of,
    update_recalled,
)
from argybargy.relay.room.commits_ahead import CommitsAhead
from argybargy.relay.room.context import RoomContext
from argybargy.relay.room.doubt import Doubt, settle
from argybargy.relay.room.inbox import CommandOutcome, PendingCommand
from argybargy.relay.room.shared_page import SharedPage
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.store_errors import as_relay_error, copy_of, translated
from argybargy.store.errors import (
    Conflict,
    Refused,
    RoomQuotaFull,
    StoreError,
    Unknown,
    Yield,
)
from argybargy.system.values import define

RETRY_SECONDS: Final = 1.0
"""Pause of a room's own work (expired leases, resolving a doubt) after a refused
commit. Commands are not delayed: each is tried when it comes."""

CONFLICT_SECONDS: Final = 2.0
"""Time within which a batch is decided again because another node wrote first."""
QUICK_TRIES: Final = 3
"""Times that it is tried again at once; each further try waits twice as long."""
PAUSE_SECONDS: Final = 0.002
LONGEST_PAUSE_SECONDS: Final = 0.05
YIELD_SECONDS: Final = 0.1
"""Longest wait for the commit of the node whose turn it is."""

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
    TaskState.BEHIND: frozenset({TaskState.SERVING, TaskState.FAILED}),
    TaskState.IN_DOUBT: frozenset(
        {TaskState.SERVING, TaskState.BEHIND, TaskState.FAILED}
    ),
    TaskState.FAILED: frozenset(),
}


@define(eq=False)
class LiveRoom:
    """A room in memory, with the task that owns it.

    Mutable state: `room`, replaced whole with each publication; the subscriptions,
    the cursors, the inbox and the commits ahead, each with a bound of its own; and the
    task's state. The inbox has commands, and ``None`` to wake the task for the commits.

    Attributes:
        name: The room's name as first spelled.
        context: The services that room tasks share.
        room: The room as committed. Any task may read it at any time: it is a value,
            so it never changes under its reader.
        polls: The room's subscriptions.
        shared_page: The page of all polls that stand at one cursor.
        ahead: The commits of other nodes that are not followed yet.
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
    _send: trio.MemorySendChannel[PendingCommand | None]
    _receive: trio.MemoryReceiveChannel[PendingCommand | None]
    ahead: CommitsAhead = attrs.field(factory=CommitsAhead)
    shared_page: SharedPage = attrs.field(factory=SharedPage)
    is_used: bool = True
    cursors: dict[PeerKey, int] = attrs.field(factory=dict)
    members: MemberCache | None = None
    _state: TaskState = TaskState.LOADING
    _left_loading: trio.Event = attrs.field(factory=trio.Event)
    _failure: RelayError | None = None  # the reason for FAILED
    _batch: list[PendingCommand] = attrs.field(factory=list)
    _retry_at: float = float("-inf")
    _doubt: Doubt | None = None
    _is_nudged: bool = False
    _must_read_codes: bool = False

    @classmethod
    def make(cls, name: str, context: RoomContext) -> "LiveRoom":
        """Return a room in state LOADING; :meth:`run` loads it."""
        limits, now = context.limits, context.clock.now()
        channel = trio.open_memory_channel[PendingCommand | None](limits.inbox_commands)
        send, receive = channel
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

    @property
    def has_failed(self) -> bool:
        """Whether the room is in state FAILED."""
        return self._state is TaskState.FAILED

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

    async def ask(
        self, command: Command, code: CodeRecord | None = None
    ) -> CommandOutcome:
        """Submit a command and wait for its outcome.

        Cancelling abandons the outcome; the command is carried out.

        Args:
            command: The command.
            code: The code of the agent that asks. Where other nodes may end it, it is
                checked once more when the command is decided.

        Raises:
            RelayError: The command was refused, or ``busy`` when the inbox is full.
                Nothing was changed then.
        """
        return await self.tell(command, code).wait_replied()

    def tell(self, command: Command, code: CodeRecord | None = None) -> PendingCommand:
        """Submit a command without waiting for its outcome.

        Raises:
            RelayError: ``busy`` when the inbox is full, ``draining`` when it is
                closed. The command was not submitted.
        """
        pending = PendingCommand(command, code)
        try:
            self._send.send_nowait(pending)
        except trio.WouldBlock:
            raise RelayError(Problem.BUSY, retry_after=1) from None
        except trio.ClosedResourceError:
            raise RelayError(Problem.DRAINING, retry_after=1) from None
        return pending

    async def confirm(self) -> None:
        """Wait until the room is as new as the store is now; on the only node it is.

        Raises:
            RelayError: The store could not be read, or as :meth:`ask`.
        """
        if self.context.is_shared:
            await self.ask(Confirm())

    async def find_cursor(self, peer: PeerKey) -> int:
        """Return the acknowledged cursor of a peer, also if it polled another node.

        Other nodes store cursors every few seconds; until then, a peer that changes
        nodes gets some messages again.

        Raises:
            RelayError: The store could not be read.
        """
        if self.context.is_shared:
            with translated():
                stored = await self.context.store.cursors(self.name)
            if stored.get(peer, 0) > self.cursors.get(peer, 0):
                self.cursors[peer] = stored[peer]
        return self.cursors.get(peer, 0)

    def hear(self, version: int, commit: Commit | None) -> None:
        """Note that another node has committed.

        Args:
            version: The room's version after the commit.
            commit: The commit; ``None`` if it has to be read.
        """
        if version <= self.room.version:
            return
        if commit is None:
            self.ahead.miss()
        else:
            self.ahead.put(commit)
        self._nudge()

    def miss(self) -> None:
        """Note that other nodes may have committed."""
        self.ahead.miss()
        self._nudge()

    def _nudge(self) -> None:
        """Wake the task. With a full inbox it is awake; a closed one ends it."""
        if not self._is_nudged:
            with contextlib.suppress(trio.WouldBlock, trio.ClosedResourceError):
                self._send.send_nowait(None)
                self._is_nudged = True

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
                pending = self._receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                break
            if pending is not None:
                pending.reply(copy_of(error))
        self._is_nudged = False

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
        if self._state is not TaskState.LOADING or self.context.is_shared:
            # The task may have crashed between a commit and its publication, and
            # another node may know more of the room than the overview.
            self.context.overview.reread(self.room)
        if self._state is TaskState.LOADING:
            self._move(TaskState.SERVING)
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
            room = Room.restore(saved, now, limits, self.room.leases)
            room = room.with_memory_of(self.room)
            if self.context.is_shared:
                # An earlier commit may have ended codes that this node thinks live.
                self._must_read_codes = True
                room = count_posts_after(room, self.room.head, now, limits)
            self.room = room
        # The stored room may have messages that were never published to these polls.
        self.polls.wake_all()

    async def _collect(self) -> bool:
        """Wait for commands or for the room's own work; return False when closed.

        The task wakes by itself to end a lease, or at once to resolve a doubt or to
        follow other nodes, and not before the pause after a refused commit is over.
        """
        must_work = (
            self._doubt is not None or not self.ahead.is_empty or self._must_read_codes
        )
        work_at = float("-inf") if must_work else self.room.next_lease_deadline
        work_at = max(work_at, self._retry_at)
        try:
            if work_at == math.inf:
                # No deadline, as there is nothing to do without a command. A scope for
                # each batch would be 9 us of a post that has one to itself.
                self._take(await self._receive.receive())
            else:
                # Cancelling receive() loses nothing: a command is either still in the
                # channel or already ours. So a deadline around it is safe.
                with trio.move_on_at(work_at):
                    self._take(await self._receive.receive())
        except trio.EndOfChannel:
            return False
        while len(self._batch) < self.context.limits.batch_commands:
            try:
                self._take(self._receive.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                break
        return True

    def _take(self, pending: PendingCommand | None) -> None:
        if pending is None:
            self._is_nudged = False
        else:
            self._batch.append(pending)

    async def _serve(self) -> None:
        """Decide the batch, commit it, publish it, reply to it.

        No checkpoint separates the return of the commit from the publication, so a
        commit that is known to be durable is always published. If the task is
        cancelled during the commit, the store still applies it whole or not at all,
        and the supervisor replies that the outcome is unknown.
        """
        give_up_at, tries = trio.current_time() + CONFLICT_SECONDS, 0
        while True:
            try:
                await self._refresh()
                if not self._has_work():
                    return
                recalled, unread = await self._recall(), await self._find_unread()
                await self._end_leases(recalled)
                decided = self._decide(recalled, unread)
                if self.context.is_shared and not decided.writes:
                    await self._confirm_unwritten()
                version = await self._commit(decided)
            except Conflict as conflict:
                self._note_conflict(conflict)
                if trio.current_time() >= give_up_at:
                    self._reject_batch(RelayError(Problem.BUSY, retry_after=1))
                    return
                tries += 1
                await self._pause(tries, is_yield=isinstance(conflict, Yield))
                continue
            except StoreError as error:
                self.context.refused_commits.note(self.name, error)
                self._retry_at = trio.current_time() + RETRY_SECONDS
                if self._doubt is not None:
                    self._move(TaskState.IN_DOUBT)
                self._renew_in_memory()
                self._reject_batch(as_relay_error(error))
                return
            self._publish(decided, version, self._batch)
            return

    def _has_work(self) -> bool:
        """Tell whether there is a command to decide or a lease to end."""
        if self._batch:
            return True
        return self.context.clock.now().steady_seconds >= self.room.next_lease_deadline

    def _note_conflict(self, conflict: Conflict) -> None:
        for commit in conflict.commits:
            self.ahead.put(commit)
        is_yield = isinstance(conflict, Yield)
        self.context.counters.conflicts += not is_yield
        if not (conflict.commits or is_yield):
            self.ahead.miss()

    async def _pause(self, tries: int, *, is_yield: bool) -> None:
        """Wait before a batch is decided again."""
        if is_yield:
            began = trio.current_time()
            await self.ahead.wait_came(YIELD_SECONDS)
            waited = trio.current_time() - began
            self.context.counters.turn_seconds.observe(waited)
        elif tries > QUICK_TRIES:
            seconds = PAUSE_SECONDS * 2.0 ** min(tries - QUICK_TRIES, 10)
            await trio.sleep(min(seconds, LONGEST_PAUSE_SECONDS))

    # -- other nodes -----------------------------------------------------------

    async def _refresh(self) -> None:
        """End a doubt, follow other nodes, and reject what has ended there.

        Raises:
            StoreError: The store could not do it; the state stays, and the next batch
                or the next retry tries again.
        """
        if self._doubt is not None:
            try:
                await self._end_doubt(self._doubt)
            except Unknown as error:
                # The doubt is about an earlier batch. This one was not begun.
                raise Refused(f"an earlier commit is in doubt: {error}") from error
        if not self.ahead.is_empty or self._state is TaskState.BEHIND:
            self._move(TaskState.BEHIND)
            await self._catch_up()
            self._move(TaskState.SERVING)
        if self._must_read_codes:
            await self.context.codes.reread()
            self._must_read_codes = False
            self.polls.wake_all()  # those whose code has ended answer
        if self.context.is_shared:
            self._reject_ended_codes()

    def _reject_ended_codes(self) -> None:
        """Reject the commands of codes that have ended on another node."""
        now, kept = self.context.clock.now(), list[PendingCommand]()
        for pending in self._batch:
            if pending.code is None or self.context.codes.is_live(pending.code, now):
                kept.append(pending)
            else:
                pending.reply(RelayError(Problem.UNAUTHORIZED))
        self._batch = kept

    async def _end_doubt(self, doubt: Doubt) -> bool | None:
        """End a doubt; return whether its commit was applied, ``None`` if unknown.

        Raises:
            Unknown: The doubt goes on.
        """
        settled = await settle(self.context.store, doubt, self.context.nonces.next())
        self._doubt = None
        if settled.is_empty and self.room.version == doubt.room.version:
            self.room = self.room.at_version(self.room.version + 1)
        for commit in settled.commits:
            self.ahead.put(commit)
        if not (settled.is_empty or settled.commits):
            self.ahead.miss()
        if self._state is TaskState.IN_DOUBT:
            self._move(TaskState.SERVING if settled.is_empty else TaskState.BEHIND)
        return settled.is_applied

    async def _catch_up(self) -> None:
        """Follow the commits of other nodes, in order, until none is left.

        Each is published at once, so a cancelled or failed task has lost none: the
        room stands at the last one that it has followed.

        Raises:
            StoreError: The missing ones could not be read.
        """
        while True:
            while (commit := self.ahead.pop_next(self.room.version)) is not None:
                await self._follow(commit)
            if self.ahead.is_empty:
                return
            reading, before = self.ahead.begin_reading(), self.room.version
            commits = await self.context.store.commits(self.name, before)
            if commits is None:
                await self._reload()
            for commit in commits or ():
                await self._follow(commit)
            self.ahead.end_reading(reading, has_found=self.room.version != before)

    async def _follow(self, commit: Commit) -> None:
        """Follow the next commit of another node and publish it, or reload the room."""
        if commit.version <= self.room.version:
            return  # a reload had it
        now, before = self.context.clock.now(), self.room
        commit = commit.received(now)
        room = follow(before, commit, now, self.context.limits)
        if room is None:
            self.ahead.miss()  # in case nothing can be read now
            recalled = await self._recall_claimed(commit)
            room = follow(before, commit, now, self.context.limits, recalled)
        if room is None:
            await self._reload()
            return
        self.room = room
        if any(isinstance(each, CodesChanged | ClearRoom) for each in commit.writes):
            self._must_read_codes = True
        self.polls.published_at = trio.current_time()
        self.context.quota.note(room.name, is_empty=room.is_empty)
        woken = self._listening_peers()
        handed = self._handed(commit.writes) if self.polls.has_waits else []
        self._wake_polls(commit.writes, before)
        self.context.hooks.published(room, woken, handed)
        self.context.overview.publish(room, commit.writes)
        # A long way to catch up must not hold up the other rooms.
        await trio.lowlevel.checkpoint()

    async def _recall_claimed(self, commit: Commit) -> dict[int, Message]:
        """Return the messages older than the tail that a commit claims, as they were.

        They were open questions without a claim. Addressees that they have gained
        since do no harm.

        Raises:
            StoreError: The store could not be read.
        """
        found = dict[int, Message]()
        for write in commit.writes:
            if isinstance(write, UpdateClaim) and write.seq not in self.room.messages:
                message = await self.context.store.message(self.name, write.seq)
                if message is not None:
                    found[write.seq] = message.without_claim()
        return found

    async def _reload(self) -> None:
        """Read the room again, as it is in the store."""
        await self._load()
        self.context.overview.reread(self.room)

    async def _confirm_unwritten(self) -> None:
        """Make sure that outcomes without a commit are decided on the present room.

        A commit proves that the room was current, and a refusal proves nothing. On the
        only node of a store the room always is.

        Raises:
            Conflict: Another node has committed.
            StoreError: The store could not be read.
        """
        if not all(isinstance(each.command, UNCONFIRMED) for each in self._batch):
            versions = {self.name: self.room.version}
            if await self.context.store.confirm(versions):
                raise Conflict("another node has committed to the room")

    # -- deciding --------------------------------------------------------------

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
        while self.room.next_lease_deadline < math.inf:
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
        nonce, most_rooms = self.context.nonces.next(), 0
        if self.context.is_shared and self.room.is_empty and not decided.room.is_empty:
            most_rooms = self.context.quota.limit
        try:
            await store.commit(
                decided.room,
                version,
                decided.writes,
                nonce=nonce,
                most_rooms=most_rooms,
            )
        except RoomQuotaFull as error:
            # Another node gave the last place away. Decided again without one.
            self.context.quota.refuse(self.name)
            raise Conflict(str(error)) from error
        except Unknown:
            self._doubt = Doubt(self.room, nonce)
        # Asked outside the handler, so that a failure to find out is not reported as
        # one that happened while handling another.
        if self._doubt is not None:
            is_applied = await self._end_doubt(self._doubt)
            if is_applied is None:
                raise Unknown("the store does not know the commit any more")
            if not is_applied:
                raise Refused("the commit was not applied")
        return version + 1

    def _renew_in_memory(self) -> None:
        """Carry out the renewals of a batch that could not be committed.

        A renewal writes nothing on the only node of a store. So peers that poll while
        the disk is full keep their claims, and their polls go on. Where other nodes
        have to know of it, it must be written.
        """
        context = self.context
        if context.is_shared:
            return
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
        if self.context.is_shared:
            self.context.quota.note(self.name, is_empty=self.room.is_empty)
        self.polls.published_at = trio.current_time()
        counters.claims_won += self.room.fence - before.fence
        for pending, outcome in zip(batch, decided.outcomes, strict=True):
            pending.reply(self._outcome(outcome))
        woken = self._listening_peers()
        handed = self._handed(decided.writes) if self.polls.has_waits else []
        counters.messages += self._wake_polls(decided.writes, before)
        self.context.hooks.published(self.room, woken, handed)
        self.context.overview.publish(self.room, decided.writes)

    def _listening_peers(self) -> frozenset[PeerKey]:
        """Return the peers that messages to this room wake, at any node."""
        here = self.polls.listening_peers()
        if not self.context.is_shared:
            return here
        return here | self.context.delivery.presence.listening_elsewhere(self.key)

    def _handed(self, writes: Sequence[Write]) -> list[tuple[PeerKey, int]]:
        """Return the peers that wait for just an answer, each with the answer."""
        return [
            (peer, write.resolution.seq)
            for write in writes
            if isinstance(write, ResolveQuestion) and write.resolution.seq is not None
            for peer in self.polls.awaiting(write.seq)
        ]

    def _wake_polls(self, writes: Sequence[Write], before: Room) -> int:
        """Wake polls and waits that changes of the room concern; count new messages."""
        messages = 0
        for write in writes:
            if isinstance(write, AppendMessage):
                messages += 1
                self.polls.wake_addressed(write.message)
                if write.message.is_question:
                    self.polls.wake_asked_back(write.message)
            elif isinstance(write, ResolveQuestion):
                self.polls.wake_question(write.seq)
        if self.room.first != before.first:
            self.polls.wake_questions_below(self.room.first)
        is_lifted = self.room.exchanges.lifted != before.exchanges.lifted
        has_changed = (
            self.room.status != before.status or self.room.exists != before.exists
        )
        if has_changed or is_lifted:
            self.polls.wake_all()
        if not self.room.exists:
            self.cursors.clear()
        return messages

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
                outcome.answers.seqs + outcome.answers.asked_back,
            )
            return CommandOutcome(outcome, report)
        return CommandOutcome(outcome)
