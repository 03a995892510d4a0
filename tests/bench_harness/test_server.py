"""Starting, measuring and stopping a real process: Linux only, as the bench is."""

import os
import shutil
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from argybargy.torture.client.connection import is_healthy
from argybargy.torture.client.messages import encode_request
from bench.load import Bench, Skipped
from bench.meter import Meter
from bench.result import Result
from bench.rows import Row, select
from bench.runner import Plan, Subject, measure, measure_shared, run_row
from bench.server import Launcher, Server, ServerDied, pinned
from bench.sizes import SMOKE, Sizes

pytestmark = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="needs Linux with taskset"
)
FAKE = Path(__file__).with_name("fake.py")
BARE = f"{sys.executable} {FAKE} $ARGYBARGY_PORT $ARGYBARGY_DATA"
# A shell that stays in front of the server, as wrappers do.
COMMAND = f"sh -c '{BARE} & trap \"kill $!\" TERM; wait; wait'"


def launcher(command: str = COMMAND) -> Launcher:
    return Launcher(command, min(os.sched_getaffinity(0)))


def started(label: str = "fake", command: str = COMMAND) -> Subject:
    start = launcher(command).start
    return Subject(label, command, start, start)


async def test_a_server_is_measured_with_its_children_and_stopped_after() -> None:
    async with launcher().start() as server:
        assert server.start_seconds is not None
        assert 0 < server.start_seconds < 20
        assert server.meter is not None
        before = server.meter.cpu_seconds()
        for _ in range(20):
            assert await is_healthy(server.address)
        # The shell does nothing meanwhile; it is its child that works.
        assert server.meter.cpu_seconds() > before
        assert server.meter.memory_bytes() > 8 * 2**20
    assert not await is_healthy(server.address)
    assert server.meter.cpu_seconds() == 0
    assert server.meter.memory_bytes() == 0


async def test_a_server_starts_again_on_a_directory_with_settings_of_its_own(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    command = f"sh -c 'echo $COLOUR >> $ARGYBARGY_DATA/colours; exec {BARE}'"
    for colour in ("red", "blue"):
        async with launcher(command).start(data, settings={"COLOUR": colour}):
            pass
    assert (data / "colours").read_text().split() == ["red", "blue"]


async def test_a_start_ends_with_the_answer_to_a_certain_request(
    tmp_path: Path,
) -> None:
    missing = encode_request("GET", "/whoami", {})
    ready = encode_request("GET", "/dashboard", {})
    async with launcher().start(tmp_path, ready) as server:
        assert server.start_seconds is not None
    with trio.move_on_after(1) as scope:
        async with launcher().start(tmp_path, missing):  # answered with 401
            pass
    assert scope.cancelled_caught


async def test_a_command_that_ends_at_once_is_reported_with_what_it_said() -> None:
    with pytest.raises(ServerDied, match="no such thing"):
        async with launcher("sh -c 'echo no such thing'").start():
            pass


async def test_a_row_on_a_server_that_does_not_start_says_so_and_the_next_runs() -> (
    None
):
    subjects = [started("dead", "sh -c 'echo no luck'"), started()]
    dead, alive = await measure(subjects, Plan(select("claims"), SMOKE))
    assert dead.results[0].note.startswith("not measured: ")
    assert "no luck" in dead.results[0].note
    assert (alive.results[0].note, alive.results[0].operations) == ("", 80)


async def test_a_server_that_dies_in_a_row_is_reported() -> None:
    async def kill(bench: Bench) -> Result:  # a row is async
        assert bench.server.meter is not None
        os.kill(bench.server.meter.pid, signal.SIGKILL)
        return Result("kill")

    subject = started(command=f"sh -c 'exec {BARE}'")
    result = await run_row(subject, Row("kill", kill), SMOKE)
    assert result.note == "the server no longer answers"


async def test_a_row_that_cannot_be_measured_says_why() -> None:
    async def skip(bench: Bench) -> Result:
        raise Skipped(f"no {len(bench.agents)}")

    result = await run_row(started(), Row("skip", skip), SMOKE)
    assert result == Result("skip", note="skipped: no 0")


async def test_a_shared_server_is_started_once_for_all_rows() -> None:
    starts = 0
    start = launcher().start

    def counted() -> AbstractAsyncContextManager[Server]:
        nonlocal starts
        starts += 1
        return start()

    subject = Subject("fake", COMMAND, counted, start)
    (found,) = await measure_shared(
        [subject], Plan(select("claims,history"), SMOKE, rounds=2)
    )
    assert [result.note for result in found.results] == ["", ""]
    assert starts == 1


async def test_the_start_is_timed_as_often_as_it_is_told() -> None:
    subject = started()
    (row,) = select("start")
    sizes = Sizes(starts=2)
    assert (await run_row(subject, row, sizes)).operations == 2


def test_a_command_keeps_its_quotes_and_its_environment_is_added_to() -> None:
    assert pinned("run 'a b'", 1, {"X": "y"}) == [
        *("taskset", "-c", "1", "env", "X=y", "run", "a b")
    ]


def test_the_processor_time_of_this_process_only_grows() -> None:
    meter = Meter(os.getpid())
    before = meter.cpu_seconds()
    sum(number * number for number in range(200_000))
    assert meter.cpu_seconds() > before > 0
