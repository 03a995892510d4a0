"""Read messages: ``read`` and ``wait``.

A message counts as handed over once it is written to standard output. The next poll
begins after it, which acknowledges it. A command that is killed between the two hands
the message over once more.
"""

import argparse
import re
from typing import Final
from urllib.parse import urlencode

from argybargy.agent.ear_lock import EarHolder, hold_ear_lock
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Entry, Page, split_entries
from argybargy.agent.process import Process
from argybargy.agent.relay_client import WAIT_SECONDS, RelayAway, RelayClient
from argybargy.agent.seat import Seat, choose_seat

MOST_PAGES: Final = 20
"""Pages that one command reads; the next command goes on."""
SETTLE_SECONDS: Final = 0.4
"""Time to gather more messages after the one that ends a wait."""
AWAY_SECONDS: Final = 60.0
"""Time that `wait` goes on without a relay that was there before."""
_LONGEST_PAUSE_SECONDS: Final = 15.0
_PAGE_MESSAGES: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_RANGE: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


def client_of(seat: Seat) -> RelayClient:
    """Return a client for a seat's relay, with its code.

    Raises:
        AgentError: The files of the seat are missing or damaged.
    """
    return RelayClient(seat.facts().base, seat.code())


def read(process: Process, options: argparse.Namespace) -> Exit:
    """Print new messages, one message with its replies, or a range.

    Raises:
        AgentError: The relay refuses or is away, or the argument is invalid.
    """
    seat = choose_seat(process, options.seat)
    wanted = options.which
    if wanted == "new":
        _read_new(process, seat)
    elif _NUMBER.fullmatch(wanted):
        answer = client_of(seat).ask("GET", f"/messages/{int(wanted)}")
        process.write(answer.text)
    elif found := _RANGE.fullmatch(wanted):
        process.write(_range_text(client_of(seat), int(found[1]), int(found[2])))
    else:
        hint = "argy read, argy read 41, or argy read 9-20"
        text = "'read' takes 'new', a number, or two numbers."
        raise AgentError(text, hint, Exit.USAGE)
    return Exit.OK


def _read_new(process: Process, seat: Seat) -> None:
    client = client_of(seat)
    for _ in range(MOST_PAGES):
        page = _next_page(client, seat)
        tell(process, seat, page)
        if not page.has_more:
            return
    process.write("more: argy read")


def _next_page(client: RelayClient, seat: Seat) -> Page:
    """Poll for the messages that were not handed over yet."""
    state = seat.state()
    since = "resume" if state.told is None else str(state.told)
    query = urlencode({"since": since, "wait": 0})
    page = client.ask("GET", f"/messages?{query}").page()
    return page.without(state.seen)


def tell(process: Process, seat: Seat, page: Page) -> None:
    """Write a page, then note that it was handed over.

    The lock of the seat is not held while the relay or the reader of the output is
    slow: an ear that waited for it would end.
    """
    process.write(page.text)
    with seat.locked(process):
        state = seat.state()._replace(told=page.cursor, handed=page.cursor)
        seat.save_state(state._replace(seen=()) if page.is_reset else state)
        clear_spool(seat)


def clear_spool(seat: Seat) -> None:
    """Empty the spool: an agent that reads has read these messages too."""
    from argybargy.agent.spool import Spool  # noqa: PLC0415 - only if there is one

    if seat.spool_path.exists():
        Spool(seat.spool_path).drop_through(seat.state().told or 0)


def _range_text(client: RelayClient, first: int, last: int) -> str:
    """Return the messages of a range, oldest first."""
    found: list[Entry] = []
    before = last + 1
    for _ in range(MOST_PAGES):
        query = f"before={before}&limit={_PAGE_MESSAGES}"
        entries = split_entries(client.ask("GET", f"/history?{query}").text)
        found[:0] = [each for each in entries if each.number >= first]
        if not entries or entries[0].number <= first:
            break
        before = entries[0].number
    else:
        found.insert(0, Entry(first, f"more: argy read {first}-{before - 1}"))
    return "\n".join(entry.text for entry in found)


def wait(process: Process, options: argparse.Namespace) -> Exit:
    """Wait for messages and print them.

    Raises:
        AgentError: The relay refuses or is away.
    """
    seat = choose_seat(process, options.seat)
    client = client_of(seat)
    with hold_ear_lock(process, seat, EarHolder("wait")):
        return _wait(process, options, seat, client)


def _wait(
    process: Process, options: argparse.Namespace, seat: Seat, client: RelayClient
) -> Exit:
    end = None if options.timeout is None else process.now() + options.timeout
    waiting = _Waiting(process, end)
    while True:
        left = WAIT_SECONDS if end is None else max(0.0, end - process.now())
        seconds = min(WAIT_SECONDS, left)
        try:
            page = _poll(client, seat, options.hear, seconds)
        except RelayAway as error:
            if not waiting.may_go_on(error):
                raise
            continue
        waiting.note_answer()
        if page.text:
            tell(process, seat, page)
            return Exit.CLOSED if page.leave else Exit.OK
        if page.cursor != seat.state().told:
            with seat.locked(process):
                state = seat.state()._replace(told=page.cursor)
                seat.save_state(state._replace(seen=()) if page.is_reset else state)
        if end is not None and process.now() >= end:
            return Exit.TIMEOUT


def _poll(client: RelayClient, seat: Seat, hear: str, seconds: float) -> Page:
    told = seat.state().told
    fields = {
        "since": "resume" if told is None else str(told),
        "wait": f"{seconds:.2f}",
        "wake": hear,
        "settle": SETTLE_SECONDS,
    }
    target = f"/messages?{urlencode(fields)}"
    page = client.ask("GET", target, wait_seconds=seconds or 1).page()
    return page.without(seat.state().seen)


class _Waiting:
    """Pauses between attempts while the relay is away."""

    def __init__(self, process: Process, end: float | None) -> None:
        self.process = process
        self.end = end
        self.away_since: float | None = None
        self.pause = 1.0
        self.was_there = False

    def note_answer(self) -> None:
        """Note that the relay answered."""
        self.was_there, self.away_since, self.pause = True, None, 1.0

    def may_go_on(self, error: RelayAway) -> bool:
        """Sleep before the next attempt; return False if it is time to give up.

        A relay that was never there is more likely a wrong address than a restart.
        """
        now = self.process.now()
        if self.away_since is None:
            self.away_since = now
        pause = max(self.pause, error.seconds)
        is_over = self.end is not None and now + pause >= self.end
        is_long = now + pause - self.away_since > AWAY_SECONDS
        if is_over or is_long or not (self.was_there or error.seconds):
            return False
        self.process.sleep(pause)
        self.pause = min(2 * self.pause, _LONGEST_PAUSE_SECONDS)
        return True
