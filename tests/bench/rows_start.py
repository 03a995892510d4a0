"""Rows on the start: from the command to the first responses."""

import resource
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from bench.client import Operator
from bench.goals import ABOVE_PYTHON
from bench.load import Bench, Skipped
from bench.result import Figure, Result, percentile_ms
from bench.server import HEALTH, OK, Server

DASHBOARD = encode_request("GET", "/dashboard", {})
CALLS = 5
"""Calls of a command for each start of a server: they are short."""


@attrs.define
class _Sentry:
    """Asks for ``/health`` again and again, until it is told to stop.

    The mutable state is the longest time that an answer took.
    """

    server: Server
    longest_seconds: float = 0.0
    is_over: bool = False

    async def watch(self) -> None:
        connection = KeepAliveConnection(self.server.address)
        try:
            while not self.is_over:
                began = trio.current_time()
                await connection.exchange(HEALTH)
                took = trio.current_time() - began
                self.longest_seconds = max(self.longest_seconds, took)
        finally:
            connection.close_nowait()


async def start(bench: Bench) -> Result:
    """Time from the start of the command to the first answer to an agent."""
    if bench.launch is None:
        raise Skipped("the server was running already")
    samples, spent = [], []
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name:
        folder = Path(name)
        request = await _invite(bench, folder)
        for _ in range(bench.sizes.starts):
            async with bench.launch(folder, request) as server:
                samples.append(server.start_seconds or 0.0)
                if server.meter is not None:
                    spent.append(server.meter.cpu_seconds())
    median = percentile_ms(samples, 50)
    return Result(
        "start",
        operations=len(samples),
        p50_ms=median,
        p99_ms=percentile_ms(samples, 99),
        figures=(
            Figure("start", median or 0.0, "ms", decides=True),
            Figure("CPU", percentile_ms(spent, 50) or 0.0, "ms"),
        ),
    )


async def _invite(bench: Bench, folder: Path) -> bytes:
    """Invite an agent into a relay on `folder`; return its first request."""
    assert bench.launch is not None
    async with bench.launch(folder) as server:
        operator = Operator(server.address, server.admin_token)
        (agent,) = await operator.invite("start", ("first",))
    return agent.request("GET", "/messages?since=0&wait=0")


async def version(bench: Bench) -> Result:
    """CPU time of the option ``--version``, and above that of a bare Python."""
    program = program_of(bench.command)
    python = [str(interpreter_of(program)), "-c", "pass"]
    count = CALLS * bench.sizes.starts
    bare = await _cheapest_ms(python, count)
    whole = await _cheapest_ms([str(program), "--version"], count)
    figures = (
        Figure("--version, CPU", whole, "ms", decides=True),
        Figure(ABOVE_PYTHON, whole - bare, "ms"),
    )
    return Result("version", operations=count, figures=figures)


def program_of(command: str) -> Path:
    """Return the program of a command such as ``argybargy serve``.

    Raises:
        Skipped: It is not one that also has ``--version``.
    """
    match shlex.split(command):
        case [program, "serve"] if found := shutil.which(program):
            return Path(found)
        case _:
            raise Skipped("the command is not a program with the argument serve")


def interpreter_of(program: Path) -> Path:
    """Return the Python of a script.

    Raises:
        Skipped: Its first line does not name one.
    """
    first = program.read_bytes().partition(b"\n")[0].decode(errors="replace")
    python = Path(first.removeprefix("#!").strip())
    if not first.startswith("#!") or "python" not in python.name:
        raise Skipped(f"the first line of {program} names no Python")
    return python


async def _cheapest_ms(command: Sequence[str], count: int) -> float:
    """Return the least CPU time of some calls, which other programs change little.

    Raises:
        Skipped: The command fails.
    """
    took = []
    # Bytecode is cached, as it is after the first start of an installed program.
    words = ["env", "PYTHONDONTWRITEBYTECODE=", *command]
    for _ in range(count):
        before = _children_seconds()
        done = await trio.run_process(
            words, check=False, capture_stdout=True, stderr=subprocess.DEVNULL
        )
        took.append(1000 * (_children_seconds() - before))
        if done.returncode != 0:
            raise Skipped(f"{' '.join(command)} fails")
    return min(took)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def dashboard(bench: Bench) -> Result:
    """Time from the start of the command to the dashboard, asked for at once."""
    if bench.launch is None:
        raise Skipped("the server was running already")
    samples, failed, longest = [], 0, 0.0
    for _ in range(bench.sizes.starts):
        async with bench.launch() as server, trio.open_nursery() as nursery:
            sentry = _Sentry(server)
            nursery.start_soon(sentry.watch)
            began = trio.current_time()
            failed += await _status(server, DASHBOARD) != OK
            took = trio.current_time() - began
            samples.append((server.start_seconds or 0.0) + took)
            longest = max(longest, sentry.longest_seconds)
            sentry.is_over = True
    median = percentile_ms(samples, 50)
    return Result(
        "dashboard",
        operations=len(samples) - failed,
        failed=failed,
        p50_ms=median,
        p99_ms=percentile_ms(samples, 99),
        figures=(
            Figure("dashboard", median or 0.0, "ms", decides=True),
            Figure("longest /health meanwhile", 1000 * longest, "ms"),
        ),
    )


async def _status(server: Server, request: bytes) -> int:
    connection = KeepAliveConnection(server.address)
    try:
        return (await connection.exchange(request)).status
    finally:
        connection.close_nowait()
