"""Run rows against servers, each on a fresh server; report failures as results."""

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

import attrs
import trio

from argybargy.torture.client.connection import is_healthy
from bench.load import FAILURES, Bench, Skipped
from bench.result import Result
from bench.rows import Row
from bench.server import Server, ServerDied
from bench.sizes import Sizes

ROW_SECONDS = 120.0


@attrs.frozen
class Subject:
    """A server to measure.

    Attributes:
        label: Name in the table.
        command: Command that starts it; empty if attached.
        open: Opens a server for one row.
        launch: Starts another one; ``None`` if attached.
    """

    label: str
    command: str
    open: Callable[[], AbstractAsyncContextManager[Server]]
    launch: Callable[[], AbstractAsyncContextManager[Server]] | None = None


@attrs.frozen
class Measured:
    """A server and its results, one for each row."""

    subject: Subject
    results: tuple[Result, ...]


@asynccontextmanager
async def attached(server: Server) -> AsyncIterator[Server]:
    """Yield a running server, and leave it running."""
    yield server


async def measure(
    subjects: Sequence[Subject], rows: Sequence[Row], sizes: Sizes
) -> tuple[Measured, ...]:
    """Run every row on every subject.

    Subjects take turns within a row, so that other load on the machine affects all of
    them alike. A row that cannot be measured, or ends its server, has a result with a
    note.
    """
    found: list[list[Result]] = [[] for _ in subjects]
    for row in rows:
        for subject, results in zip(subjects, found, strict=True):
            print(f"{row.name}: {subject.label} ...", file=sys.stderr)  # noqa: T201
            results.append(await run_row(subject, row, sizes))
    pairs = zip(subjects, found, strict=True)
    return tuple(Measured(subject, tuple(results)) for subject, results in pairs)


async def measure_shared(
    subjects: Sequence[Subject], rows: Sequence[Row], sizes: Sizes
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
        return await measure(running, rows, sizes)


async def run_row(subject: Subject, row: Row, sizes: Sizes) -> Result:
    """Run one row; return its result, or a result with the reason for none."""
    result = Result(row.name)
    try:
        with trio.fail_after(ROW_SECONDS):
            async with subject.open() as server:
                bench = Bench(server, sizes, subject.launch)
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
