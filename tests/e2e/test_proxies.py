"""A relay behind a proxy: whose failures are counted, on both HTTP cores."""

from http import HTTPStatus
from pathlib import Path

import pytest

from argybargy.domain.access_codes import ADMIN_PREFIX
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from argybargy.torture.client.connection import KeepAliveConnection
from argybargy.torture.client.messages import encode_request
from support.relay_process import RealServer, open_server

pytestmark = pytest.mark.e2e
CORES = pytest.mark.parametrize("core", ["argybargy", "hypercorn"])


async def guess(server: RealServer, forwarded: str) -> int:
    """Try a wrong token, as a proxy would pass it on."""
    fields = {"x-admin-token": new_code(ADMIN_PREFIX), "x-forwarded-for": forwarded}
    connection = KeepAliveConnection(server.address)
    request = encode_request("GET", "/admin/stats", fields, None)
    answer = await connection.exchange(request, 20.0)
    connection.close_nowait()
    return answer.status


async def guess_until_throttled(server: RealServer, forwarded: str) -> None:
    for _ in range(Limits().auth_failures + 1):
        last = await guess(server, forwarded)
    assert last == HTTPStatus.TOO_MANY_REQUESTS


@CORES
async def test_behind_a_trusted_proxy_each_client_has_failures_of_its_own(
    tmp_path: Path, core: str
) -> None:
    async with open_server(
        tmp_path / "data", core=core, ARGYBARGY_TRUSTED_PROXIES="127.0.0.1"
    ) as server:
        await guess_until_throttled(server, "6.6.6.6, 203.0.113.5")
        assert await guess(server, "203.0.113.6") == HTTPStatus.UNAUTHORIZED
        audit = (await server.admin("GET", "/admin/audit")).json
        assert "203.0.113.5" in str(audit)
        assert "6.6.6.6" not in str(audit)


@CORES
async def test_forwarded_addresses_of_other_clients_are_ignored(
    tmp_path: Path, core: str
) -> None:
    async with open_server(tmp_path / "data", core=core) as server:
        await guess_until_throttled(server, "203.0.113.5")
        assert await guess(server, "203.0.113.6") == HTTPStatus.TOO_MANY_REQUESTS
