"""The rules of a room.

Two rules for whoever edits this file or those it calls:

1. Everything that may be refused is refused here, from the command, the room and
   the time alone. No rule looks anything up, so a room task can decide again after
   somebody else has written first, and the answer is right again.
2. A refusal changes nothing. Raise before the first change to the draft.

What a command does to a room is the table below; how, is in the module it names.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from argybargy.domain.instant import Moment
from argybargy.domain.limits import Limits
from argybargy.domain.room.claims import (
    decide_claim,
    decide_release,
    decide_renew,
    lapse,
)
from argybargy.domain.room.commands import (
    Claim,
    Close,
    Command,
    Dismiss,
    Done,
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
from argybargy.domain.room.transition import Decision, Draft

_RULES: Final[dict[type[Any], Callable[[Draft, Any], Decision]]] = {
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


_NOBODY: Final[Mapping[str, float]] = MappingProxyType({})


def decide(room: Room, command: Command, now: Moment, limits: Limits) -> Decision:
    """Say what `command` comes to in `room`.

    Args:
        room: The room as it stands. Leases that have run out by `now` must have
            been ended before, by :func:`decide_lapses`, for all but a ``Renew``.
        command: What is asked, with the facts it needs.
        now: The time.
        limits: What the relay allows.

    Raises:
        RelayError: The command is refused; the room stays as it is.
    """
    recalled = getattr(command, "subject", None)
    draft = Draft(room, now, limits, recalled)
    return _RULES[type(command)](draft, command)


def decide_lapses(
    room: Room, now: Moment, limits: Limits, present: Mapping[str, float] = _NOBODY
) -> Decision:
    """End leases that have run out, before anything else is decided.

    Of very many it ends some: then `lapse_at` of the room has still come, and this
    must be decided again.

    Kept apart from :func:`decide` because it must stand even when the command that
    brought it to light is refused.

    Args:
        room: The room as it stands.
        now: The time.
        limits: What the relay allows.
        present: By folded name, since when holders are here, on the steady clock.
            Who came before a lease ran out holds it on, at no cost to the disk.
    """
    draft = Draft(room, now, limits)
    lapse(draft, present)
    return draft.decision(Done())
