"""The wire tests can fail: here is a server that does not pass them."""

import sys
from pathlib import Path

import pytest

from argybargy.torture.fuzzer import fuzz
from argybargy.torture.killers import make_killers, send_killers
from support import stock_relay
from support.health_check import Witness, call_witness
from support.relay_process import open_server

pytestmark = [pytest.mark.e2e, pytest.mark.control]
STOCK = (sys.executable, stock_relay.__file__)
GONE = ("the process ended", "no answer", "open too much")
"""What a witness says of a server that died or leaks; its log is not looked at."""


async def test_stock_hypercorn_does_not_stand_the_known_killers(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data", command=STOCK) as server:
        witness = await call_witness(server)
        victim = await server.guest("victim")
        killers = make_killers(victim.code)
        assert await send_killers(server.address, killers, 20) != set()
        await _check_gone(witness)


async def test_stock_hypercorn_does_not_stand_the_fuzzer(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data", command=STOCK) as server:
        witness = await call_witness(server)
        await fuzz(server, seed=18, seconds=5)
        await _check_gone(witness)


async def _check_gone(witness: Witness) -> None:
    faults = [fault for fault in await witness.find_faults() if fault.startswith(GONE)]
    assert faults != []
    print(*faults, sep="\n")  # noqa: T201 - a figure worth publishing; see it with -s
