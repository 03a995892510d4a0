"""An ear ends with its program, by whatever sign it knows that."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.program_watch import ProgramEnded, ProgramWatch
from support.agent_desk import Desk


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def ended(watch: ProgramWatch) -> bool:
    try:
        watch.check()
    except ProgramEnded:
        return True
    return False


def test_the_parent_is_watched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ProgramWatch(desk.process())
    assert not ended(watch)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert ended(watch)
    assert not ended(ProgramWatch(desk.process())), "detached from the beginning"


@pytest.mark.parametrize("reaped", [True, False])
def test_a_process_is_watched(
    desk: Desk, program: subprocess.Popen[bytes], reaped: bool
) -> None:
    watch = ProgramWatch(desk.process(), program.pid)
    assert not ended(watch)
    program.kill()
    if reaped:
        program.wait()
    else:
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert ended(watch)


def test_another_process_of_the_same_number_is_not_the_program(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = ProgramWatch(desk.process(), os.getpid())
    assert not ended(watch)
    monkeypatch.setattr("argybargy.agent.program_watch.birth_of", lambda _: "later")
    assert ended(watch)


def test_a_lock_file_is_watched(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "thread.lock"
    assert ended(ProgramWatch(desk.process(), locked=path))
    path.touch()
    watch = ProgramWatch(desk.process(), locked=path)
    assert not ended(watch), "a file that nobody ever locked is a sign by itself"
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not ended(watch)
    assert ended(watch), "it was locked before"


@pytest.mark.parametrize("is_input", [True, False])
def test_the_other_end_of_a_pipe_is_watched(desk: Desk, is_input: bool) -> None:
    ends = os.pipe()
    with os.fdopen(ends[0], "r") as reading, os.fdopen(ends[1], "w") as writing:
        if is_input:
            process = desk.process()._replace(input=reading)
            unwatched = ProgramWatch(process)
            watch = ProgramWatch(process, watches_input=True)
            assert not ended(watch)
            writing.close()
            assert not ended(unwatched), "hooks close it at once"
        else:
            process = desk.process()._replace(output=writing)
            watch = ProgramWatch(process)
            assert not ended(watch)
            reading.close()
        assert ended(watch)


@pytest.mark.parametrize("has_number", [True, False])
def test_an_input_without_another_end_is_refused(desk: Desk, has_number: bool) -> None:
    """Nobody ever closes /dev/null: the ear would outlive its program."""
    with Path(os.devnull).open() as nothing:
        process = desk.process()
        process = process._replace(input=nothing) if has_number else process
        with pytest.raises(AgentError, match="no pipe") as caught:
            ProgramWatch(process, watches_input=True)
    assert caught.value.code == Exit.USAGE
    assert "--while-pid" in caught.value.hint
