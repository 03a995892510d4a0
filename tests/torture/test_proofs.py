"""Brief runs of the proofs, on a sound relay and on broken ones."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from argybargy.torture.harness import Promise
from argybargy.torture.promises import PROMISES
from argybargy.torture.proofs.bounded import prove as prove_bounded
from argybargy.torture.runner import ProofRun, TortureRun, run_proofs
from support.relay_process import fork_or_spawn

SECONDS = 1.0
BROKEN = Path(__file__).with_name("broken_relay.py")
BY_KEY = {promise.key: promise for promise in PROMISES}
OF_THE_CORE = {"G1", "G2", "G3", "G4", "G5", "G8", "G10"}
"""Promises that Hypercorn's connection keeps as well."""
EVERY_PROMISE = pytest.mark.parametrize("key", list(BY_KEY))


async def try_out(
    promises: list[Promise],
    **plan: Any,  # noqa: ANN401 - of the plan's types
) -> list[ProofRun]:
    """Run proofs, and check the calls that report their progress."""
    told: list[object] = []
    trials = await run_proofs(
        TortureRun(promises, SECONDS, seed=1, patience=8, spawn=fork_or_spawn, **plan),
        told.append,
        told.append,
    )
    assert told == [each for trial in trials for each in (trial.promise, trial)]
    return trials


def briefly(key: str) -> Promise:
    """Return a promise, with a proof that an ordinary run has time for."""
    promise = BY_KEY[key]
    if key == "G7":
        return attrs.evolve(promise, prove=partial(prove_bounded, most_polls=400))
    return promise


def test_every_promise_has_a_number_and_a_proof_of_its_own() -> None:
    assert list(BY_KEY) == [f"G{number}" for number in range(1, 12)]
    assert len({promise.prove for promise in PROMISES}) == len(PROMISES)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("key", "core"),
    [
        *((key, "argybargy") for key in BY_KEY),
        *((key, "hypercorn") for key in sorted(OF_THE_CORE)),
    ],
)
async def test_a_promise_is_kept(tmp_path: Path, key: str, core: str) -> None:
    (trial,) = await try_out([briefly(key)], core=core, keep=tmp_path)
    assert trial.result.faults == ()
    assert trial.result.facts


@pytest.mark.control
@EVERY_PROMISE
async def test_a_relay_that_breaks_a_promise_fails_its_proof(
    tmp_path: Path, key: str
) -> None:
    command = (sys.executable, str(BROKEN), key, "serve")
    (trial,) = await try_out([BY_KEY[key]], keep=tmp_path, command=command)
    assert trial.result.faults
    assert not trial.result.is_kept


@pytest.mark.control
@pytest.mark.parametrize("key", ["G6", "G7", "G9"])
async def test_a_relay_that_one_agent_can_block_fails_its_proofs(
    tmp_path: Path, key: str
) -> None:
    command = (sys.executable, str(BROKEN), "hostile", "serve")
    (trial,) = await try_out([briefly(key)], keep=tmp_path, command=command)
    assert any("hostile agent" in each for each in trial.result.faults)
