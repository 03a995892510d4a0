"""Rule of deleting a room.

The numbers outlive the room: one that is created under the same name later continues
after the last seq, fence and timestamp, so that no number is given twice.
"""

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.room.commands import Delete, Deleted
from argybargy.domain.room.transition import Decision, Transition
from argybargy.domain.seq_gaps import count_messages


def decide_delete(transition: Transition, command: Delete) -> Decision:
    """Delete the room, which must be closed."""
    room = transition.room
    if not room.exists:
        raise RelayError(Problem.ROOM_NOT_FOUND)
    if not room.status.is_closed:
        raise RelayError(Problem.ROOM_OPEN, room=room.name)
    messages = count_messages(room.first, room.head, room.seq_gaps)
    detail = f"{messages} messages, {command.codes} codes"
    transition.clear()
    transition.audit("room_delete", command.by, detail)
    # A room with writes exists, but for this one.
    return Decision(transition.room, tuple(transition.writes), Deleted(messages))
