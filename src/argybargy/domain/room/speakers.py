"""Record who has spoken in a room."""

from argybargy.domain.instant import Instant
from argybargy.domain.message import Member, Message
from argybargy.domain.room.transition import Transition


def speaking_member(message: Message, known: Member | None, now: Instant) -> Member:
    """Return the sender of a message as a member.

    Args:
        message: The message.
        known: The member before; ``None`` if the sender was none. Its spelling stays.
        now: The present time.
    """
    name = known.name if known else message.sender
    heard_ms = now.heard_at(message.at_ms, message.heard_ms)
    return Member(name, message.kind, message.seq, message.at_ms, heard_ms)


def record_speaker(
    transition: Transition, message: Message, quiet_since: float
) -> None:
    """Record the sender as a member, and the end of the silence in the room.

    Args:
        transition: The decision in the making.
        message: The new message.
        quiet_since: The time of the message on the steady clock, in seconds.
    """
    members = transition.room.members
    known = members.get(message.sender_key)
    member = speaking_member(message, known, transition.now)
    transition.change(
        # A timestamp may be ahead of the clock; silence must not start in the future.
        last_spoken_ms=min(message.at_ms, transition.now.wall_ms),
        quiet_since=quiet_since,
        members=members.insert(message.sender_key, member),
    )
