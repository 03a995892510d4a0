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
from argybargy.domain.room.state import expires_ms, lapses_at
from argybargy.domain.room.transition import (
    Decision,
    Transition,
    close_answered_questions,
    open_question,
    record_speaker,
)

# -- import -----------------------------------------------------------------------


def decide_import(draft: Transition, command: Import) -> Decision:
    """Add what is new, leave what is there, and refuse what differs.

    Nothing is changed where one message differs. What is there keeps its claim.
    """
    counted = _compare(draft, command)
    if command.is_trial:
        return draft.decision(counted)
    head = draft.room.head
    if head == 0 and command.speaks and not command.has_room_quota:
        raise RelayError(Problem.ROOM_QUOTA, limit=draft.limits.rooms)
    if not draft.room.exists:
        _make_room(draft, command)
    for imported in command.messages:
        if imported.message.seq > head:
            _add(draft, imported)
    return draft.decision(counted)


def _compare(draft: Transition, command: Import) -> Imported:
    """Count the messages, and check each that has the number of another one."""
    room = draft.room
    new = same = 0
    for imported in command.messages:
        message = imported.message
        if message.seq > room.head:
            if message.at_ms < room.last_ms:
                problem = f"message {message.seq} is older than the one before it"
                raise RelayError.invalid("ts", problem)
            new += 1
            continue
        there = draft.message(message.seq) or command.known.get(message.seq)
        if there is not None and _said(there) != _said(message):
            raise RelayError(Problem.IMPORT_CONFLICT, room=room.name, seq=message.seq)
        same += there is not None
    passed = len(command.messages) - new - same
    return Imported(new, same, passed)


def _said(message: Message) -> Message:
    """Return what never changes about a message."""
    return attrs.evolve(message, claimed_by=None, fence=0, is_claim_final=False)


def _make_room(draft: Transition, command: Import) -> None:
    now_ms = draft.now.wall_ms
    created_ms = now_ms if command.created_ms is None else command.created_ms
    draft.change(
        status=attrs.evolve(command.status, name=draft.room.name),
        created_ms=created_ms,
        last_spoken_ms=created_ms,
    )
    draft.audit("import", command.by)


def _add(draft: Transition, imported: ImportedMessage) -> None:
    message = _said(imported.message)
    holder = imported.message.claimed_by
    if imported.is_leased and draft.room.status.is_closed:
        holder = None  # closing ends the claims that no answer has settled
    if holder is not None and not imported.is_leased:
        message = attrs.evolve(
            message, claimed_by=holder, fence=draft.room.fence + 1, is_claim_final=True
        )
        draft.change(fence=draft.room.fence + 1)
    draft.go_on_after(message.seq - 1)
    draft.append(message)
    if message.kind is not SenderKind.SYSTEM:
        _spoken(draft, message, is_open=imported.is_open)
    if holder is not None and imported.is_leased:
        draft.lease(message, _lease(draft, message, holder))


def _lease(draft: Transition, message: Message, holder: str) -> Lease:
    seconds = draft.limits.lease_seconds or None
    return Lease(
        seq=message.seq,
        holder=holder,
        fence=draft.room.fence + 1,
        seconds=seconds,
        lapses_at=lapses_at(seconds, draft.now),
        expires_ms=expires_ms(seconds, draft.now),
    )


def _spoken(draft: Transition, message: Message, *, is_open: bool) -> None:
    """Let the room know that somebody spoke, then: who, when, and to whom."""
    close_answered_questions(draft, message)
    silence = max(0.0, (draft.now.wall_ms - message.at_ms) / 1000)
    record_speaker(draft, message, draft.now.steady_seconds - silence)
    if is_open:
        open_question(draft, message)


# -- restore ----------------------------------------------------------------------


def decide_restore(draft: Transition, command: Restore) -> Decision:
    """Leave out the numbers that may have been read, and say in the room that it is so.

    A room in which nothing was lost stays as it is. One that was closed since the
    backup is closed: nobody has opened it again.
    """
    room = draft.room
    draft.change(fence=max(room.fence, command.fence))
    if command.status is not None and command.status.is_closed:
        close(draft, command.status)
    if command.head <= room.head:
        return draft.decision(Acknowledged())
    text = _lost(room.head, command)
    draft.go_on_after(command.head)
    at_ms = max(draft.now.wall_ms, room.last_ms, command.last_ms)
    draft.append(
        Message(
            seq=command.head + 1,
            at_ms=at_ms,
            sender=SYSTEM,
            kind=SenderKind.SYSTEM,
            to=TO_ALL,
            text=text,
            expects=NOBODY,
            event=RESTORED,
            heard_ms=draft.now.counted_ms,
        )
    )
    draft.audit("restore", SYSTEM, f"seq={room.head} -> seq={command.head + 1}")
    return draft.decision(Acknowledged())


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
