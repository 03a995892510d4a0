"""A world of its own for one program: home, project, relay, fake model, one room."""

import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from argybargy.torture.relay_process import (
    AgentClient,
    RelayProcess,
    open_relay_process,
)
from harness.fake_model import FakeModel, open_fake_model

ROOM: Final = "build"
NAME: Final = "agent"
_COMMAND_SECONDS: Final = 60


@attrs.frozen
class World:
    """A world for one program.

    Attributes:
        root: Temporary directory of everything.
        programs: Directory of the installed programs.
        relay: A real relay.
        model: The fake model.
        ann: Another agent in the room.
        name: The name of the program's agent.
    """

    root: Path
    programs: Path
    relay: RelayProcess
    model: FakeModel
    ann: AgentClient
    name: str = NAME

    @property
    def home(self) -> Path:
        """The program's home directory."""
        return self.root / "home"

    @property
    def project(self) -> Path:
        """The project that the program works in."""
        return self.root / "project"

    @property
    def seat(self) -> Path:
        """Directory of the agent's seat."""
        relay = f"127.0.0.1-{self.relay.address.port}"
        seats = self.home / ".local/state/argybargy/seats"
        return seats / relay / ROOM / f"{self.name}.seat"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a program."""
        ours = Path(sys.executable).parent
        return {
            "HOME": str(self.home),
            "PATH": f"{self.programs}/bin:{ours}:/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            **more,
        }

    async def argybargy(self, *words: str) -> str:
        """Run a command of the operator; return its standard output."""
        operator = {
            "ARGYBARGY_CONFIG": os.devnull,
            "ARGYBARGY_DATA": str(self.relay.data),
            "ARGYBARGY_PORT": str(self.relay.address.port),
        }
        with trio.fail_after(_COMMAND_SECONDS):
            done = await trio.run_process(
                [sys.executable, "-m", "argybargy", *words],
                env=self.environment(operator), capture_stdout=True,
                capture_stderr=True, check=False, cwd=self.project,
            )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr.decode()}")
        return done.stdout.decode()

    async def connect(self, key: str, *more: str) -> None:
        """Write the files of a program."""
        fixed = ("--room", ROOM, "--name", self.name, "--write")
        await self.argybargy("connect", key, *fixed, *more)

    async def ask(self, text: str) -> None:
        """Ask the agent something."""
        await self.ann.post(text, to=self.name)

    def ear_pid(self) -> int | None:
        """Return the process of the agent's ear, if one has the seat."""
        try:
            first, *_ = (self.seat / "ear.lock").read_text().split(" ")
        except OSError:
            return None
        pid = int(first) if first.isdecimal() else 0
        return pid if pid and Path(f"/proc/{pid}").exists() else None

    def note(self) -> str:
        """Return what the ear and the relay have logged."""
        log = self.seat / "ear.log"
        return log.read_text() if log.exists() else ""


@asynccontextmanager
async def open_world(programs: Path) -> AsyncIterator[World]:
    """Open a world; end and delete everything with the block."""
    async with open_worlds(programs, (NAME,)) as (world,):
        yield world


@asynccontextmanager
async def open_worlds(
    programs: Path, names: Sequence[str]
) -> AsyncIterator[tuple[World, ...]]:
    """Open worlds of several agents, in one room of one relay."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(_temporary_directory()))
        (root / "data").mkdir()
        relay = await stack.enter_async_context(open_relay_process(root / "data"))
        ann = await relay.guest("ann", ROOM)
        worlds = []
        for name in names:
            for folder in ("home", "project"):
                (root / name / folder).mkdir(parents=True)
            model = await stack.enter_async_context(open_fake_model())
            worlds.append(World(root / name, programs, relay, model, ann, name))
        try:
            yield tuple(worlds)
        finally:
            for world in worlds:
                end_processes(world.home)


def _temporary_directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(
        prefix="argybargy-harness-", ignore_cleanup_errors=True
    )


def end_processes(home: Path) -> list[str]:
    """End the processes that a program has left behind; return their commands.

    Some start daemons that outlive them. They are known by their home directory, which
    no other process has.
    """
    ended = []
    mark = f"HOME={home}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                os.kill(int(folder.name), signal.SIGKILL)
                ended.append(b" ".join(words).decode(errors="replace"))
        except (OSError, ValueError):
            continue  # it has ended, or is another user's
    return ended
