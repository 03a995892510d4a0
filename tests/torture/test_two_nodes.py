"""Brief runs of the proofs on two relays and one PostgreSQL."""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from argybargy.torture.harness import Promise
from argybargy.torture.promises import PROMISES
from argybargy.torture.proofs.bounded import prove as prove_bounded
from argybargy.torture.proofs.durable import prove as prove_durable
from argybargy.torture.proofs.graceful import prove as prove_graceful
from argybargy.torture.relay_pair import open_relay_pair
from argybargy.torture.runner import TortureRun, run_proofs
from argybargy.torture.shared_server import SharedServer, dump
from support.postgres import PostgresServer, need_programs, start_server, stop_server
from support.relay_process import fork_or_spawn

pytestmark = pytest.mark.cluster
SECONDS = 2.0
BROKEN = Path(__file__).with_name("broken_relay.py")
BY_KEY = {promise.key: promise for promise in PROMISES}


@attrs.define
class PrivatePower:
    """Kills and starts a server of the tests."""

    running: PostgresServer
    programs: Path

    def kill(self) -> None:
        self.running.kill()

    def start(self) -> None:
        self.running = start_server(self.running.folder, self.programs)


@pytest.fixture(scope="module")
def power() -> Iterator[PrivatePower]:
    """Run a server that keeps what it has acknowledged."""
    programs = need_programs()
    folder = Path(tempfile.mkdtemp(prefix="argybargy-pg-"))
    power = PrivatePower(start_server(folder, programs), programs)
    yield power
    stop_server(power.running)


@pytest.fixture
def server(power: PrivatePower) -> SharedServer:
    return SharedServer(power.running.url("postgres"), power)


def briefly(key: str, rounds: int) -> Promise:
    """Return a promise, with a proof that an ordinary run has time for."""
    changed = {
        # The relays and the server are killed in turn.
        "G1": partial(prove_durable, least_kills=rounds),
        "G7": partial(prove_bounded, most_polls=400),
        "G8": partial(prove_graceful, polls=200),
    }
    promise = BY_KEY[key]
    return attrs.evolve(promise, prove=changed.get(key, promise.prove))


@pytest.mark.parametrize("key", list(BY_KEY))
async def test_two_relays_on_one_store_keep_a_promise(
    tmp_path: Path, server: SharedServer, key: str, pytestconfig: pytest.Config
) -> None:
    promise = briefly(key, pytestconfig.getoption("--rounds"))
    plan = TortureRun(
        *([promise], SECONDS, 1, tmp_path),
        patience=8,
        spawn=fork_or_spawn,
        server=server,
    )
    (trial,) = await run_proofs(plan, lambda _: None, lambda _: None)
    print(f"{key}: {trial.result.figure}")  # noqa: T201 - the figures
    assert trial.result.faults == ()


@pytest.mark.control
@pytest.mark.parametrize("key", ["G3", "G5"])
async def test_relays_that_do_not_ask_the_store_fail_a_proof(
    tmp_path: Path, server: SharedServer, key: str
) -> None:
    command = (sys.executable, str(BROKEN), f"{key} of two", "serve")
    plan = TortureRun(
        *([BY_KEY[key]], SECONDS, 1, tmp_path),
        patience=8,
        server=server,
        command=command,
    )
    (trial,) = await run_proofs(plan, lambda _: None, lambda _: None)
    print(f"{key}: {trial.result.faults[:3]}")  # noqa: T201 - what was found
    assert not trial.result.is_kept


async def test_the_agents_of_a_proof_are_spread_over_both_relays(
    tmp_path: Path, server: SharedServer
) -> None:
    async with open_relay_pair(tmp_path / "data", server, spawn=fork_or_spawn) as pair:
        guests = await pair.guests(4)
        here, there = (relay.address for relay in pair.all)
        assert [guest.address for guest in guests] == [here, there] * 2
        for guest in guests:
            guest.move()
        assert [guest.address for guest in guests] == [there, here] * 2
        assert (await guests[0].post("hello")).status == 200
        messages = (await trio.to_thread.run_sync(dump, pair.store_url))["messages"]
        assert b"hello" in messages
    await server.drop_all()
