"""What has happened elsewhere: messages of another relay, and a restored backup.

A number says the same to every reader for ever. So an imported message keeps its
number, or is refused where another message has it; and a room that comes out of a
backup leaves out every number that may have been read since.
"""

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import (
    RESTORED,
    TO_ALL,
    Lease,
    Message,
    SenderKind,
)
from argybargy.domain.names import NOBODY, SYSTEM
from argybargy.domain.room.commands import (
    Acknowledged,
    Import,
    Imported,
    ImportedMessage,
    Restore,
)
from argybargy.domain.room.open_close import close
from argybargy.domain.room.transition import (
    Decision,
    Transition,
    close_answered_questions,
    open_question,
    record_speaker,
)

# -- import -----------------------------------------------------------------------


def decide_import(transition: Transition, command: Import) -> Decision:
    """Add what is new, leave what is there, and refuse what differs.

    Nothing is changed where one message differs. What is there keeps its claim.
    """
    counted = _compare(transition, command)
    if command.is_trial:
        return transition.decision(counted)
    head = transition.room.head
    if head == 0 and command.speaks and not command.has_room_quota:
        raise RelayError(Problem.ROOM_QUOTA, limit=transition.limits.rooms)
    if not transition.room.exists:
        _make_room(transition, command)
    for imported in command.messages:
        if imported.message.seq > head:
            _add(transition, imported)
    return transition.decision(counted)


def _compare(transition: Transition, command: Import) -> Imported:
    """Count the messages, and check each that has the number of another one."""
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
        there = transition.message(message.seq) or command.known.get(message.seq)
        if there is not None and there.without_claim() != message.without_claim():
            raise RelayError(Problem.IMPORT_CONFLICT, room=room.name, seq=message.seq)
        same += there is not None
    passed = len(command.messages) - new - same
    return Imported(new, same, passed)


def _make_room(transition: Transition, command: Import) -> None:
    now_ms = transition.now.wall_ms
    created_ms = now_ms if command.created_ms is None else command.created_ms
    transition.change(
        status=attrs.evolve(command.status, name=transition.room.name),
        created_ms=created_ms,
        last_spoken_ms=created_ms,
    )
    transition.audit("import", command.by)


def _add(transition: Transition, imported: ImportedMessage) -> None:
    message = imported.message.without_claim()
    holder = imported.message.claimed_by
    if imported.is_leased and transition.room.status.is_closed:
        holder = None  # closing ends the claims that no answer has settled
    if holder is not None and not imported.is_leased:
        message = message.with_claim(
            holder, transition.room.fence + 1, is_claim_final=True
        )
        transition.change(fence=transition.room.fence + 1)
    transition.go_on_after(message.seq - 1)
    transition.append(message)
    if message.kind is not SenderKind.SYSTEM:
        _spoken(transition, message, is_open=imported.is_open)
    if holder is not None and imported.is_leased:
        transition.lease(message, _lease(transition, message, holder))


def _lease(transition: Transition, message: Message, holder: str) -> Lease:
    seconds = transition.limits.lease_seconds or None
    return Lease.granted(
        message.seq, holder, transition.room.fence + 1, seconds, transition.now
    )


def _spoken(transition: Transition, message: Message, *, is_open: bool) -> None:
    """Let the room know that somebody spoke, then: who, when, and to whom."""
    close_answered_questions(transition, message)
    silence = max(0.0, (transition.now.wall_ms - message.at_ms) / 1000)
    record_speaker(transition, message, transition.now.steady_seconds - silence)
    if is_open:
        open_question(transition, message)


# -- restore ----------------------------------------------------------------------


def decide_restore(transition: Transition, command: Restore) -> Decision:
    """Leave out the numbers that may have been read, and say in the room that it is so.

    A room in which nothing was lost stays as it is. One that was closed since the
    backup is closed: nobody has opened it again.
    """
    room = transition.room
    transition.change(fence=max(room.fence, command.fence))
    if command.status is not None and command.status.is_closed:
        close(transition, command.status)
    if command.head <= room.head:
        return transition.decision(Acknowledged())
    text = _lost(room.head, command)
    transition.go_on_after(command.head)
    at_ms = max(transition.now.wall_ms, room.last_ms, command.last_ms)
    transition.append(
        Message(
            seq=command.head + 1,
            at_ms=at_ms,
            sender=SYSTEM,
            kind=SenderKind.SYSTEM,
            to=TO_ALL,
            text=text,
            expects=NOBODY,
            event=RESTORED,
            heard_ms=transition.now.counted_ms,
        )
    )
    transition.audit("restore", SYSTEM, f"seq={room.head} -> seq={command.head + 1}")
    return transition.decision(Acknowledged())


def _lost(head: int, command: Restore) -> str:
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
