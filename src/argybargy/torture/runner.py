"""Running proofs one after the other, each within its share of the time."""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from argybargy.torture.harness import Promise, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import COMMAND

SECONDS_AT_LEAST: Final = 2.0
"""What a proof is given even when its share is less."""


@attrs.frozen
class ProofRun:
    """One promise, and what became of it.

    Attributes:
        promise: What was tried.
        finding: What became of it.
        seconds: How long it took.
    """

    promise: Promise
    finding: ProofResult
    seconds: float


@attrs.frozen
class TortureRun:
    """What is to be tried.

    Attributes:
        promises: In this order.
        seconds: For all of them, about. A proof does one round at the least.
        seed: Draws what is left to chance.
        keep: Where data and logs of the relays stay; ``None`` lets them go.
        core: Which HTTP/1.1 connection the relays use.
        command: What starts a relay.
        patience: By how much what should take a time may take longer.
    """

    promises: Sequence[Promise]
    seconds: float
    seed: int
    keep: Path | None = None
    core: str = "argybargy"
    command: Sequence[str] = COMMAND
    patience: float = 1.0

    def share(self, promise: Promise) -> float:
        """Return how long a proof should go on."""
        total = sum(each.weight for each in self.promises)
        part = promise.weight / total if total else 0.0
        return max(SECONDS_AT_LEAST, self.seconds * part)


async def run_plan(
    plan: TortureRun, begin: Callable[[Promise], None], end: Callable[[ProofRun], None]
) -> list[ProofRun]:
    """Try every promise in turn.

    A proof that cannot be carried out counts as a broken promise, and the others
    go on. Cancelling stops the relay of the moment and leaves nothing behind.

    Args:
        plan: What to try.
        begin: Is told what is about to be tried.
        end: Is told what came of it.
    """
    trials = []
    with _folder(plan.keep) as folder:
        for promise in plan.promises:
            begin(promise)
            trial = await _try(plan, promise, folder / promise.key)
            trials.append(trial)
            end(trial)
    return trials


async def _try(plan: TortureRun, promise: Promise, folder: Path) -> ProofRun:
    await trio.Path(folder).mkdir(parents=True)
    chance = random.Random(f"{plan.seed} {promise.key}")
    seconds = plan.share(promise)
    stage = ProofEnvironment(
        folder,
        chance,
        seconds,
        core=plan.core,
        command=plan.command,
        patience=plan.patience,
    )
    began = trio.current_time()
    try:
        finding = await promise.prove(stage)
    except Exception as error:  # noqa: BLE001  whatever it is, it is in the report
        reason = f"the proof ended with {error!r}"
        finding = ProofResult("could not be carried out", {}, (reason,))
    return ProofRun(promise, finding, trio.current_time() - began)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="argybargy-torture-") as name:
        yield Path(name)
