"""Every row against a server whose every loss is known."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from argybargy.torture.client.connection import Address
from bench.goals import ABOVE_PYTHON, DELIVERY
from bench.ledger import Tally
from bench.load import Bench, Skipped
from bench.meter import Meter
from bench.result import Result
from bench.rows import ROWS, NoSuchRow, select
from bench.rows_parked import SPARE_FILES
from bench.rows_start import version
from bench.runner import Subject, attached, run_row
from bench.server import Server
from bench.sizes import SMOKE, Sizes
from bench_harness.fake import TOKEN, Fake, Manners, serving

FAKE = Path(sys.executable).parent / "pytest"
"""A script with a Python of its own, and with the option ``--version``."""
SIZES = attrs.evolve(
    SMOKE,
    seconds=5.0,
    wait_seconds=1,
    patience_seconds=0.2,
    connections=4,
    rooms=2,
    polls=20,
    posts=20,
    cap=10,
    full_posts=5,
    histories=10,
    contenders=3,
    questions=4,
    pairs=2,
    rounds=3,
    audience=5,
    broadcasts=3,
    directs=3,
    parked=6,
    parked_many=6,
    idle_parked=6,
    idle_seconds=0.1,
)


async def measured(
    name: str, manners: Manners | None = None, sizes: Sizes = SIZES
) -> Result:
    """Return what a row finds out about a fake with these manners."""
    async with serving(Fake(manners or Manners())) as port:
        # The fake lives in this process, so the figures mean nothing here.
        server = Server(Address("127.0.0.1", port), TOKEN, Meter(os.getpid()), 0.1)
        subject = Subject(
            "fake",
            f"{FAKE} serve",
            lambda: attached(server),
            lambda *_: attached(server),
        )
        (row,) = select(name)
        return await run_row(subject, row, sizes)


def figure(result: Result, name: str) -> float:
    """Return the value of one figure."""
    value = result.figure(name)
    assert value is not None
    return value


def copies(times: int, fits: Callable[[str, str], bool]) -> Manners:
    """Return manners that deliver so many copies of what fits."""
    return Manners(copies=lambda reader, text: times if fits(reader, text) else 1)


# They need a server with a store that they can fill: see test_rows_big.py.
BIG = {"many-rooms", "long-room"}


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.name not in BIG])
async def test_nothing_is_found_wrong_with_a_server_that_is_right(name: str) -> None:
    result = await measured(name)
    assert (result.row, result.note) == (name, "")
    assert (result.tally, result.failed) == (Tally(), 0)


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("poll", 20),
        ("post", 20),
        ("post-followed", 20),
        ("one-room", 20),
        ("full-room", 5),
        ("history", 10),
        ("claims", 12),
        ("admin-state", 5),
        ("ping-pong", 6),
        ("broadcast", 3),
        ("burst", 3),
        ("direct", 3),
    ],
)
async def test_a_row_does_as_much_as_it_was_told(name: str, operations: int) -> None:
    result = await measured(name)
    assert result.operations == operations
    assert result.cpu_us_per_operation is not None
    assert result.p50_ms is not None
    assert result.p99_ms is not None
    assert 0 < result.p50_ms <= result.p99_ms


@pytest.mark.parametrize("name", ["post", "post-followed", "one-room"])
async def test_a_message_lost_on_the_way_is_counted_once(name: str) -> None:
    manners = copies(0, lambda _, text: "-7 " in text)
    assert (await measured(name, manners)).tally == Tally(lost=1)


@pytest.mark.parametrize("name", ["post", "post-followed", "one-room"])
async def test_a_message_delivered_twice_is_counted_once(name: str) -> None:
    manners = copies(2, lambda _, text: "-7 " in text)
    assert (await measured(name, manners)).tally == Tally(doubled=1)


async def test_losses_in_a_full_room_are_told_from_its_filling() -> None:
    manners = copies(0, lambda _, text: "filler" in text or text.startswith("full-"))
    assert (await measured("full-room", manners)).tally == Tally(lost=5)


async def test_a_broadcast_is_owed_to_every_reader() -> None:
    lossy = copies(0, lambda reader, text: text == "broadcast-1" and reader != "r2")
    result = await measured("broadcast", lossy)
    assert result.tally == Tally(lost=4)
    doubling = copies(3, lambda reader, text: (reader, text) == ("r2", "broadcast-0"))
    assert (await measured("broadcast", doubling)).tally == Tally(doubled=2)


async def test_a_burst_is_owed_to_every_reader_too() -> None:
    lossy = copies(0, lambda reader, text: (reader, text) == ("r2", "burst-1"))
    result = await measured("burst", lossy)
    assert result.tally == Tally(lost=1)


async def test_a_wake_up_that_is_lost_is_late_although_the_message_comes() -> None:
    manners = Manners(wakes=lambda _, text: text != "broadcast-2")
    sizes = attrs.evolve(SIZES, wait_seconds=2, patience_seconds=1.0)
    result = await measured("broadcast", manners, sizes)
    assert figure(result, "late") == 5
    assert result.tally == Tally()


async def test_a_direct_message_that_others_read_is_a_stray() -> None:
    result = await measured("direct", Manners(is_private=False))
    assert figure(result, "strays") == 4 * 3
    assert figure(await measured("direct"), "strays") == 0


async def test_a_lost_pong_stalls_its_round_and_not_the_run() -> None:
    manners = copies(0, lambda _, text: text == "pong-0")
    result = await measured("ping-pong", manners)
    assert figure(result, "rounds stalled") == 2
    assert (result.operations, result.tally) == (4, Tally(lost=2))


async def test_questions_with_several_winners_or_none_are_counted() -> None:
    assert (await measured("claims", Manners(wins=3))).tally == Tally(doubled=8)
    assert (await measured("claims", Manners(wins=0))).tally == Tally(lost=4)


async def test_a_post_that_is_refused_has_failed_and_is_owed_to_nobody() -> None:
    manners = Manners(fails=frozenset({"broadcast-0", "broadcast-2"}))
    result = await measured("broadcast", manners)
    assert (result.operations, result.failed, result.tally) == (1, 2, Tally())


async def test_memory_is_measured_with_every_poll_parked() -> None:
    result = await measured("parked")
    assert figure(result, "parked") == 6


async def test_as_many_polls_are_parked_as_files_are_allowed() -> None:
    allowed, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SPARE_FILES + 5, hard))
    try:
        result = await measured("parked-20000")
        refused = await measured("parked")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    assert figure(result, "parked") == 5
    assert refused.note == "skipped: 206 open files are needed, 205 are allowed"


@pytest.mark.parametrize("name", ["broadcast", "burst"])
async def test_a_delivery_is_compared_with_an_empty_poll(name: str) -> None:
    result = await measured(name)
    assert result.cpu_seconds is not None
    each = 1e6 * result.cpu_seconds / (3 * 5)
    assert figure(result, "a delivery") == pytest.approx(each)
    assert figure(result, DELIVERY) > 0


async def test_a_round_trip_is_timed_by_the_clock() -> None:
    result = await measured("ping-pong")
    assert result.deciding == pytest.approx(1e3 * result.elapsed_seconds / 6)


async def test_a_version_is_timed_beside_the_python_of_its_script() -> None:
    result = await measured("version")
    assert result.deciding is not None
    # Of the script, which starts a Python and imports pytest.
    assert 0 < figure(result, ABOVE_PYTHON) < result.deciding
    assert result.operations == 5


def program(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "arguments", "reason"),
    [
        (
            f"#!{sys.executable}\nraise SystemExit(2)",
            "serve",
            "program --version fails",
        ),
        ("#!/bin/sh\nexit 0", "serve", "names no Python"),
        (f"#!{sys.executable}\n", "start", "is not a program with the argument serve"),
    ],
)
async def test_a_program_whose_version_cannot_be_timed_is_skipped(
    tmp_path: Path, text: str, arguments: str, reason: str
) -> None:
    command = f"{program(tmp_path, text)} {arguments}"
    with pytest.raises(Skipped, match=reason):
        await version(Bench(Server(Address("127.0.0.1", 1), ""), SIZES, None, command))


def test_the_optional_rows_run_only_when_they_are_named() -> None:
    assert [row.name for row in select("")][-1] == "version"
    assert [row.name for row in select("idle, poll")] == ["idle", "poll"]
    assert select("all") == ROWS
    with pytest.raises(NoSuchRow, match="no row pol; there are poll, post"):
        select("poll,pol")


def test_every_row_says_what_it_measures() -> None:
    assert all(row.title.endswith(".") for row in ROWS)
