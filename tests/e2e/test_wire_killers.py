"""Bytes that have ended other servers do nothing to this one."""

from pathlib import Path

import pytest

from argybargy.torture.killers import make_killers, send_killers
from support.health_check import call_witness
from support.relay_process import open_server

pytestmark = pytest.mark.e2e
TIMES = 20


async def test_known_killers_are_answered_as_they_should_and_leave_no_trace(
    tmp_path: Path,
) -> None:
    async with open_server(tmp_path / "data") as server:
        witness = await call_witness(server)
        victim = await server.guest("victim")
        killers = make_killers(victim.code)
        assert await send_killers(server.address, killers, TIMES) == set()
        await witness.check()
        assert await server.stop() == 0
