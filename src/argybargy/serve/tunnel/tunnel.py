"""Supervisor of a tunnel program: start it, read its URL, restart it with back-off.

The program runs inside the block of `open_program`. However the block ends, by an error
or by cancellation, the program and its children are gone afterwards.
"""

import enum
import math
import secrets
from collections.abc import Callable, Iterable
from typing import Final

import trio

from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.system.line_splitter import LineSplitter
from argybargy.system.logs import get_logger
from argybargy.system.processes import ProgramError, open_program, read_some
from argybargy.system.values import define, frozen

log = get_logger(__name__)

URL_SECONDS: Final = 45.0
"""Longest time until a tunnel program has printed its URL."""
FIRST_PAUSE_SECONDS: Final = 1.0
"""Back-off after the first failure; it doubles with each further one."""
LONGEST_PAUSE_SECONDS: Final = 60.0
STEADY_SECONDS: Final = 60.0
"""A tunnel that ran for so long resets the back-off."""
_SHOWN_CHARS: Final = 200


class TunnelState(enum.Enum):
    """State of a tunnel."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"


@frozen
class TunnelStatus:
    """Status of a tunnel.

    Attributes:
        state: State of the tunnel.
        url: Public URL; None unless the tunnel is up.
        reason: Cause of the failure; empty unless the tunnel is down.
        retry_seconds: Time until the next attempt; 0 unless the tunnel is down.
    """

    state: TunnelState
    url: str | None = None
    reason: str = ""
    retry_seconds: float = 0.0


Report = Callable[[TunnelStatus], None]


@define(eq=False)
class Tunnel:
    """Supervisor of one tunnel program.

    The mutable state is the status, the number of failures in a row, and the last line
    of the program's output.

    Attributes:
        command: Command that opens the tunnel.
        report: Called with every new status.
        status: Current status.
        url_seconds: Longest time until the program has printed its URL.
        chance: Returns a number from 0 to 1, for jitter of the back-off.
    """

    command: TunnelCommand
    report: Report
    status: TunnelStatus = TunnelStatus(TunnelState.STARTING)
    url_seconds: float = URL_SECONDS
    chance: Callable[[], float] = secrets.SystemRandom().random
    _failures: int = 0
    _last_line: str = ""

    def __repr__(self) -> str:
        return f"<Tunnel {self.name}: {self.status.state.value}>"

    @property
    def name(self) -> str:
        """File name of the program."""
        return self.command.name

    async def keep_up(self) -> None:
        """Run the program, and restart it whenever it ends, until cancelled.

        The back-off doubles up to a bound. The number of attempts is unbounded: a
        machine without a network may have one later.
        """
        while True:
            self._change(TunnelStatus(TunnelState.STARTING))
            began = trio.current_time()
            reason = await self._attempt()
            if trio.current_time() - began >= STEADY_SECONDS:
                self._failures = 0
            pause = pause_after(self._failures, self.chance())
            self._failures += 1
            log.warning("tunnel down", reason=reason, retry_seconds=round(pause, 1))
            self._change(TunnelStatus(TunnelState.DOWN, None, reason, pause))
            await trio.sleep(pause)

    def _change(self, status: TunnelStatus) -> None:
        self.status = status
        self.report(status)

    async def _attempt(self) -> str:
        """Run the program once, and return why it ended or was given up."""
        self._last_line = ""
        try:
            async with open_program(self.command.arguments) as program:
                return await self._follow(program)
        except ProgramError as error:
            return f"{self.name} cannot be run: {error}"

    async def _follow(self, program: trio.Process) -> str:
        """Read the program's output to its end.

        The output is read even after the URL was found: a program whose pipe is full
        would block.
        """
        lines = LineSplitter()
        patience = self.url_seconds if self.command.needs_url else math.inf
        with trio.move_on_after(patience) as waiting:
            while data := await read_some(program):
                self._take(lines.feed(data))
                if self.status.state is TunnelState.UP:
                    waiting.deadline = math.inf  # the deadline is for the URL alone
            self._take(lines.feed(b""))
            await program.wait()
            return self._describe_end(program)
        return f"{self.name} printed no usable URL in {patience:g} seconds"

    def _take(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._last_line = line[:_SHOWN_CHARS] or self._last_line
            if self.status.state is TunnelState.STARTING:
                url = self.command.find_url(line)
                if url is not None:
                    log.info("tunnel up", url=url)
                    self._change(TunnelStatus(TunnelState.UP, url))

    def _describe_end(self, program: trio.Process) -> str:
        said = f": {self._last_line}" if self._last_line else ""
        return f"{self.name} ended with code {program.returncode}{said}"


def pause_after(failures: int, chance: float) -> float:
    """Return the back-off before the next attempt, in seconds.

    It doubles up to :data:`LONGEST_PAUSE_SECONDS`. Half of it is random, so that relays
    that lost the same network do not all reconnect at once.

    Args:
        failures: Failed attempts in a row before this one.
        chance: Random number from 0 to 1.
    """
    longest = FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 16)
    return min(longest, LONGEST_PAUSE_SECONDS) * (0.5 + chance / 2)
