"""Random damage to good requests does no lasting damage to the server."""

import os
from pathlib import Path

import pytest

from argybargy.torture.fuzzer import fuzz
from support.health_check import call_witness
from support.relay_process import open_server

pytestmark = pytest.mark.e2e
SECONDS = float(os.environ.get("WIRE_FUZZ_SECONDS", "10"))  # noqa: TID251 - a test's
SEED = int(os.environ.get("WIRE_FUZZ_SEED", "18"))  # noqa: TID251


async def test_mutated_requests_of_every_endpoint_leave_the_server_as_it_was(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        witness = await call_witness(server)
        assert await fuzz(server, SEED, SECONDS) > 100
        await witness.check()
        assert await server.stop() == 0
