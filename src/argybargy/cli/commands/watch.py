"""The command that follows rooms live."""

from collections.abc import Callable, Iterator
from typing import Annotated, Final, assert_never
from urllib.parse import quote

import attrs

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_block import MessagePrinter
from argybargy.cli.commands.message_line import Said
from argybargy.cli.commands.watch_events import (
    ClaimChange,
    Event,
    Follower,
    QuestionEnd,
    Restart,
    RoomChange,
    RoomDeletion,
    Stretch,
)
from argybargy.cli.environment import Environment, Machine
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER, ONELINE
from argybargy.cli.terminal.output import Output, Span, Style
from argybargy.system.values import define, frozen

_PATH: Final = "/admin/stream"
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0
_GIVE_UP_SECONDS: Final = 60.0
"""Retries end with exit code 7 after this time without a frame."""
_SILENCE_SECONDS: Final = 40.0
"""Timeout of a read: longer than two intervals of the relay's keepalive."""
_LEAVING_SECONDS: Final = 0.02
"""Time for a reader such as 'head -1' to exit, so that watch notices and exits."""
_LEAST_PATIENCE_SECONDS: Final = 0.01
_PAGE_MESSAGES: Final = 100
_PASSING: Final = frozenset({Exit.UNREACHABLE, Exit.FAILED})
"""Errors worth a retry: no answer, or a busy relay."""


def watch(
    env: Environment,
    room: str | None = None,
    *,
    since: Annotated[int | None, INTEGER] = None,
    once: bool = False,
    timeout: float | None = None,
    oneline: Annotated[bool | None, ONELINE] = None,
) -> int:
    """Follow one room or all rooms live.

    It prints messages as 'argybargy history' does, reconnects, and continues after the
    last message shown. Exit codes: 6 when the followed room is closed, 3 at the
    timeout, 7 when the relay was unreachable for a minute, 130 at Ctrl+C. With --json
    every line is an object whose 'type' is message, claim, answered, withdrawn, gap,
    room_closed, room_reopened, room_deleted or room_restarted; after room_restarted,
    all messages of the room follow as new.

    Example: argybargy watch review --since 0 --once --timeout 5

    Args:
        room: The room. Default: all rooms.
        since: Start after this message number; older messages come first.
        once: Exit after the first messages.
        timeout: Exit after this many seconds, with exit code 3.
        oneline: Whether each message is one line.
    """
    _check(room, since, timeout)
    machine = env.machine
    watch = _Watch(
        out=env.output,
        machine=machine,
        printer=MessagePrinter.of(env, oneline, has_room=room is None),
        connect=env.connector(),
        follower=Follower(room, since),
        is_once=once,
        end=None if timeout is None else machine.now() + timeout,
        last_contact=machine.now(),
    )
    return watch.run()


def _check(room: str | None, since: int | None, timeout: float | None) -> None:
    if room is not None:
        check_room(room)
    elif since is not None:
        text = "--since needs a room: every room numbers its own messages."
        raise CliError(text, "For example: argybargy watch ROOM --since 0", Exit.USAGE)
    if since is not None and since < 0:
        raise CliError("--since must be 0 or more.", code=Exit.USAGE)
    if timeout is not None and not 0 < timeout < float("inf"):
        raise CliError("--timeout must be more than 0 seconds.", code=Exit.USAGE)


