"""Batches: several commands decided one after the other, for one commit.

Deciding is pure; the room task gathers the :class:`Facts` before and commits the
:class:`DecidedBatch` after.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from argybargy.domain.errors import RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import (
    Call,
    Claim,
    Command,
    CommandResult,
    Post,
    Release,
    Renew,
    Retain,
    Withdraw,
    subject_of,
)
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.posting import find_receipt
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import AppendMessage, MessageChange, Write
from argybargy.relay.access.capable import Capable
from argybargy.relay.access.room_quota import RoomQuota, speaks
from argybargy.relay.room.inbox import PendingCommand
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.system.values import frozen

Reading = tuple[PeerKey, int]
"""A peer, and the cursor up to which it has read."""


@frozen
class DecidedBatch:
    """A batch's new room, writes and outcomes, before the commit.

    Attributes:
        room: The room after the batch.
        writes: Everything to make durable; empty if nothing changed on the disk.
        outcomes: The result or refusal of each command, in order.
    """

    room: Room
    writes: tuple[Write, ...]
    outcomes: tuple[CommandResult | RelayError, ...]


UNCONFIRMED: Final = (Renew, Call, Retain)
"""Commands whose outcome without a write says nothing that an older room could get
wrong: nobody is refused, and the next one makes up for it."""


@frozen
class Facts:
    """Facts that a batch is decided on, beside the room.

    Attributes:
        now: The time.
        limits: The relay's limits.
        quota: Which rooms may hold messages.
        recalled: The messages that commands refer to, by seq, as they stand; updated
            with each decision of the batch.
        unread: Whether there were unread messages, by sender and cursor of conditional
            posts.
        looked_to: The head of the room at that time.
        present: Since when the holders of due leases have been present, on the
            steady clock, by peer key.
        capable: The peers of the room by capability; ``None`` means that no peer has
            any.
    """

    now: Instant
    limits: Limits
    quota: RoomQuota
    recalled: dict[int, Message]
    unread: Mapping[Reading, bool] = attrs.field(factory=dict)
    looked_to: int = 0
    present: Mapping[PeerKey, float] = attrs.field(factory=dict)
    capable: Capable | None = None


def decide_batch(room: Room, commands: Sequence[Command], facts: Facts) -> DecidedBatch:
    """Decide commands in order, each on the room that the previous ones left."""
    before, recalled = room, facts.recalled
    expiry = decide_expired_leases(room, facts.now, facts.limits, facts.present)
    room, writes = expiry.room, list(expiry.writes)
    update_recalled(recalled, expiry.writes)
    outcomes: list[CommandResult | RelayError] = []
    for each in commands:
        command = _with_recalled(each, room, recalled)
        if facts.capable is not None:
            command = facts.capable.complete(command)
        if before.is_empty and speaks(command):
            has_quota = facts.quota.take(room.name)
            command = attrs.evolve(command, has_room_quota=has_quota)
        reading = reading_of(command)
        if isinstance(command, Post) and reading is not None:
            has_unread = facts.unread.get(reading, False)
            command = attrs.evolve(
                command, has_older_unread=has_unread, looked_to=facts.looked_to
            )
        try:
            decision = decide(room, command, facts.now, facts.limits)
        except RelayError as refusal:
            # The traceback would keep this frame alive, and with it the old room.
            outcomes.append(refusal.with_traceback(None))
            continue
        room = decision.room
        writes += decision.writes
        update_recalled(recalled, decision.writes)
        outcomes.append(decision.answer)
    return DecidedBatch(room, tuple(writes), tuple(outcomes))


def seqs_of(room: Room, command: Command) -> set[int]:
    """Return the seqs of the messages that a command refers to.

    The message of a post's first attempt is one of them.
    """
    receipt = find_receipt(room, command) if isinstance(command, Post) else None
    found = {subject_of(command), None if receipt is None else receipt.seq}
    return {seq for seq in found if seq is not None}


def reading_of(command: Command) -> Reading | None:
    """Return sender and cursor of a post that depends on what its sender has read."""
    if not isinstance(command, Post) or command.read_to is None:
        return None
    return peer_key(command.sender), command.read_to


def _with_recalled(
    command: Command, room: Room, recalled: Mapping[int, Message]
) -> Command:
    """Return the command with the messages it refers to, where the room lacks them."""
    if not recalled:
        return command
    older = {
        seq: recalled[seq]
        for seq in seqs_of(room, command)
        if seq in recalled and seq not in room.messages
    }
    if not older:
        return command
    seq = subject_of(command)
    subject = None if seq is None else older.get(seq)
    if isinstance(command, Post):
        receipt = find_receipt(room, command)
        earlier = None if receipt is None else older.get(receipt.seq)
        return attrs.evolve(command, subject=subject, earlier=earlier)
    if isinstance(command, (Claim, Release, Withdraw)):
        return attrs.evolve(command, subject=subject)
    return command


def update_recalled(recalled: dict[int, Message], writes: Sequence[Write]) -> None:
    """Apply the writes of a batch to the recalled messages.

    Messages of the batch itself are added: later ones may push them out of the tail
    before a command refers to them.
    """
    for write in writes:
        if isinstance(write, AppendMessage):
            recalled[write.message.seq] = write.message
        elif isinstance(write, MessageChange):
            message = recalled.get(write.seq)
            if message is not None:
                recalled[write.seq] = write.apply_to(message)


# -- presence of lease holders -----------------------------------------------------


def holders_present(
    room: Room, polls: Subscriptions, batch: Iterable[PendingCommand], now: Instant
) -> Mapping[PeerKey, float]:
    """Return since when the holders of due leases have been present.

    A lease should expire only when its holder goes silent. A holder with an open poll
    is present, and so is one whose command arrived in time and then waited for the
    disk; its lease is renewed as of that time.

    Returns:
        Times on the steady clock, by peer key; absent holders are missing. Empty
        while no lease is due, which is nearly always: nothing is computed then.
    """
    if now.steady_seconds < room.next_lease_deadline:
        return {}
    due = {
        peer_key(lease.holder)
        for lease in room.leases.values()
        if lease.lapses_at <= now.steady_seconds
    }
    present = {peer: polls.since(peer) for peer in due}
    for pending in batch:
        peer = _renewing_peer(pending.command)
        if peer in due:
            present[peer] = min(present[peer], pending.asked_at)
    return present


def _renewing_peer(command: Command) -> PeerKey | None:
    """Return the agent that sent a command, if the command renews its leases."""
    match command:
        case Renew(peer=peer) | Claim(peer=peer):
            return peer_key(peer)
        case Post(sender=sender, kind=kind) if kind.is_peer:
            return peer_key(sender)
        case _:
            return None
