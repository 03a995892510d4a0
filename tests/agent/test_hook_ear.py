"""The ear that a hook starts, and the process whose end ends it."""

import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from argybargy.agent import hook_ear
from argybargy.agent.ear_lock import EarHolder
from argybargy.agent.hook_ear import end_ear_of, owner_pid, start_ear
from support.agent_desk import Desk

SLEEP = "import time; print(1, flush=True); time.sleep(60)"


@contextmanager
def running(
    program: str,
    *words: str,
    directory: Path,
    **options: Any,  # noqa: ANN401 - of Popen
) -> Iterator[int]:
    """Run a program until the block ends; yield its process."""
    process = subprocess.Popen(
        [program, "-c", SLEEP, *words], cwd=directory, stdout=subprocess.PIPE, **options
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A program of a name that no other process has."""
    copy = tmp_path / "harnessed"
    shutil.copy(Path(sys.executable).resolve(), copy)
    return str(copy)


def test_shells_between_program_and_hook_are_left_out(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom argybargy.agent.hook_ear import owner_pid\n"
        "print(owner_pid(Path('/')))\n"
    )
    inner = f"{sys.executable} {script}; true"
    done = subprocess.run(
        ["sh", "-c", f"sh -c '{inner}'; true"], capture_output=True, check=True
    )
    assert int(done.stdout) == os.getpid()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_server_is_not_the_program(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, other = tmp_path / "project", tmp_path / "other"
    for each in (project, other):
        each.mkdir()
    environment = {"PYTHONHOME": sys.base_prefix}
    master, slave = pty.openpty()
    in_terminal: dict[str, Any] = {"stdin": slave, "start_new_session": True}
    script = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); " + SLEEP
    monkeypatch.setitem(globals(), "SLEEP", script)
    with (
        running(python, directory=project, env=environment, **in_terminal) as program,
    ):
        monkeypatch.undo()
        with running(
            python, "app-server", directory=other, env=environment,
            stdin=subprocess.DEVNULL, start_new_session=True,
        ) as server:  # fmt: skip
            monkeypatch.setattr(os, "getppid", lambda: server)
            assert owner_pid(project) == program
            assert owner_pid(other) is None
            monkeypatch.setattr(os, "getppid", lambda: program)
            assert owner_pid(other) == program
    os.close(master)
    os.close(slave)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize(
    ("words", "owner", "is_ended"),
    [
        (("ear", "--while-pid", "7"), 7, True),
        (("ear", "--while-pid", "7"), 8, False),
        (("ear", "--while-pid", "7"), None, False),
        (("ear",), 7, False),
        (("tail", "--while-pid", "7"), 7, False),
    ],
    ids=["own", "of another", "unknown", "by hand", "no ear"],
)
def test_only_an_ear_of_the_same_program_is_ended(
    tmp_path: Path, words: tuple[str, ...], owner: int | None, is_ended: bool
) -> None:
    with running(sys.executable, *words, directory=tmp_path) as pid:
        end_ear_of(EarHolder("spool", "s", pid), owner)
        if is_ended:
            _, status = os.waitpid(pid, 0)
            assert os.WTERMSIG(status) == signal.SIGTERM
        else:
            assert os.waitpid(pid, os.WNOHANG) == (0, 0)


def commands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, program: str, *, parks: bool = False
) -> list[str]:
    """Return the command line of the ear that a hook starts."""
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> None:
        started.append(command[3:])

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(hook_ear, "owner_pid", lambda _: 7)
    start_ear(desk.process(), program, desk.take_seat(), "s-1", parks=parks)
    return started[0] if started else []


def test_codex_is_woken_by_its_queue_while_its_thread_is_loaded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk.environment["CODEX_HOME"] = str(tmp_path)
    lock = tmp_path / "thread-writer-locks" / "s-1.lock"
    lock.parent.mkdir()
    lock.touch()
    words = " ".join(commands(desk, monkeypatch, "codex"))
    assert words.startswith("agent ear --wake queue:s-1 --seat ")
    assert words.endswith(f"--while-locked {lock} --session s-1 --while-pid 7")


def test_other_programs_have_a_spool_or_start_their_ear_themselves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--wake spool" in " ".join(commands(desk, monkeypatch, "gemini"))
    assert commands(desk, monkeypatch, "claude") == []
    assert commands(desk, monkeypatch, "opencode") == []


def test_an_ear_always_has_something_that_ends_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> None:
        started.append(command)

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(hook_ear, "owner_pid", lambda _: None)
    start_ear(desk.process(), "gemini", desk.take_seat(), "s-1", parks=False)
    assert started[0][-2:] == ["--while-pid", str(os.getppid())]


@pytest.mark.parametrize("program", ["codex", "gemini", "copilot"])
def test_a_hook_that_waits_has_a_spool_to_wait_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    words = " ".join(commands(desk, monkeypatch, program, parks=True))
    assert "--wake spool" in words
