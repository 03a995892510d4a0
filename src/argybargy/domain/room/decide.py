"""The rules of a room.

Two rules for whoever edits this file or those it calls:

1. Everything that may be refused is refused here, from the command, the room and
   the time alone. No rule looks anything up, so a room task can decide again after
   somebody else has written first, and the answer is right again.
2. A refusal changes nothing. Raise before the first change to the transition.

What a command does to a room is the table below; how, is in the module it names.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey
from argybargy.domain.room.claims import (
    decide_claim,
    decide_release,
    decide_renew,
    end_expired_leases,
)
from argybargy.domain.room.commands import (
    Acknowledged,
    Claim,
    Close,
    Command,
    Dismiss,
    Import,
    Open,
    Post,
    Release,
    Renew,
    Restore,
    Retain,
)
from argybargy.domain.room.import_restore import decide_import, decide_restore
from argybargy.domain.room.open_close import (
    decide_close,
    decide_dismiss,
    decide_open,
    decide_retain,
)
from argybargy.domain.room.posting import decide_post
from argybargy.domain.room.state import Room
from argybargy.domain.room.transition import Decision, Transition

_RULES: Final[dict[type[Any], Callable[[Transition, Any], Decision]]] = {
    Post: decide_post,
    Claim: decide_claim,
    Release: decide_release,
    Renew: decide_renew,
    Open: decide_open,
    Close: decide_close,
    Dismiss: decide_dismiss,
    Retain: decide_retain,
    Import: decide_import,
    Restore: decide_restore,
}


_NOBODY: Final[Mapping[PeerKey, float]] = MappingProxyType({})


def decide(room: Room, command: Command, now: Instant, limits: Limits) -> Decision:
    """Say what `command` comes to in `room`.

    Args:
        room: The room as it stands. :func:`decide_expired_leases` must have ended
            leases that expired before `now`, for all commands but ``Renew``.
        command: What is asked, with the facts it needs.
        now: The time.
        limits: What the relay allows.

    Raises:
        RelayError: The command is refused; the room stays as it is.
    """
    recalled = getattr(command, "subject", None)
    transition = Transition(room, now, limits, recalled)
    return _RULES[type(command)](transition, command)


def decide_expired_leases(
    room: Room, now: Instant, limits: Limits, present: Mapping[PeerKey, float] = _NOBODY
) -> Decision:
    """End leases that have run out, before anything else is decided.

    Ends a bounded number. If `next_lease_deadline` of the room has still passed
    afterwards, call this again.

    Kept apart from :func:`decide` because it must stand even when the command that
    brought it to light is refused.

    Args:
        room: The room as it stands.
        now: The time.
        limits: What the relay allows.
        present: By folded name, since when holders are here, on the steady clock.
            Who came before a lease ran out holds it on, at no cost to the disk.
    """
    transition = Transition(room, now, limits)
    end_expired_leases(transition, present)
    return transition.decision(Acknowledged())
