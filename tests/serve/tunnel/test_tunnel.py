"""A tunnel is kept up, whatever its program does, and nothing of it stays behind."""

import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import structlog.testing
import trio

from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.serve.tunnel.tunnel import Tunnel, TunnelState, TunnelStatus, pause_after

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are scripts")

STARTING, UP, DOWN = TunnelState.STARTING, TunnelState.UP, TunnelState.DOWN
URL = "https://some-words.trycloudflare.com"
WAIT_SECONDS = 15


def write_program(folder: Path, script: str) -> Path:
    """Write a program that passes for cloudflared."""
    program = folder / "cloudflared"
    program.write_text(f"#!/bin/sh\ncd {folder}\necho $$ >> pids\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{pid}/stat").exists() or not is_dead_already(pid)


def is_dead_already(pid: int) -> bool:
    """Tell whether only its entry is left, which its new parent removes."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@attrs.define
class Watched:
    """A tunnel that runs, and what it has reported."""

    folder: Path
    statuses: list[TunnelStatus] = attrs.field(factory=list)
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def states(self) -> list[TunnelState]:
        return [status.state for status in self.statuses]

    def pids(self) -> list[int]:
        return [int(word) for word in (self.folder / "pids").read_text().split()]

    async def wait(self, is_there: Callable[[], bool]) -> None:
        with trio.fail_after(WAIT_SECONDS):
            while not is_there():  # noqa: ASYNC110 - another process is waited for
                await trio.sleep(0.02)


@asynccontextmanager
async def open_tunnel(
    folder: Path, script: str, url_seconds: float = 20, needs_url: bool = True
) -> AsyncIterator[Watched]:
    program = write_program(folder, script)
    watched = Watched(folder)
    command = TunnelCommand((str(program), "{url}"), is_quick=True, needs_url=needs_url)
    tunnel = Tunnel(
        command.leading_to("http://127.0.0.1:9"),
        watched.statuses.append,
        url_seconds=url_seconds,
        chance=lambda: 0.0,
    )
    async with trio.open_nursery() as nursery:
        watched.scope = nursery.cancel_scope
        nursery.start_soon(tunnel.keep_up)
        yield watched
        nursery.cancel_scope.cancel()


async def test_a_url_that_comes_late_is_reported_when_it_comes(tmp_path: Path) -> None:
    script = f"echo asking for {'$1'}; while [ ! -e go ]; do sleep 0.05; done\n"
    async with open_tunnel(tmp_path, f"{script} echo {URL}; sleep 100") as watched:
        await watched.wait((tmp_path / "pids").exists)
        assert watched.states == [STARTING]
        (tmp_path / "go").touch()
        await watched.wait(lambda: UP in watched.states)
    assert watched.statuses == [TunnelStatus(STARTING), TunnelStatus(UP, URL)]
    assert not any(map(is_alive, watched.pids()))


async def test_a_program_that_dies_is_started_again(tmp_path: Path) -> None:
    script = f"echo {URL}; [ -e twice ] && sleep 100; touch twice; echo oh no; exit 3"
    async with open_tunnel(tmp_path, script) as watched:
        await watched.wait(lambda: len(watched.states) == 5)
        assert watched.states == [STARTING, UP, DOWN, STARTING, UP]
        down = watched.statuses[2]
        assert down.url is None
        assert down.reason == "cloudflared ended with code 3: oh no"
        assert down.retry_seconds == 0.5
    assert len(watched.pids()) == 2
    assert not any(map(is_alive, watched.pids()))


@pytest.mark.parametrize(
    "script",
    [
        "sleep 100",
        "echo https://api.trycloudflare.com; sleep 100",
        "head -c 100000 /dev/urandom; sleep 100",
        "exec >&- 2>&-; sleep 100",
        "yes nonsense",
        "head -c 100000000 /dev/zero; sleep 100",
    ],
)
async def test_a_program_that_says_no_url_is_given_up(
    tmp_path: Path, script: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with open_tunnel(tmp_path, script, url_seconds=0.4) as watched:
            await watched.wait(lambda: DOWN in watched.states)
            reason = "cloudflared printed no usable URL in 0.4 seconds"
            assert watched.statuses[1].reason == reason
            assert not any(map(is_alive, watched.pids()[:1]))
    assert {entry["event"] for entry in logs} == {"tunnel down"}
    assert len(logs) <= 2


async def test_a_flood_of_output_is_taken_slowly_and_not_logged(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        async with open_tunnel(tmp_path, f"echo {URL}; yes flood") as watched:
            await watched.wait(lambda: UP in watched.states)
            before = trio.current_time()
            await trio.sleep(0.2)
            assert trio.current_time() - before < 20
            assert watched.states == [STARTING, UP]
    assert [entry["event"] for entry in logs] == ["tunnel up"]
    assert not any(map(is_alive, watched.pids()))


async def test_a_program_that_does_not_want_to_end_is_killed_with_its_children(
    tmp_path: Path,
) -> None:
    script = "trap '' TERM\nsh -c 'trap \"\" TERM; echo $$ >> pids; sleep 100' &\n"
    script += f"while [ $(wc -l < pids) -lt 2 ]; do sleep 0.05; done; echo {URL}\n"
    script += "while true; do sleep 1; done"
    async with open_tunnel(tmp_path, script) as watched:
        await watched.wait(lambda: UP in watched.states)
        pids = watched.pids()
        assert len(pids) == 2
        assert all(map(is_alive, pids))
        began = trio.current_time()
        watched.scope.cancel()
    assert trio.current_time() - began < 60, "the program sleeps for ever"
    await watched.wait(lambda: not any(map(is_alive, pids)))


async def test_children_of_a_program_that_died_are_killed(tmp_path: Path) -> None:
    script = f"sleep 100 & echo $! >> pids; echo {URL}; exit 0"
    async with open_tunnel(tmp_path, script) as watched:
        await watched.wait(lambda: DOWN in watched.states)
        child = watched.pids()[1]
        await watched.wait(lambda: not is_alive(child))


async def test_a_tunnel_that_need_not_say_its_url_is_left_in_peace(
    tmp_path: Path,
) -> None:
    script = "echo connected; while [ ! -e go ]; do sleep 0.05; done; exit 1"
    async with open_tunnel(
        tmp_path, script, url_seconds=0.1, needs_url=False
    ) as watched:
        await watched.wait((tmp_path / "pids").exists)
        await trio.sleep(0.3)
        assert watched.states == [STARTING]
        (tmp_path / "go").touch()
        await watched.wait(lambda: DOWN in watched.states)
        reason = "cloudflared ended with code 1: connected"
        assert watched.statuses[1].reason == reason


async def test_a_program_that_is_not_there_is_tried_again() -> None:
    nowhere = TunnelCommand(("/nowhere/cloudflared",), is_quick=True)
    statuses: list[TunnelStatus] = []
    with trio.move_on_after(0.9):
        await Tunnel(nowhere, statuses.append, chance=lambda: 0.0).keep_up()
    reason = "cloudflared cannot be run: there is no such program"
    down = [TunnelStatus(DOWN, None, reason, pause) for pause in (0.5, 1.0)]
    starting = TunnelStatus(STARTING)
    assert statuses == [starting, down[0], starting, down[1]]


def test_pauses_double_up_to_a_minute_and_differ_by_chance() -> None:
    longest = [pause_after(failures, 1) for failures in (*range(8), 10_000)]
    assert longest == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pause_after(3, 0) == 4
    assert pause_after(3, 0.5) == 6
