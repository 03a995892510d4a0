"""The numbers of a running relay, through both doors, with either connection."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from argybargy.torture.client.connection import Address, KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from support.relay_process import free_port, open_server

pytestmark = pytest.mark.e2e
LINE = re.compile(r"^([a-z_]+(?:\{.*\})?) ([0-9.e+-]+)$", re.MULTILINE)


async def scrape(address: Address, **fields: str) -> Mapping[str, float]:
    connection = KeepAliveConnection(address)
    request = encode_request("GET", "/metrics", fields)
    try:
        answer = await connection.exchange(request, 20)
    finally:
        connection.close_nowait()
    assert answer.status == 200
    return {name: float(value) for name, value in LINE.findall(answer.body.decode())}


@pytest.mark.parametrize("core", ["argybargy", "hypercorn"])
async def test_what_was_done_is_counted_and_shown_at_both_addresses(
    tmp_path: Path, core: str
) -> None:
    port = free_port()
    bind = {"ARGYBARGY_METRICS_BIND": f"127.0.0.1:{port}"}
    async with open_server(tmp_path / "data", core=core, **bind) as server:
        alice, bob = await server.guests(2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bob.poll, 0, 20)
            await server.wait_parked(1)
            began = trio.current_time()
            await alice.post("wake up")
        spent = trio.current_time() - began
        by_token = await scrape(server.address, **{"x-admin-token": server.token()})
        alone = await scrape(Address("127.0.0.1", port))
        for seen in (by_token, alone):
            assert seen["argybargy_messages_total"] == 1
            assert seen["argybargy_wake_seconds_count"] == 1
            assert 0 < seen["argybargy_wake_seconds_sum"] < spent
            assert seen["argybargy_commit_seconds_count"] >= 3
            assert seen["argybargy_commit_batch_sum"] >= 3
            assert seen["argybargy_requests_total"] >= 4
            assert seen["argybargy_connections_open"] >= 1
            assert seen["process_resident_memory_bytes"] > 1e7
        assert await server.stop() == 0
