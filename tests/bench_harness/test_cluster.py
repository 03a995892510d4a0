"""The benchmark of two relays on one PostgreSQL. Needs PostgreSQL."""

import re
import sys
from pathlib import Path

import pytest
import trio

import bench
from support.postgres import need_programs

pytestmark = pytest.mark.cluster
PROGRAM = Path(next(iter(bench.__path__))) / "cluster.py"


async def test_two_relays_are_measured_and_nothing_is_lost() -> None:
    need_programs()
    sizes = ("--polls", "4", "--rounds", "8", "--seconds", "1")
    done = await trio.run_process(
        [sys.executable, str(PROGRAM), *sizes], capture_stdout=True
    )
    hot, here, there, across, same, machine = done.stdout.decode().splitlines()
    assert re.search(r"\d+ posts/s, .* refused: none; lost or doubled: none", hot)
    for relay in here, there:
        assert re.search(r"\d+ conflicts, \d+ waits for a turn of [\d.]+ ms", relay)
    for wake in across, same:
        assert re.search(r"4 polls parked at each relay: p50 .* of 4$", wake)
    assert "cores, load" in machine


async def test_a_server_that_is_away_is_told() -> None:
    done = await trio.run_process(
        [sys.executable, str(PROGRAM), "--store", "postgresql://x@127.0.0.1:1/y"],
        capture_stderr=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"Connection refused" in done.stderr
