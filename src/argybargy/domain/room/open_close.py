"""Rules of opening and closing rooms, dismissing peers and applying retention."""

from typing import Final

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import peer_key
from argybargy.domain.room.claims import MAX_ENDED_AT_ONCE, release_claim
from argybargy.domain.room.commands import (
    Acknowledged,
    Close,
    Confirm,
    Dismiss,
    EndCodes,
    Open,
    Retain,
)
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.transition import Decision, Transition
from argybargy.domain.room.withdrawing import withdraw_all

MAX_GIVEN_UP_AT_ONCE: Final = 1_000
"""Maximum messages that one `Retain` drops: a decision blocks other tasks."""


def decide_confirm(transition: Transition, _command: Confirm) -> Decision:
    """Change nothing: the room task confirms what it answers without a commit."""
    return transition.decision(Acknowledged())


def decide_end_codes(transition: Transition, command: EndCodes) -> Decision:
    """Write down that codes have ended; without the room, its codes have too."""
    if transition.room.exists:
        transition.tell_codes_ended(command.key_ids)
    return transition.decision(Acknowledged())


def decide_open(transition: Transition, command: Open) -> Decision:
    """Open the room. An open room is unchanged."""
    room = transition.room
    if not room.exists and not command.may_create:
        raise RelayError(Problem.ROOM_NOT_FOUND)
    if not room.exists or room.status.is_closed:
        transition.change(
            status=RoomStatus(room.name),
            last_spoken_ms=transition.now.wall_ms,
            quiet_since=transition.now.steady_seconds,
        )
        transition.audit(command.action, command.by)
    return transition.decision(Acknowledged())


def decide_close(transition: Transition, command: Close) -> Decision:
    """Close the room and end every claim without an answer.

    A closed room is unchanged and keeps the author and time of its closing.
    """
    room = transition.room
    if not room.exists:
        raise RelayError(Problem.ROOM_NOT_FOUND)
    if not room.status.is_closed:
        at_ms = max(transition.now.wall_ms, room.last_ms)
        status = RoomStatus(room.name, at_ms, command.by)
        close(transition, status)
        transition.audit("room_close", command.by, status.closed_at or "")
    return transition.decision(Acknowledged())


def close(transition: Transition, status: RoomStatus) -> None:
    """Close an open room with `status`, and end every claim without an answer."""
    room = transition.room
    if room.status.is_closed:
        return
    for lease in sorted(room.leases.values(), key=lambda lease: lease.seq):
        transition.unclaim(lease.seq)
    transition.change(status=attrs.evolve(status, name=room.name))


def decide_dismiss(transition: Transition, dismiss: Dismiss) -> Decision:
    """Remove a peer: release its claims and withdraw its questions.

    Releases a bounded number of claims. The result is partial, and the peer remains,
    until a repeated dismissal has released the last one.
    """
    peer = peer_key(dismiss.peer)
    for lease in transition.room.leases_of(peer)[:MAX_ENDED_AT_ONCE]:
        release_claim(transition, lease)
    if transition.room.leases_of(peer):
        return transition.decision(Acknowledged(is_partial=True))
    withdraw_all(transition, peer, dismiss.peer)
    transition.forget_member(peer)
    return transition.decision(Acknowledged())


def decide_retain(transition: Transition, _command: Retain) -> Decision:
    """Drop messages that exceed a lowered retention limit."""
    transition.give_up(MAX_GIVEN_UP_AT_ONCE)
    return transition.decision(Acknowledged())