@define
class _Watch:
    """One run of ``watch``: connection, back-off and output.

    The mutable state is the time of the last frame and the back-off of the next retry.
    """

    out: Output
    machine: Machine
    printer: MessagePrinter
    connect: Callable[[], LiveOperator]
    follower: Follower
    is_once: bool
    end: float | None
    last_contact: float
    _pause: float = _FIRST_PAUSE_SECONDS
    _has_begun: bool = False
    _is_lost: bool = False
    _is_fed: bool = False

    def run(self) -> int:
        """Follow until there is a reason to exit; return the exit code."""
        relay: LiveOperator | None = self.connect()
        while True:
            try:
                # Resolve the relay again for each retry: another program may listen
                # on the port by now, and must not get the admin token.
                code = self._follow(relay or self.connect())
                if code is not None:
                    return code
                why = "the relay is stopping"
            except CliError as error:
                if self._is_over():
                    return Exit.NOTHING
                self._may_pass(error)
                why = error.text
            relay = None
            self._wait(why)

    def _is_over(self) -> bool:
        return self.end is not None and self.machine.now() >= self.end

    def _patience(self) -> float:
        if self.end is None:
            return _SILENCE_SECONDS
        left = max(_LEAST_PATIENCE_SECONDS, self.end - self.machine.now())
        return min(_SILENCE_SECONDS, left)

    # -- connections --------------------------------------------------------------

    def _may_pass(self, error: CliError) -> None:
        """Raise an error that a retry does not help with, or that lasts too long."""
        if error.code not in _PASSING:
            raise error
        if self.machine.now() - self.last_contact >= _GIVE_UP_SECONDS:
            raise CliError(error.text, error.hint, Exit.UNREACHABLE)

    def _wait(self, why: str) -> None:
        if not self._is_lost:
            self.out.say(f"Lost the relay ({why}); reconnecting.")
            self._is_lost = True
        pause = self._pause
        if self.end is not None:
            pause = max(0.0, min(pause, self.end - self.machine.now()))
        self.machine.sleep(pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def _note_contact(self) -> None:
        if not self._has_begun:
            what = self.follower.room or "all rooms"
            self.out.say(f"Following {what}. Ctrl+C ends it.")
        elif self._is_lost:
            self.out.say("Reconnected.")
        self._has_begun, self._is_lost = True, False
        self._pause = _FIRST_PAUSE_SECONDS
        self.last_contact = self.machine.now()

    def _follow(self, relay: LiveOperator) -> int | None:
        """Print the events of one connection; return ``None`` if the relay ends it."""
        with relay.stream(_PATH, self.follower.request, self._patience) as frames:
            for frame in frames:
                code = self._take(relay, frame)
                if code is not None:
                    return code
                # A relay that fails after each hello must not reset the back-off.
                if frame.get("type") != "hello":
                    self._note_contact()
                self.out.check_reader(_LEAVING_SECONDS)
        return None

    # -- what comes ---------------------------------------------------------------

    def _take(self, relay: LiveOperator, frame: Json) -> int | None:
        for event in self.follower.take(frame):
            self._show(relay, event)
            is_end = isinstance(event, RoomDeletion) or (
                isinstance(event, RoomChange) and event.is_closed
            )
            if is_end and self.follower.room is not None:
                return Exit.LOST
        if self.is_once and self._is_fed:
            return Exit.OK
        return Exit.NOTHING if self._is_over() else None

    def _show(self, relay: LiveOperator, event: Event) -> None:
        match event:
            case Said():
                self._show_message(event)
            case Stretch():
                self._show_stretch(relay, event)
            case ClaimChange():
                who = event.claimed_by
                text = f"is claimed by {who}" if who else "is unclaimed again"
                self._write("claim", attrs.asdict(event), f"{event.seq} {text}")
            case QuestionEnd():
                facts = {"room": event.said.room, "seq": event.said.seq, **event.state}
                self._write(event.status, facts, f"{event.said.seq} is {event.words}")
            case RoomChange():
                self._show_change(event)
            case RoomDeletion():
                self._write("room_deleted", attrs.asdict(event), "is deleted")
            case Restart():
                text = "restarted its numbers: the relay has another database"
                self._write("room_restarted", attrs.asdict(event), text)
            case _:
                assert_never(event)

    def _show_message(self, said: Said) -> None:
        self._is_fed = True
        if self.out.is_json:
            self._write("message", said.row, "")
            return
        self.printer.write(said)
        self.out.data.flush()

    def _show_change(self, change: RoomChange) -> None:
        facts = {"room": change.room, "by": change.closed_by, "at": change.closed_at}
        if not change.is_closed:
            self._write("room_reopened", {"room": change.room}, "is open again")
            return
        at = self.machine.times.show(change.closed_at)
        self._write("room_closed", facts, f"closed by {change.closed_by} at {at}")

    def _show_stretch(self, relay: LiveOperator, stretch: Stretch) -> None:
        for found in look_up(relay, stretch):
            if isinstance(found, Said):
                self._show_message(found)
                self.follower.note_shown(stretch.room, found.seq)
                continue
            first, last = found
            facts = {"room": stretch.room, "first": first, "last": last}
            self._write("gap", facts, f"gap: messages {first} to {last} are gone")
            self.follower.note_shown(stretch.room, last)

    def _write(self, kind: str, facts: Json, text: str) -> None:
        if self.out.is_json:
            self.out.write_json({"type": kind, **facts})
        else:
            self.out.write_spans(Span(f"#{facts['room']} {text}", Style.CYAN))
        self.out.data.flush()


@frozen
class _Page:
    messages: list[object]
    first_seq: int


def look_up(relay: LiveOperator, stretch: Stretch) -> Iterator[Said | tuple[int, int]]:
    """Yield the messages of a stretch in order, and (first, last) of each gap.

    History pages are addressed by their end. A page that does not reach back to the
    start, because of its size in bytes or messages, is requested again with an earlier
    end; an empty page with a later one.

    Raises:
        CliError: The relay refused, or could not be reached.
    """
    after, shown, span = stretch.after, stretch.after, _PAGE_MESSAGES
    while after < stretch.last:
        last = min(after + span, stretch.last)
        page = _read_page(relay, stretch.room, last, min(span, _PAGE_MESSAGES))
        said = [Said.read(row, stretch.room) for row in page.messages]
        if said and said[0].seq > max(after + 1, page.first_seq):
            span //= 2
            continue
        wanted = [each for each in said if each.seq > after]
        for each in wanted:
            if each.seq > shown + 1:
                yield shown + 1, each.seq - 1
            yield each
            shown = each.seq
        after = max(last, min(page.first_seq - 1, stretch.last))
        span = min(2 * span, _PAGE_MESSAGES) if wanted else 2 * span
    if shown < stretch.last:
        yield shown + 1, stretch.last


def _read_page(relay: LiveOperator, room: str, last: int, limit: int) -> _Page:
    path = (
        f"/admin/rooms/{quote(room, safe='')}/history?limit={limit}&before={last + 1}"
    )
    return read_row(_Page, relay.call("GET", path))
