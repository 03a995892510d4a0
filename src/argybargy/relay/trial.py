"""A batch of commands as decided, before it is committed."""

from collections.abc import Mapping, Sequence

import attrs

from argybargy.domain.commands import (
    Answer,
    Claim,
    Command,
    Post,
    Release,
    UpdateClaim,
    Write,
    subject_of,
)
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.moment import Moment
from argybargy.domain.room import decide, decide_lapses
from argybargy.domain.state import Room
from argybargy.relay.cards import reclaimed
from argybargy.relay.quota import RoomQuota, speaks


@attrs.frozen
class Trial:
    """What becomes of a room if its writes are made durable.

    Attributes:
        room: The room after it.
        writes: All it writes.
        outcomes: The answer or refusal of each command.
    """

    room: Room
    writes: tuple[Write, ...]
    outcomes: tuple[Answer | RelayError, ...]


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

    now: Moment
    limits: Limits
    quota: RoomQuota
    recalled: dict[int, Message]
    present: Mapping[str, float] = attrs.field(factory=dict)


def decide_batch(room: Room, commands: Sequence[Command], facts: Facts) -> Trial:
    """Decide commands, each on what those before it have changed."""
    before, recalled = room, facts.recalled
    lapsed = decide_lapses(room, facts.now, facts.limits, facts.present)
    room, writes = lapsed.room, list(lapsed.writes)
    follow(recalled, lapsed.writes)
    outcomes: list[Answer | RelayError] = []
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
    return Trial(room, tuple(writes), tuple(outcomes))


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
            recalled[write.seq] = reclaimed(recalled[write.seq], write)
