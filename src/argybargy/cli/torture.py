"""The command that tries what the relay promises, on this very machine."""

from pathlib import Path
from typing import Annotated, Final

import attrs
import trio
from cyclopts import Parameter

from argybargy import __version__
from argybargy.cli.exits import CliError, Exit
from argybargy.cli.operator import Json
from argybargy.cli.output import Output
from argybargy.cli.world import Common, World
from argybargy.torture.promises import PROMISES
from argybargy.torture.proof import Promise
from argybargy.torture.trial import Plan, Trial, run_plan

_HEADS: Final = ("PROMISE", "KEPT", "FIGURE")
_MINUTE: Final = 60


@attrs.frozen
class TortureCommand:
    """The verb, over what it finds around it."""

    world: World

    def torture(
        self,
        *,
        minutes: float = 5.0,
        only: Annotated[str | None, Parameter(help="Keys, such as G1,G5.")] = None,
        seed: int = 1,
        keep: Path | None = None,
        common: Common | None = None,
    ) -> int:
        """Try what the relay promises, on relays of its own.

        It kills them, floods them, hangs up on them and fills their disks, each in a
        directory of its own; no relay that is running here is touched.

        Example: argybargy torture --minutes 0.1 --only G10

        Args:
            minutes: How long to go on, about; every proof does one round at least.
            only: Which promises to try; all if not said.
            seed: Draws what is left to chance; the same again for the same trials.
            keep: An empty or new directory, where data and logs stay.
            common: What every command takes.
        """
        out = self.world.output_for(common or Common())
        plan = Plan(_chosen(only), _seconds(minutes), seed, _empty(keep))

        def begin(promise: Promise) -> None:
            out.say(f"{promise.key} {promise.title}: {promise.text} ...")

        def end(trial: Trial) -> None:
            out.say(f"  {trial.finding.figure} ({trial.seconds:.0f} s)")
            for fault in trial.finding.faults:
                out.warn(f"  BROKEN: {fault}")

        trials = trio.run(run_plan, plan, begin, end)
        show_trials(out, plan, trials)
        is_kept = all(trial.finding.is_kept for trial in trials)
        return Exit.OK if is_kept else Exit.FAILED


def _chosen(only: str | None) -> list[Promise]:
    if only is None:
        return list(PROMISES)
    wanted = [key.strip().upper() for key in only.split(",")]
    known = {promise.key: promise for promise in PROMISES}
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise CliError(
            f"There is no promise {', '.join(unknown)}.",
            f"There are {', '.join(known)}.",
            Exit.USAGE,
        )
    return [known[key] for key in wanted]


def _seconds(minutes: float) -> float:
    if not 0 < minutes < float("inf"):
        raise CliError(
            "--minutes must be more than 0.", "Such as --minutes 5.", Exit.USAGE
        )
    return minutes * _MINUTE


def _empty(keep: Path | None) -> Path | None:
    if (
        keep is not None
        and keep.exists()
        and (not keep.is_dir() or any(keep.iterdir()))
    ):
        raise CliError(
            f"{keep} is not empty.", "Name a directory that is, or none.", Exit.USAGE
        )
    return keep


def show_trials(out: Output, plan: Plan, trials: list[Trial]) -> None:
    """Print the report."""
    if out.is_json:
        out.write_json(_report(plan, trials))
        return
    rows = [
        (
            f"{trial.promise.key} {trial.promise.title}",
            "yes" if trial.finding.is_kept else "NO",
            trial.finding.figure,
        )
        for trial in trials
    ]
    out.write_table(_HEADS, rows)


def _report(plan: Plan, trials: list[Trial]) -> Json:
    return {
        "version": __version__,
        "seed": plan.seed,
        "seconds": round(sum(trial.seconds for trial in trials), 1),
        "kept": all(trial.finding.is_kept for trial in trials),
        "promises": [
            {
                "key": trial.promise.key,
                "title": trial.promise.title,
                "text": trial.promise.text,
                "kept": trial.finding.is_kept,
                "figure": trial.finding.figure,
                "facts": dict(trial.finding.facts),
                "faults": list(trial.finding.faults),
                "seconds": round(trial.seconds, 1),
            }
            for trial in trials
        ],
    }
