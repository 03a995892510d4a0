"""Run rows against servers in turns, each on a fresh server.

A failure is a result with a note, except for a busy machine, which ends the run.
"""

import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial
from pathlib import Path

import attrs
import trio

from argybargy.torture.client.connection import is_healthy
from bench.load import FAILURES, Bench, Launch, Skipped, settle
from bench.machine import BusyMachine, Machine, is_busy
from bench.result import Result, combine
from bench.rows import Row
from bench.server import Server, ServerDied
from bench.sizes import Sizes

ATTEMPTS = 3
"""Turns on a busy machine, after which the run ends."""


@attrs.frozen
class Subject:
    """A server to measure.

    Attributes:
        label: Name in the table.
        command: Command that starts it; empty if attached.
        open: Opens a server for one row.
        launch: Starts another one; ``None`` if attached.
        scratch: Directory for what later rounds use again; ``None`` if attached.
    """

    label: str
    command: str
    open: Callable[[], AbstractAsyncContextManager[Server]]
    launch: Launch | None = None
    scratch: Path | None = None


@attrs.frozen
class Measured:
    """A server and what was found about it.

    Attributes:
        subject: The server.
        rounds: Results, for each row one of every round.
    """

    subject: Subject
    rounds: tuple[tuple[Result, ...], ...]

    @property
    def results(self) -> tuple[Result, ...]:
        """One result for each row: its rounds combined."""
        return tuple(combine(each) for each in self.rounds)


@attrs.frozen
class Plan:
    """What to run, and under which conditions.

    Attributes:
        rows: The rows.
        sizes: Their sizes.
        rounds: Number of turns that each server has in every row.
        machine: The cores whose other load is watched; ``None`` for any load.
        is_busy_accepted: Whether figures of a busy machine are kept, too.
    """

    rows: Sequence[Row]
    sizes: Sizes
    rounds: int = 1
    machine: Machine | None = None
    is_busy_accepted: bool = False


@asynccontextmanager
async def attached(server: Server) -> AsyncIterator[Server]:
    """Yield a running server, and leave it running."""
    yield server


async def measure(subjects: Sequence[Subject], plan: Plan) -> tuple[Measured, ...]:
    """Run every row on every subject, and that in each round.

    Subjects take turns (A, B, A, B), so that a change in the speed of the machine
    affects all of them alike. A row that cannot be measured, or ends its server, has a
    result with a note.

    Raises:
        BusyMachine: Other processes use the cores, and the plan does not accept that.
    """
    if plan.machine is not None and not plan.is_busy_accepted:
        await plan.machine.wait_quiet()
    found: list[list[tuple[Result, ...]]] = [[] for _ in subjects]
    for row in plan.rows:
        turns: list[list[Result]] = [[] for _ in subjects]
        for number in range(1, plan.rounds + 1):
            for subject, results in zip(subjects, turns, strict=True):
                _tell(f"{row.name}: {subject.label}, {number} of {plan.rounds} ...")
                results.append(await _take_turn(subject, row, plan))
        for rounds, results in zip(found, turns, strict=True):
            rounds.append(tuple(results))
    pairs = zip(subjects, found, strict=True)
    return tuple(Measured(subject, tuple(rounds)) for subject, rounds in pairs)


async def measure_shared(
    subjects: Sequence[Subject], plan: Plan
) -> tuple[Measured, ...]:
    """Run every row with each subject started once: faster, but rows may interfere.

    Raises:
        ServerDied: A subject did not become healthy.
    """
    async with AsyncExitStack() as stack:
        running = []
        for subject in subjects:
            server = await stack.enter_async_context(subject.open())
            running.append(attrs.evolve(subject, open=partial(attached, server)))
        return await measure(running, plan)


async def _take_turn(subject: Subject, row: Row, plan: Plan) -> Result:
    """Run a row once; repeat it while the machine is busy.

    Raises:
        BusyMachine: It is busy at each of `ATTEMPTS`.
    """
    if plan.machine is None:
        return await run_row(subject, row, plan.sizes)
    others = 0.0
    for number in range(ATTEMPTS):
        if number > 0:
            _tell(f"{row.name}: {plan.machine.described(others)}; once more ...")
            await plan.machine.wait_quiet()
        before = plan.machine.read()
        result = await run_row(subject, row, plan.sizes)
        others = plan.machine.share_since(before)
        if plan.is_busy_accepted or not is_busy(others):
            return attrs.evolve(result, others=others)
    raise BusyMachine(
        f"{plan.machine.described(others)} during the row {row.name}, and did so "
        f"{ATTEMPTS} times. Stop what runs beside the benchmark, or pass --anyway."
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  # progress


async def run_row(subject: Subject, row: Row, sizes: Sizes) -> Result:
    """Run one row; return its result, or a result with the reason for none."""
    result = Result(row.name)
    try:
        with trio.fail_after(row.seconds):
            async with subject.open() as server:
                if server.meter is not None:
                    # What it loads once it listens is no part of a request.
                    await settle(server)
                bench = Bench(
                    *(server, sizes, subject.launch, subject.command, subject.scratch)
                )
                try:
                    result = await row.run(bench)
                finally:
                    bench.close_nowait()
                result = await _note_health(result, server)
    except* Skipped as skipped:
        result = Result(row.name, note=f"skipped: {_reason(skipped)}")
    except* (*FAILURES, ServerDied) as broken:
        result = Result(row.name, note=f"not measured: {_reason(broken)}")
    return result


async def _note_health(result: Result, server: Server) -> Result:
    if await is_healthy(server.address, 5.0):
        return result
    note = f"{result.note}; the server no longer answers".removeprefix("; ")
    return attrs.evolve(result, note=note)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def choose_cores() -> tuple[int, int]:
    """Return cores for server and client; the same one on a single-core machine."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def take_core(core: int) -> None:
    """Pin this process to ``core``, and raise its descriptor limit to the hard limit.

    Servers started afterwards inherit the limit.
    """
    os.sched_setaffinity(0, {core})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
