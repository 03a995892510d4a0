"""Run proofs one after the other, each for its share of the total time."""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import trio

from argybargy.system.values import frozen
from argybargy.torture.harness import Promise, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import COMMAND, Spawn, spawn_process
from argybargy.torture.shared_server import SharedServer

SECONDS_AT_LEAST: Final = 2.0
"""Minimum time of a proof, even if its share is shorter."""
_DROP_SECONDS: Final = 30.0


@frozen
class ProofRun:
    """One completed proof.

    Attributes:
        promise: The promise.
        result: The result of its proof.
        seconds: Duration.
    """

    promise: Promise
    result: ProofResult
    seconds: float


@frozen
class TortureRun:
    """Plan of a run of several proofs.

    Attributes:
        promises: Promises to prove, in this order.
        seconds: Approximate total time. Each proof runs one round at least.
        seed: Seed of all random choices.
        keep: Directory for data and logs of the relays; ``None`` for a temporary one.
        core: HTTP/1.1 implementation of the relays, as in ``ARGYBARGY_HTTP_CORE``.
        command: Command that starts a relay.
        patience: Factor on all time limits of the proofs.
        spawn: Starts the command.
        server: PostgreSQL for two relays in the place of one.
    """

    promises: Sequence[Promise]
    seconds: float
    seed: int
    keep: Path | None = None
    core: str = "argybargy"
    command: Sequence[str] = COMMAND
    patience: float = 1.0
    spawn: Spawn = spawn_process
    server: SharedServer | None = None

    def seconds_for(self, promise: Promise) -> float:
        """Return the running time of a proof: its share by weight."""
        total = sum(each.weight for each in self.promises)
        share = promise.weight / total if total else 0.0
        return max(SECONDS_AT_LEAST, self.seconds * share)


async def run_proofs(
    plan: TortureRun, begin: Callable[[Promise], None], end: Callable[[ProofRun], None]
) -> list[ProofRun]:
    """Run every proof of a plan in turn.

    A proof that raises counts as a broken promise, and the next one runs. Cancelling
    stops the current relay, and removes the temporary directory and databases.

    Args:
        plan: The plan.
        begin: Called before each proof.
        end: Called after each proof, with its result.
    """
    runs = []
    with _folder(plan.keep) as folder:
        try:
            for promise in plan.promises:
                begin(promise)
                run = await _run_proof(plan, promise, folder / promise.key)
                runs.append(run)
                end(run)
        finally:
            if plan.server is not None:
                # Shielded, so that no database is left behind. Its end is bounded by
                # the deadline.
                with trio.move_on_after(_DROP_SECONDS, shield=True):
                    await plan.server.drop_all()
    return runs


async def _run_proof(plan: TortureRun, promise: Promise, folder: Path) -> ProofRun:
    await trio.Path(folder).mkdir(parents=True)
    chance = random.Random(f"{plan.seed} {promise.key}")
    seconds = plan.seconds_for(promise)
    environment = ProofEnvironment(
        folder,
        chance,
        seconds,
        core=plan.core,
        command=plan.command,
        patience=plan.patience,
        spawn=plan.spawn,
        server=plan.server,
    )
    began = trio.current_time()
    try:
        result = await promise.prove(environment)
    except Exception as error:  # noqa: BLE001 - reported as a broken promise
        reason = f"the proof ended with {error!r}"
        result = ProofResult("could not be carried out", {}, (reason,))
    return ProofRun(promise, result, trio.current_time() - began)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="argybargy-torture-") as name:
        yield Path(name)
