"""The rules of a room: dispatch from commands to decisions.

Two invariants for changes to this file and the modules it calls:

1. A rule depends only on the command, the room, the time and the limits, and does no
   I/O. Therefore a room task can decide again after a conflicting commit.
2. A rejected command changes nothing. Raise before the first change to the transition.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey
from argybargy.domain.room.calling import decide_call
from argybargy.domain.room.claims import (
    decide_claim,
    decide_release,
    decide_renew,
    end_expired_leases,
)
from argybargy.domain.room.commands import (
    Acknowledged,
    Call,
    Claim,
    Close,
    Command,
    Confirm,
    Delete,
    Dismiss,
    EndCodes,
    Import,
    Open,
    Post,
    Release,
    Renew,
    Restore,
    Retain,
    Undamp,
    Withdraw,
)
from argybargy.domain.room.damped_pairs import decide_undamp
from argybargy.domain.room.deleting import decide_delete
from argybargy.domain.room.import_restore import decide_import, decide_restore
from argybargy.domain.room.open_close import (
    decide_close,
    decide_confirm,
    decide_dismiss,
    decide_end_codes,
    decide_open,
    decide_retain,
)
from argybargy.domain.room.posting import decide_post
from argybargy.domain.room.state import Room
from argybargy.domain.room.transition import Decision, Transition
from argybargy.domain.room.withdrawing import decide_withdraw

_RULES: Final[dict[type[Any], Callable[[Transition, Any], Decision]]] = {
    Post: decide_post,
    Claim: decide_claim,
    Release: decide_release,
    Withdraw: decide_withdraw,
    Undamp: decide_undamp,
    Call: decide_call,
    Renew: decide_renew,
    Confirm: decide_confirm,
    EndCodes: decide_end_codes,
    Open: decide_open,
    Close: decide_close,
    Delete: decide_delete,
    Dismiss: decide_dismiss,
    Retain: decide_retain,
    Import: decide_import,
    Restore: decide_restore,
}


_NONE_PRESENT: Final[Mapping[PeerKey, float]] = MappingProxyType({})


def decide(room: Room, command: Command, now: Instant, limits: Limits) -> Decision:
    """Decide the outcome of `command` in `room`.

    Args:
        room: The current room. :func:`decide_expired_leases` must have ended leases
            that expired before `now`, for all commands but ``Renew``.
        command: The command.
        now: The current time.
        limits: The limits of the relay.

    Raises:
        RelayError: The command is rejected and has no effect.
    """
    recalled = getattr(command, "subject", None)
    transition = Transition(room, now, limits, recalled)
    return _RULES[type(command)](transition, command)


def decide_expired_leases(
    room: Room,
    now: Instant,
    limits: Limits,
    present: Mapping[PeerKey, float] = _NONE_PRESENT,
) -> Decision:
    """End expired leases, before a command is decided.

    Ends a bounded number. If `next_lease_deadline` of the room has still passed
    afterwards, call this again.

    Separate from :func:`decide`, because leases end even if the next command is
    rejected.

    Args:
        room: The current room.
        now: The current time.
        limits: The limits of the relay.
        present: The holders that are present, each with the time since when, on the
            steady clock. A holder present since before the deadline keeps its lease.
    """
    transition = Transition(room, now, limits)
    end_expired_leases(transition, present)
    return transition.decision(Acknowledged())
