"""Try real agent programs against a fake model and a real relay: ``nox -s harness``.

Each program runs in a world of its own: a temporary home, a temporary project, and no
variables of this environment. It talks to loopback only. Needs npm and tmux, and about
1.5 GB for the programs.
"""

import argparse
import sys
from collections.abc import AsyncIterator
from pathlib import Path

if not __package__:
    # Run as a directory: the package ``harness`` is found in its parent.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import trio

from harness import conversation
from harness.checks import Outcome, run_checks, run_headless
from harness.clients import CLAUDE, CLIENTS, CODEX, Client
from harness.conversation import converse
from harness.install import install
from harness.report import PAGE, Report, read_reports, render, with_report
from harness.world import open_world

SILENCE_SECONDS = 60.0
LONG_SECONDS = 40 * 60.0
"""Some programs stop watchers after 30 minutes."""


async def try_client(client: Client, programs: Path, seconds: float) -> list[Outcome]:
    """Run all checks of a program and print each outcome at once."""
    outcomes: list[Outcome] = []
    async with open_world(programs) as world:
        await _collect(client, outcomes, run_checks(world, client, seconds))
    if client.headless:
        async with open_world(programs) as world:
            await _collect(client, outcomes, run_headless(world, client))
    return outcomes


async def _collect(
    client: Client, outcomes: list[Outcome], found: AsyncIterator[Outcome]
) -> None:
    """Add outcomes to a list, and a failure to start as one more."""
    try:
        async for outcome in found:
            outcomes.append(outcome)
            print(f"{client.title}: {outcome}", flush=True)  # noqa: T201 - a report
    except (trio.TooSlowError, RuntimeError) as error:
        notes = "\n".join(getattr(error, "__notes__", []))
        print(f"{client.title}: {error}\n{notes}", flush=True)  # noqa: T201 - a report
        outcomes.append(Outcome("starts with our files", False, "it did not start"))


async def _collect_conversation(folder: Path, outcomes: list[Outcome]) -> None:
    """Add the outcomes of a conversation of two programs to a list."""
    try:
        for outcome in await converse(folder):
            outcomes.append(outcome)
            print(f"{conversation.TITLE}: {outcome}", flush=True)  # noqa: T201 - a report
    except (trio.TooSlowError, RuntimeError) as error:
        print(f"{conversation.TITLE}: {error}", flush=True)  # noqa: T201 - a report
        outcomes.append(Outcome("they start", False, "one did not start"))


async def main(arguments: argparse.Namespace) -> int:
    """Install and try the programs, and write the page if that is wanted."""
    tried = []
    folder = arguments.folder.resolve()
    failed = 0
    for key in arguments.programs:
        client = CLIENTS[key]
        problem = await install(client, folder)
        seconds = LONG_SECONDS if arguments.long else arguments.silence
        if problem:
            outcomes = [Outcome("installs", None, problem)]
        else:
            outcomes = await try_client(client, folder, seconds)
        failed += any(outcome.passed is False for outcome in outcomes)
        tried.append(Report.of(client, outcomes))
    if {CLAUDE.key, CODEX.key} <= set(arguments.programs):
        outcomes = []
        await _collect_conversation(folder, outcomes)
        failed += any(outcome.passed is False for outcome in outcomes)
        tried.append(Report.of_conversation(outcomes))
    if arguments.write:
        reports = read_reports()
        for report in tried:
            reports = with_report(reports, report)
        PAGE.write_text(render(reports))
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", default=list(CLIENTS))
    parser.add_argument("--folder", type=Path, required=True, help="for the programs")
    parser.add_argument("--silence", type=float, default=SILENCE_SECONDS)
    parser.add_argument("--long", action="store_true", help="40 minutes of silence")
    parser.add_argument("--write", action="store_true", help="write the docs page")
    sys.exit(trio.run(main, parser.parse_args()))
