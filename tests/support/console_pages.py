"""Run the ``console`` blocks of a docs page, and compare the output with the page.

A line that begins with ``$`` is a command, and the lines after it are its output. A
backslash at the end of a line continues the command. All commands of a page share one
shell, so that variables and functions persist. Its home directory is new, with a clone
of the repository in it, and its port is free; both are replaced by a reader's in the
output. A block inside an HTML comment is run, too: it plays what a reader does not see.
A line ``...`` of the output stands for any number of lines.

A word after ``console`` names a separate terminal for a command that keeps running. It
is one of 100 columns, without colours::

    ```console relay
    $ argybargy up
    The relay is up.
    ```

Later blocks of that terminal hold its further output; ``^C`` interrupts it.

``pytest tests/e2e/test_pages.py --update-snapshots`` writes the present output into the
pages. Text that differs from run to run is left as it is on the page.
"""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
import trio

from argybargy.torture.relay_process import plain_environment

COMMAND_SECONDS: Final = 30.0
LINES_SECONDS: Final = 20.0
START_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 1.0
PACE_SECONDS: Final = 0.2
PARK_SECONDS: Final = 1.0
PORT: Final = "8765"
HOME: Final = "/home/you"
CLONE: Final = "argybargy"
"""Directory in the home directory in which a reader types the commands."""
INTERRUPT: Final = "^C"
SKIPPED: Final = "..."
BLOCK: Final = re.compile(r"^```console *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Text that differs from run to run: secrets, ids, times and durations.
SECRETS: Final = (re.compile(r"(argy_[a-z]1_)[0-9A-Za-z]{38}\b"), r"\1…")
MASKS: Final = (
    # With a date or without one (today).
    (re.compile(r"\b(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:[\d.]+(\+00:00|Z)?"), "<time>"),
    (re.compile(r"\b\d{8}-\d{6}\b"), "<stamp>"),
    (re.compile(r'("\w+_seconds": ?|"seconds_left":)[\d.]+'), r"\1<seconds>"),
    (re.compile(r"\b[0-9a-f]{12}([0-9a-f]{4})?\b"), "<id>"),
    (re.compile(r"\b\d+(\.\d+)?( ms|s|m)\b"), "<span>"),
    (re.compile(r"\b[\d,.]+ (KiB|MiB|bytes)\b"), "<size>"),
    (re.compile(r"\bfree on \w+"), "free on <file system>"),
    (re.compile(r"\bprocess \d+"), "process <number>"),
    (re.compile(r"\b(sqlite|relay|version|ready) +\d+(\.\d+)+"), r"\1 <version>"),
    (re.compile(r"\bschema \d+"), "schema <number>"),
    (re.compile(r"\bAll \d+ are private"), "All <number> are private"),
    (re.compile(r" +"), " "),  # the width of columns depends on their content
)

PREAMBLE: Final = "shopt -s expand_aliases\n"
"""Interactive shells expand aliases."""
# Commands arrive on descriptor 3, so that they have no standard input; a NUL ends each
# command, and each output.
SHELL: Final = f"""{PREAMBLE}
exec 3<&0 </dev/null
while IFS= read -r -d '' -u 3 command; do
    eval "$command"
    printf '\\0'
done
"""


UV: Final = """\
#!/bin/sh
[ "$1" = run ] || {{ echo "uv $*?" >&2; exit 2; }}
shift
[ "$1" = --extra ] && shift 2
[ "$1" = --project ] && shift 2
export UV_RUN_RECURSION_DEPTH=1 PATH="{programs}:$PATH"
exec "$@"
"""


@attrs.frozen
class Step:
    """Command of a page with its output.

    Attributes:
        terminal: Name of the terminal; empty is the shared shell.
        command: The command; empty for a block that only reads output.
        shown: The command as written on the page.
        output: Output as written on the page.
    """

    terminal: str
    command: str
    shown: str
    output: str


@attrs.define
class Process:
    """Process whose output is read piece by piece.

    Attributes:
        process: The process.
        output: Its output.
    """

    process: trio.Process
    output: trio.abc.ReceiveStream
    _unread: bytes = b""

    async def type(self, command: str) -> None:
        """Send a command to the shell."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(f"{command}\0".encode())

    async def read_answer(self) -> str:
        """Return the complete output of a command of the shell."""
        with trio.fail_after(COMMAND_SECONDS):
            while b"\0" not in self._unread:
                assert await self._read(), f"the shell ended: {self._unread!r}"
        answer, _, self._unread = self._unread.partition(b"\0")
        return answer.decode()

    async def read_lines(self, count: int) -> str:
        """Return up to `count` lines of output, or fewer at the timeout."""
        with trio.move_on_after(LINES_SECONDS):
            while self._unread.count(b"\n") < count and await self._read():
                pass
        return self._take()

    async def read_until_silent(self) -> str:
        """Return output until there is a pause."""
        patience = START_SECONDS
        while True:
            with trio.move_on_after(patience):
                if await self._read():
                    patience = SILENCE_SECONDS
                    continue
            return self._take()

    async def interrupt(self) -> str:
        """Send Ctrl+C, and return the remaining output."""
        os.killpg(self.process.pid, signal.SIGINT)
        with trio.move_on_after(LINES_SECONDS):
            while await self._read():
                pass
        return self._take()

    async def end(self) -> None:
        """Kill the process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for stream in (self.process.stdin, self.output):
            if stream is not None:
                await trio.aclose_forcefully(stream)
        with trio.CancelScope(shield=True), trio.move_on_after(LINES_SECONDS):
            await self.process.wait()

    async def _read(self) -> bool:
        try:
            more = bytes(await self.output.receive_some())
        except trio.BrokenResourceError:
            return False  # the last program on a terminal has ended
        self._unread += more
        return bool(more)

    def _take(self) -> str:
        taken, self._unread = self._unread, b""
        return taken.decode().replace("\r\n", "\n")


@attrs.frozen
class Session:
    """One run of a page: a shell, and the terminals that the page names.

    Attributes:
        home: Home directory.
        port: Port in place of the default one.
        is_update: Whether the output on the page is to be replaced.
        pause_seconds: Pauses after a command, and after one in the background.
    """

    home: Path
    port: int
    is_update: bool
    pause_seconds: tuple[float, float]
    _stack: AsyncExitStack
    _terminals: dict[str, Process] = attrs.field(factory=dict)

    async def play(self, steps: Sequence[Step]) -> list[str]:
        """Run all steps; return their output."""
        make_clone(self.home)
        self._terminals[""] = await self._start(SHELL, stdin=subprocess.PIPE)
        return [self._as_seen(await self._play(step)) for step in steps]

    async def _play(self, step: Step) -> str:
        command = step.command.replace(f":{PORT}", f":{self.port}")
        if not step.terminal:
            return await self._play_in_shell(command)
        if command == INTERRUPT:
            return await self._terminals[step.terminal].interrupt()
        if command:
            self._terminals[step.terminal] = await self._open_terminal(command)
        terminal = self._terminals[step.terminal]
        if self.is_update:
            return await terminal.read_until_silent()
        return await terminal.read_lines(step.output.count("\n"))

    async def _play_in_shell(self, command: str) -> str:
        shell = self._terminals[""]
        await shell.type(command)
        answer = await shell.read_answer()
        # Commands follow each other faster than a person types. The relay coalesces
        # events that happen together, and a poll must be parked before it is woken.
        await trio.sleep(self.pause_seconds[command.endswith("&")])
        return answer

    async def _open_terminal(self, command: str) -> Process:
        """Run a command that keeps running on a terminal, as a reader does."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        shown = trio.lowlevel.FdStream(ours)
        try:
            script, stdin = PREAMBLE + command, subprocess.DEVNULL
            return await self._start(script, stdin, theirs, shown)
        finally:
            os.close(theirs)

    async def _start(
        self,
        script: str,
        stdin: int,
        stdout: int = subprocess.PIPE,
        shown: trio.abc.ReceiveStream | None = None,
    ) -> Process:
        opened = await trio.lowlevel.open_process(
            ["bash", "-c", script],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=self.home / CLONE,
            env=self._environment(),
            start_new_session=True,  # so that Ctrl+C reaches it and nothing else
        )
        output = opened.stdout if shown is None else shown
        assert output is not None
        process = Process(opened, output)
        self._stack.push_async_callback(process.end)
        return process

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in plain_environment().items()
            if not name.startswith("XDG_") and name != "COLUMNS"
        }
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{self.home / CLONE / 'bin'}:{kept['PATH']}",
            "ARGYBARGY_PORT": str(self.port),
            # Without colours there is no status panel, which is redrawn in place.
            "NO_COLOR": "1",
            # Log lines have another format on a terminal, and are not part of the page.
            "ARGYBARGY_LOG_LEVEL": "warning",
            # A terminal shows both streams in the order of the writes.
            "PYTHONUNBUFFERED": "1",
        }

    def _as_seen(self, text: str) -> str:
        seen = text.replace(f":{self.port}", f":{PORT}").replace(str(self.home), HOME)
        seen = seen.replace(f" --port {self.port}", "")  # a reader has the usual port
        return SECRETS[0].sub(SECRETS[1], seen)


def make_clone(home: Path) -> None:
    """Make what passes for a clone of the repository, with a `uv` for its path, and
    beside it the reader's project.

    That `uv` runs the programs of this environment, which is already built, and sets
    the variable that ``uv run`` sets.
    """
    clone = home / CLONE
    (clone / "bin").mkdir(parents=True, exist_ok=True)
    (home / "project").mkdir(exist_ok=True)
    (clone / "pyproject.toml").write_text('[project]\nname = "argybargy"\n')
    uv = clone / "bin" / "uv"
    uv.write_text(UV.format(programs=Path(sys.executable).parent))
    uv.chmod(0o755)


@asynccontextmanager
async def open_session(
    home: Path,
    port: int,
    *,
    is_update: bool = False,
    pause_seconds: tuple[float, float] = (PACE_SECONDS, PARK_SECONDS),
) -> AsyncIterator[Session]:
    """Open a session; its processes end with the block."""
    async with AsyncExitStack() as stack:
        yield Session(home, port, is_update, pause_seconds, stack)


def read_steps(page: str) -> list[Step]:
    """Return the steps of a page in order."""
    return [
        step for block in BLOCK.finditer(page) for step in _steps_of(block[1], block[2])
    ]


def _steps_of(terminal: str, block: str) -> list[Step]:
    if block.startswith(f"{INTERRUPT}\n"):
        rest = block.removeprefix(f"{INTERRUPT}\n")
        return [Step(terminal, INTERRUPT, f"{INTERRUPT}\n", rest)]
    parts = re.split(r"^(\$ (?:.*\\\n)*.*\n)", block, flags=re.MULTILINE)
    is_read_only = parts[0] or len(parts) == 1
    first = [Step(terminal, "", "", parts[0])] if is_read_only else []
    typed = zip(parts[1::2], parts[2::2], strict=True)
    return first + [
        Step(terminal, shown[2:].rstrip("\n"), shown, output) for shown, output in typed
    ]


def masked(text: str) -> str:
    """Return a text with variable parts replaced by masks."""
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def agree(shown: str, printed: str) -> bool:
    """Return whether the output on a page is what a command printed, both masked."""
    lines = [
        "(?:.*\n)*?" if line == SKIPPED else re.escape(f"{line}\n")
        for line in masked(shown).splitlines()
    ]
    text = "".join(f"{line}\n" for line in masked(printed).splitlines())
    return re.fullmatch("".join(lines), text) is not None


def with_outputs(page: str, outputs: Sequence[str]) -> str:
    """Return the page with the new outputs where they differ."""
    left = iter(outputs)

    def rewritten(block: re.Match[str]) -> str:
        steps = _steps_of(block[1], block[2])
        body = "".join(step.shown + _newer(step.output, next(left)) for step in steps)
        return f"```console{' ' * bool(block[1])}{block[1]}\n{body}```"

    return BLOCK.sub(rewritten, page)


def _newer(stands: str, comes: str) -> str:
    if agree(stands, comes):
        return stands
    return f"{comes.rstrip()}\n" if comes.strip() else ""
