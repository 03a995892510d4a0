"""Rules of importing messages of another relay and of restoring a backup.

A seq never denotes two messages. So an imported message keeps its seq and is rejected
if another message has it, and a restored room skips all seqs that a reader may have
seen since the backup.
"""

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import (
    RESTORED,
    TO_ALL,
    Lease,
    Message,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.names import SYSTEM
from argybargy.domain.room.commands import (
    Acknowledged,
    Import,
    Imported,
    ImportedMessage,
    Restore,
)
from argybargy.domain.room.open_close import close
from argybargy.domain.room.speakers import record_speaker
from argybargy.domain.room.transition import Decision, Transition
from argybargy.domain.room.withdrawing import open_question

# -- import -----------------------------------------------------------------------


def decide_import(transition: Transition, command: Import) -> Decision:
    """Add new messages, keep equal ones, and reject the import if any differs.

    Existing messages keep their claims, but an open question that has been answered or
    withdrawn since is so here, too.

    Raises:
        RelayError: ``import_conflict``, ``room_quota`` or ``invalid_request``; nothing
            was changed.
    """
    counted = _compare(transition, command)
    if command.is_trial:
        return transition.decision(counted)
    head, is_empty = transition.room.head, transition.room.is_empty
    if is_empty and command.speaks and not command.has_room_quota:
        raise RelayError(Problem.ROOM_QUOTA, limit=transition.limits.rooms)
    if not transition.room.exists:
        _create_room(transition, command)
    for imported in command.messages:
        if imported.message.seq > head:
            _add(transition, imported)
        elif imported.message.seq in transition.room.questions:
            _follow(transition, imported)
    return transition.decision(counted)


def _compare(transition: Transition, command: Import) -> Imported:
    """Count the messages, and raise if one differs from the message with its seq."""
    room = transition.room
    new = same = 0
    for imported in command.messages:
        message = imported.message
        if message.seq > room.head:
            if message.at_ms < room.last_ms:
                problem = f"message {message.seq} is older than the one before it"
                raise RelayError.invalid("ts", problem)
            new += 1
            continue
        existing = transition.message(message.seq) or command.known.get(message.seq)
        if existing is not None and (
            existing.immutable_part() != message.immutable_part()
        ):
            raise RelayError(Problem.IMPORT_CONFLICT, room=room.name, seq=message.seq)
        same += existing is not None
    passed = len(command.messages) - new - same
    return Imported(new, same, passed)


def _create_room(transition: Transition, command: Import) -> None:
    now_ms = transition.now.wall_ms
    created_ms = now_ms if command.created_ms is None else command.created_ms
    transition.change(
        status=attrs.evolve(command.status, name=transition.room.name),
        created_ms=created_ms,
        last_spoken_ms=created_ms,
    )
    transition.audit("import", command.by)


def _add(transition: Transition, imported: ImportedMessage) -> None:
    message, holder = imported.message.without_claim(), imported.message.claimed_by
    is_open = message.is_question and imported.is_open
    if message.is_question and not is_open:
        message = message.with_resolution(_end_of(imported))
    if holder is not None and not is_open:
        transition.change(fence=transition.room.fence + 1)
        message = message.with_claim(holder, transition.room.fence, is_claim_final=True)
    transition.go_on_after(message.seq - 1)
    transition.append(message)
    if message.kind is not SenderKind.SYSTEM:
        silence = max(0.0, (transition.now.wall_ms - message.at_ms) / 1000)
        record_speaker(transition, message, transition.now.steady_seconds - silence)
    if not is_open:
        return
    open_question(transition, message, tells_holders=False)
    # Closing a room ends the claims on open questions.
    is_leased = imported.is_leased and not transition.room.status.is_closed
    if holder is not None and is_leased:
        transition.lease(message, _lease(transition, message, holder))


def _end_of(imported: ImportedMessage) -> Resolution:
    """Return the end of a question that is not open, as far as it is known."""
    message = imported.message
    return message.resolution or Resolution(
        ResolutionKind.ANSWERED, message.claimed_by or "", message.at_ms
    )


def _follow(transition: Transition, imported: ImportedMessage) -> None:
    """End an open question of the room that the other relay knows to have ended."""
    message = imported.message
    if imported.is_open or not message.is_question:
        return
    transition.resolve(message.seq, _end_of(imported))
    if message.claimed_by is not None:
        fence = transition.room.fence + 1
        transition.finalize_claim(message.seq, message.claimed_by, fence)
    elif message.seq in transition.room.leases:
        transition.unclaim(message.seq)


def _lease(transition: Transition, message: Message, holder: str) -> Lease:
    limits, fence = transition.limits, transition.room.fence + 1
    mine = message.seq, holder, fence, limits.lease_seconds or None
    return Lease.granted(*mine, transition.now, late_share=limits.renewal_share)


# -- restore ----------------------------------------------------------------------


def decide_restore(transition: Transition, command: Restore) -> Decision:
    """Skip the seqs that may have been read, and announce the loss in the room.

    A room without loss is unchanged. A room closed since the backup is closed again.
    """
    room = transition.room
    transition.change(fence=max(room.fence, command.fence))
    if command.status is not None and command.status.is_closed:
        close(transition, command.status)
    if command.head <= room.head:
        return transition.decision(Acknowledged())
    text = _loss_text(room.head, command)
    transition.go_on_after(command.head)
    transition.announce(RESTORED, TO_ALL, text, not_before_ms=command.last_ms)
    transition.audit("restore", SYSTEM, f"seq={room.head} -> seq={command.head + 1}")
    return transition.decision(Acknowledged())


def _loss_text(head: int, command: Restore) -> str:
    lost = command.head - head
    if command.is_certain:
        what = (
            f"Message {head + 1} is lost"
            if lost == 1
            else f"{lost} messages, {head + 1} to {command.head}, are lost"
        )
    else:
        what = f"What was said after message {head}, if anything was, is lost"
    return (
        f"This room was restored from a backup. {what}. Whoever said or claimed "
        f"something then may do it again; the next message is {command.head + 2}."
    )
