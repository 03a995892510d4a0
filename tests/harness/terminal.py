"""A terminal program within tmux: type into it, and read its screen.

tmux answers the questions that such programs ask their terminal, and outlives none of
them: its server has a socket of its own and is ended with the block.
"""

import os
import shlex
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

_LOOK_SECONDS: Final = 0.25
_SESSION: Final = 3
"""Place of the session in ``/proc/PID/stat`` after the name of the process."""
_SIZE: Final = ("-x", "120", "-y", "40")


@attrs.frozen
class Tui:
    """A program in a terminal.

    Attributes:
        socket: Path of the socket of its tmux.
    """

    socket: Path

    async def _tmux(self, *words: str) -> str:
        done = await trio.run_process(
            ["tmux", "-S", str(self.socket), *words],
            capture_stdout=True, capture_stderr=True, check=False,
        )  # fmt: skip
        return done.stdout.decode(errors="replace")

    async def screen(self) -> str:
        """Return what is on the screen."""
        return await self._tmux("capture-pane", "-p", "-t", "p")

    async def type(self, text: str) -> None:
        """Type a text, without Enter."""
        await self._tmux("send-keys", "-t", "p", "-l", text)

    async def press(self, *keys: str) -> None:
        """Press keys by their names, such as ``Enter``."""
        await self._tmux("send-keys", "-t", "p", *keys)

    async def submit(self, text: str) -> None:
        """Type a text and press Enter."""
        await self.type(text)
        await trio.sleep(0.5)  # programs take a fast Enter for a pasted line feed
        await self.press("Enter")

    async def wait_screen(self, *texts: str, within_seconds: float) -> str:
        """Wait until one of some texts is on the screen; return the screen.

        Raises:
            trio.TooSlowError: None appeared; the screen is in the error's notes.
        """
        screen = ""
        try:
            with trio.fail_after(within_seconds):
                while True:
                    screen = await self.screen()
                    if any(text in screen for text in texts):
                        return screen
                    await trio.sleep(_LOOK_SECONDS)
        except trio.TooSlowError as error:
            error.add_note(f"waited for {texts}; the screen is:\n{screen}")
            raise

    async def pid(self) -> int:
        """Return the process in the terminal."""
        return int(await self._tmux("list-panes", "-F", "#{pane_pid}"))

    async def is_running(self) -> bool:
        """Tell whether the program is there."""
        return bool((await self._tmux("list-panes")).strip())


@asynccontextmanager
async def open_tui(
    folder: Path,
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
) -> AsyncIterator[Tui]:
    """Run a program in a terminal of its own until the block ends.

    Args:
        folder: Place for the socket.
        command: The program with its arguments.
        directory: Its working directory.
        environment: Its whole environment.
    """
    tui = Tui(folder / "tmux.sock")
    variables = [f"{name}={value}" for name, value in environment.items()]
    whole = shlex.join(["env", "-i", *variables, *command])
    words = ["-f", "/dev/null", "new-session", "-d", "-s", "p", *_SIZE]
    await tui._tmux(*words, "-c", str(directory), whole)
    leader = await tui.pid()
    try:
        yield tui
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(10):
            await tui._tmux("kill-server")
        _end_session(leader)


def _end_session(leader: int) -> None:
    """End what is left in a terminal's session: some programs outlive its hang-up."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[_SESSION]) == leader:
                os.kill(int(folder.name), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue  # it has ended
