"""Run of the torture proofs, and its report."""

from pathlib import Path
from typing import Final

import trio

from argybargy import __version__
from argybargy.cli.client.protocol import Json
from argybargy.cli.engine import parse_store_url, translated_store_errors, unusable
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.output import Output
from argybargy.torture.harness import Promise
from argybargy.torture.promises import PROMISES
from argybargy.torture.runner import ProofRun, TortureRun, run_proofs
from argybargy.torture.shared_server import SharedServer

_HEADS: Final = ("PROMISE", "KEPT", "FIGURE")
_MINUTE: Final = 60


def try_promises(
    out: Output,
    minutes: float,
    only: str | None,
    seed: int,
    keep: Path | None,
    *,
    store: str | None = None,
) -> int:
    """Run proofs as the options say, and return the exit code.

    Raises:
        CliError: An option is invalid.
    """
    plan = TortureRun(
        _chosen(only),
        _seconds(minutes),
        seed,
        _empty(keep),
        server=None if store is None else _server(store),
    )

    def begin(promise: Promise) -> None:
        out.say(f"{promise.key} {promise.title}: {promise.text} ...")

    def end(trial: ProofRun) -> None:
        out.say(f"  {trial.result.figure} ({trial.seconds:.0f} s)")
        for fault in trial.result.faults:
            out.warn(f"  BROKEN: {fault}")

    trials = trio.run(run_proofs, plan, begin, end)
    show_trials(out, plan, trials)
    is_kept = all(trial.result.is_kept for trial in trials)
    return Exit.OK if is_kept else Exit.FAILED


def _chosen(only: str | None) -> list[Promise]:
    if only is None:
        return list(PROMISES)
    wanted = [key.strip().upper() for key in only.split(",")]
    known = {promise.key: promise for promise in PROMISES}
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise CliError(
            f"Unknown promise: {', '.join(unknown)}.",
            f"Promises: {', '.join(known)}.",
            Exit.USAGE,
        )
    return [known[key] for key in wanted]


def _server(store: str) -> SharedServer:
    server = SharedServer(parse_store_url("--store", store))
    with translated_store_errors(unusable(server.url)):
        try:
            may_make = server.may_make_databases()
        except ImportError:
            raise
        except Exception as error:
            # Only now is it known that psycopg is installed.
            from argybargy.store.postgres.errors import translate  # noqa: PLC0415

            raise translate(error) from error
    if not may_make:
        raise CliError(
            f"{unusable(server.url)}: its user may not create databases.",
            "Run ALTER USER name CREATEDB, or name another user.",
            Exit.NOTHING,
        )
    return server


def _seconds(minutes: float) -> float:
    if not 0 < minutes < float("inf"):
        raise CliError(
            "--minutes must be more than 0.", "For example: --minutes 5", Exit.USAGE
        )
    return minutes * _MINUTE


def _empty(keep: Path | None) -> Path | None:
    if (
        keep is not None
        and keep.exists()
        and (not keep.is_dir() or any(keep.iterdir()))
    ):
        raise CliError(
            f"{keep} is not empty.", "Name an empty or new directory.", Exit.USAGE
        )
    return keep


def show_trials(out: Output, plan: TortureRun, trials: list[ProofRun]) -> None:
    """Print the report as a table, or as JSON."""
    if out.is_json:
        out.write_json(_report(plan, trials))
        return
    rows = [
        (
            f"{trial.promise.key} {trial.promise.title}",
            "yes" if trial.result.is_kept else "NO",
            trial.result.figure,
        )
        for trial in trials
    ]
    out.write_table(_HEADS, rows)


def _report(plan: TortureRun, trials: list[ProofRun]) -> Json:
    return {
        "version": __version__,
        "seed": plan.seed,
        "seconds": round(sum(trial.seconds for trial in trials), 1),
        "kept": all(trial.result.is_kept for trial in trials),
        "promises": [
            {
                "key": trial.promise.key,
                "title": trial.promise.title,
                "text": trial.promise.text,
                "kept": trial.result.is_kept,
                "figure": trial.result.figure,
                "facts": dict(trial.result.facts),
                "faults": list(trial.result.faults),
                "seconds": round(trial.seconds, 1),
            }
            for trial in trials
        ],
    }
