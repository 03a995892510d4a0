"""A relay with one defect, to show that the proof of that promise can fail.

Started as ``python broken_relay.py <promise> serve``.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import trio

from argybargy.cli.main import main
from argybargy.domain.message import Message
from argybargy.domain.room import decide, posting
from argybargy.domain.room.commands import Claim
from argybargy.relay.relay import Relay
from argybargy.relay.room.subscriptions import Subscriptions
from argybargy.relay.room.task import LiveRoom
from argybargy.store.errors import StoreError
from argybargy.web.endpoints import dispatch

Anything = Any
"""Patches have the type of the original, which mypy cannot know."""


def forget_some_commits() -> None:
    """Acknowledge a batch without storing it, once in a while."""
    commit, numbers = LiveRoom._commit, itertools.count(1)

    async def sometimes(self: LiveRoom, trial: Anything) -> int:
        if next(numbers) % 50 == 0:
            return self.room.version
        return await commit(self, trial)

    setattr(LiveRoom, "_commit", sometimes)  # noqa: B010


def skip_numbers() -> None:
    """Leave out one number in ten, for its reader too."""
    compose = posting._compose

    def skipping(
        post: Anything, seq: int, at_ms: int, heard_ms: int | None = None
    ) -> Message:
        return compose(post, seq + (seq % 10 == 0), at_ms, heard_ms)

    posting._compose = skipping


def miss_wakings() -> None:
    """Wake nobody for one message in seven."""
    wake, numbers = Subscriptions.wake_addressed, itertools.count(1)

    def sometimes(self: Subscriptions, message: Message) -> None:
        if next(numbers) % 7:
            wake(self, message)

    setattr(Subscriptions, "wake_addressed", sometimes)  # noqa: B010


def forget_keys() -> None:
    """Take every retry for a new post."""
    setattr(posting, "_earlier", lambda _draft, _post: None)  # noqa: B010


def let_everybody_win() -> None:
    """Grant a claim even if another peer holds the question."""
    rules: Anything = decide._RULES
    grant = rules[Claim]

    def always(draft: Anything, claim: Anything) -> object:
        draft.change(leases=draft.room.leases.discard(claim.seq))
        return grant(draft, claim)

    rules[Claim] = always


def die_of_odd_bytes() -> None:
    """End the process when a code is not ASCII."""
    doors: Anything = dispatch
    known = doors.require_agent

    def fatal(services: Anything, request: Anything) -> Anything:
        if not (request.header(b"authorization") or "").isascii():
            os._exit(9)
        return known(services, request)

    doors.require_agent = fatal


def hold_the_loop() -> None:
    """Block the event loop for a while at each request of the hostile agent."""
    doors: Anything = dispatch
    known = doors.require_agent

    def slow(services: Anything, request: Anything) -> Anything:
        code = known(services, request)
        if code.name == "eve":
            time.sleep(2.2)
        return code

    doors.require_agent = slow


def hold_memory() -> None:
    """Allocate half a gigabyte."""
    setattr(sys, "held", b"x" * 500_000_000)  # noqa: B010


def leave_at_once() -> None:
    """Answer no parked poll at shutdown."""
    setattr(Relay, "drain", lambda _self: os._exit(0))  # noqa: B010


def lie_about_trouble() -> None:
    """Answer 200 although the store has refused."""
    commit = LiveRoom._commit

    async def lying(self: LiveRoom, trial: Anything) -> int:
        try:
            return await commit(self, trial)
        except StoreError:
            return self.room.version

    setattr(LiveRoom, "_commit", lying)  # noqa: B010


def show_everything() -> None:
    """Let everybody see every message of the room."""
    setattr(Message, "is_visible_to", lambda _self, _reader: True)  # noqa: B010


def log_codes() -> None:
    """Log the presented code."""
    doors: Anything = dispatch
    known = doors.require_agent

    def talking(services: Anything, request: Anything) -> Anything:
        sys.stderr.write(f"seen: {request.header(b'authorization')}\n")
        return known(services, request)

    doors.require_agent = talking


def trust_own_cursors() -> None:
    """Take a cursor that another relay has handed out for one beyond the head."""

    async def at_once(_self: LiveRoom) -> None:
        await trio.lowlevel.checkpoint()

    setattr(LiveRoom, "confirm", at_once)  # noqa: B010
    setattr(LiveRoom, "hear", lambda _self, _version, _commit: None)  # noqa: B010


def refuse_on_old_rooms() -> None:
    """Refuse claims by what this relay knows, though another may know better."""

    async def at_once(_self: LiveRoom) -> None:
        await trio.lowlevel.checkpoint()

    setattr(LiveRoom, "_confirm_unwritten", at_once)  # noqa: B010
    setattr(LiveRoom, "hear", lambda _self, _version, _commit: None)  # noqa: B010


DEFECTS: dict[str, Callable[[], None]] = {
    "G1": forget_some_commits,
    "G2": skip_numbers,
    "G3": miss_wakings,
    "G4": forget_keys,
    "G5": let_everybody_win,
    "G6": die_of_odd_bytes,
    "hostile": hold_the_loop,
    "G7": hold_memory,
    "G8": leave_at_once,
    "G9": lie_about_trouble,
    "G10": show_everything,
    "G11": log_codes,
    "G3 of two": trust_own_cursors,
    "G5 of two": refuse_on_old_rooms,
}


if __name__ == "__main__":
    DEFECTS[sys.argv.pop(1)]()
    main()
