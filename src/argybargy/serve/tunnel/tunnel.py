"""A tunnel beside the relay: started, read, and started again when it dies.

The program belongs to the nursery it runs in. However that ends, it is gone with
what it started.
"""

import enum
import math
import secrets
from collections.abc import Callable, Iterable
from typing import Final

import attrs
import structlog
import trio

from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.system.line_splitter import LineSplitter
from argybargy.system.processes import ProgramError, open_program, read_some

log = structlog.get_logger(__name__)

URL_SECONDS: Final = 45.0
"""How long a tunnel may take to say where it leads from."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
STEADY_SECONDS: Final = 60.0
"""A tunnel that was up for so long begins anew with the shortest pause."""
_SHOWN_CHARS: Final = 200


class TunnelState(enum.Enum):
    """What a tunnel is doing."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"


@attrs.frozen
class TunnelStatus:
    """How a tunnel is.

    Attributes:
        state: What it is doing.
        url: Where it leads from, while it is up.
        reason: Why it is down.
        retry_seconds: How long it then takes until it is started again.
    """

    state: TunnelState
    url: str | None = None
    reason: str = ""
    retry_seconds: float = 0.0


Report = Callable[[TunnelStatus], None]


@attrs.define(eq=False)
class Tunnel:
    """Keeps a tunnel up.

    The mutable state is the status, how often in a row it failed, and the last line
    of the program that runs.

    Attributes:
        command: How it is started.
        report: Told of every change.
        status: How it is.
        url_seconds: How long it may take to say where it leads from.
        chance: Returns a number from 0 to 1, for pauses that differ.
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
        """What its program is called."""
        return self.command.name

    async def keep_up(self) -> None:
        """Start the tunnel again and again, until cancelled.

        The pause between doubles, up to a bound. There is no last attempt: whoever
        is without a network now will have one later.
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
        """Run the program to its end, and return why that came."""
        self._last_line = ""
        try:
            async with open_program(self.command.arguments) as program:
                return await self._follow(program)
        except ProgramError as error:
            return f"{self.name} cannot be run: {error}"

    async def _follow(self, program: trio.Process) -> str:
        """Read the output: first for the URL, then only so that it is read."""
        lines = LineSplitter()
        patience = self.url_seconds if self.command.needs_url else math.inf
        with trio.move_on_after(patience) as waiting:
            while data := await read_some(program):
                self._take(lines.feed(data))
                if self.status.state is TunnelState.UP:
                    waiting.deadline = math.inf  # from here it may last for ever
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
    """Return how long to wait before the next attempt, in seconds.

    It doubles up to :data:`LONGEST_PAUSE_SECONDS`. Half of it is left to chance, so
    that many who lost the same network do not all come back at once.

    Args:
        failures: How many attempts in a row failed before this one.
        chance: A number from 0 to 1.
    """
    longest = FIRST_PAUSE_SECONDS * 2.0 ** min(failures, 16)
    return min(longest, LONGEST_PAUSE_SECONDS) * (0.5 + chance / 2)
