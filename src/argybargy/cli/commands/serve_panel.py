"""Status panel that `up` shows on a terminal, redrawn once a second."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import trio

from argybargy.cli.commands.message_line import age
from argybargy.cli.terminal.live_lines import Line, LiveLines
from argybargy.cli.terminal.output import Span, Style
from argybargy.serve.status import RelayStatus
from argybargy.serve.tunnel.tunnel import TunnelState, TunnelStatus
from argybargy.system.values import define

UPDATE_SECONDS: Final = 1.0
_MINUTE_SECONDS: Final = 60.0
_LABEL_CHARS: Final = 10


@define
class Pace:
    """Rate of messages over the last minute.

    The mutable state is one count for each measurement of that minute.
    """

    _counts: deque[tuple[float, int]] = attrs.field(factory=deque)

    def measure(self, now: float, said: int) -> int:
        """Return the number of messages of the minute before `now`.

        Args:
            now: Monotonic clock, in seconds.
            said: Messages since the start of the relay.
        """
        self._counts.append((now, said))
        while self._counts[0][0] < now - _MINUTE_SECONDS:
            self._counts.popleft()
        return said - self._counts[0][1]


async def show_panel(
    live: LiveLines,
    look: Callable[[], RelayStatus],
    typed: Callable[[str], str] = str,
    seconds: float = UPDATE_SECONDS,
) -> None:
    """Redraw the panel until cancelled, then clear it.

    A terminal that is gone ends the panel, and not the relay.

    Args:
        live: Lines of the terminal.
        look: Returns the present figures.
        typed: Rewrites the commands in a text to be typed in the user's shell.
        seconds: Time between two updates.
    """
    pace = Pace()
    try:
        with live.with_logs_above():
            try:
                while True:
                    seen = look()
                    per_minute = pace.measure(trio.current_time(), seen.said)
                    live.show(draw(seen, per_minute, typed))
                    await trio.sleep(seconds)
            finally:
                live.clear()
    except OSError:
        return


def draw(
    seen: RelayStatus, per_minute: int, typed: Callable[[str], str] = str
) -> Sequence[Line]:
    """Return the lines of the panel."""
    rows = [
        *_tunnel_rows(seen),
        ("rooms", Span(f"{seen.rooms} open")),
        ("agents", Span(f"{seen.online} online, {seen.parked} polls parked")),
        ("messages", Span(f"{per_minute} in the last minute")),
        ("waiting", _waiting(seen, typed)),
    ]
    lines = [
        (Span(f"  {label.ljust(_LABEL_CHARS)}", Style.DIM), span)
        for label, span in rows
    ]
    return [(Span(""),), *lines]


def _tunnel_rows(seen: RelayStatus) -> Iterator[tuple[str, Span]]:
    if seen.tunnel is not None:
        yield "tunnel", _tunnel(seen.tunnel)
    yield "address", Span(seen.public_url, Style.CYAN)


def _tunnel(status: TunnelStatus) -> Span:
    if status.state is TunnelState.UP:
        return Span("up")
    if status.state is TunnelState.STARTING:
        return Span("opening", Style.DIM)
    again = f"retry within {status.retry_seconds:.0f} s"
    return Span(f"down, {again}: {status.reason}", Style.YELLOW)


def _waiting(seen: RelayStatus, typed: Callable[[str], str]) -> Span:
    if not seen.questions:
        return Span("no open question")
    questions = "1 question" if seen.questions == 1 else f"{seen.questions} questions"
    text = f"{questions}, for up to {age(seen.longest_wait_seconds)}: argybargy waiting"
    return Span(typed(text), Style.YELLOW)
