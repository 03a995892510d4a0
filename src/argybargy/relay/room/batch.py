"""A batch of commands as decided, before it is committed."""

from collections.abc import Mapping, Sequence

import attrs

from argybargy.domain.errors import RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import (
    Claim,
    Command,
    CommandResult,
    Post,
    Release,
    subject_of,
)
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import UpdateClaim, Write
from argybargy.relay.access.room_quota import RoomQuota, speaks
from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.protocol import ProbeStore, RoomStore


@attrs.frozen
class DecidedBatch:
    """What becomes of a room if its writes are made durable.

    Attributes:
        room: The room after it.
        writes: All it writes.
        outcomes: The answer or refusal of each command.
    """

    room: Room
    writes: tuple[Write, ...]
    outcomes: tuple[CommandResult | RelayError, ...]


@attrs.frozen
class Facts:
    """What a batch is decided on, the room apart.

    Attributes:
        now: The time.
        limits: What the relay allows.
        quota: How many rooms may hold messages.
        recalled: The messages that the batch speaks of, as they stand; kept up to
            date with what is decided.
        present: Since when the holders of leases that are due have been present, on
            the steady clock, by folded name.
    """

    now: Instant
    limits: Limits
    quota: RoomQuota
    recalled: dict[int, Message]
    present: Mapping[PeerKey, float] = attrs.field(factory=dict)


def decide_batch(room: Room, commands: Sequence[Command], facts: Facts) -> DecidedBatch:
    """Decide commands, each on what those before it have changed."""
    before, recalled = room, facts.recalled
    lapsed = decide_expired_leases(room, facts.now, facts.limits, facts.present)
    room, writes = lapsed.room, list(lapsed.writes)
    follow(recalled, lapsed.writes)
    outcomes: list[CommandResult | RelayError] = []
    for each in commands:
        command = _recalling(each, room, recalled)
        if before.head == 0 and speaks(command):
            has_quota = facts.quota.take(room.name)
            command = attrs.evolve(command, has_room_quota=has_quota)
        try:
            decision = decide(room, command, facts.now, facts.limits)
        except RelayError as refusal:
            # Its traceback would hold this frame, and so the room as it was.
            outcomes.append(refusal.with_traceback(None))
            continue
        room = decision.room
        writes += decision.writes
        follow(recalled, decision.writes)
        outcomes.append(decision.answer)
    return DecidedBatch(room, tuple(writes), tuple(outcomes))


def _recalling(command: Command, room: Room, recalled: dict[int, Message]) -> Command:
    """Give a command the message that it speaks of and `room` does not hold."""
    seq = subject_of(command)
    if (
        seq in recalled
        and seq not in room.messages
        and isinstance(command, (Post, Claim, Release))
    ):
        return attrs.evolve(command, subject=recalled[seq])
    return command


def follow(recalled: dict[int, Message], writes: Sequence[Write]) -> None:
    """Bring looked-up messages up to date with what a decision says of them."""
    for write in writes:
        if isinstance(write, UpdateClaim) and write.seq in recalled:
            recalled[write.seq] = write.apply_to(recalled[write.seq])


async def confirm_version(store: RoomStore, room: str) -> int:
    """Return the version of a room, which a doubtful commit can change no more.

    Looking alone would not tell: a crash might still bring back what cannot be seen,
    or lose what can. Behind another write that is durable, it is final.

    Raises:
        Unknown: Nothing can be made durable now; the doubt remains.
    """
    try:
        await store.probe()
        stored = await store.load(room, tail_messages=1)
    except StoreError as error:
        raise Unknown(str(error)) from error
    return 0 if stored is None else stored.version


async def make_durability_barrier(store: ProbeStore) -> None:
    """Make sure that what can be read from now on is final.

    Raises:
        Refused: Nothing can be made durable now. What was to come next was not begun.
    """
    try:
        await store.probe()
    except StoreError as error:
        raise Refused(f"an earlier commit is in doubt: {error}") from error
