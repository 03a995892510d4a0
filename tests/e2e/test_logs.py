"""What a running relay logs, and what it never does."""

import json
from pathlib import Path

import pytest

from support.relay_process import open_server

pytestmark = pytest.mark.e2e


async def talk(data: Path, core: str, **environment: str) -> tuple[str, list[str]]:
    """Use a relay a little; return its log, and what must not be in there."""
    async with open_server(data, core=core, **environment) as server:
        alice = await server.guest("alice")
        await alice.post("whispering")
        await alice.poll(0)
        await alice.call("GET", f"/{alice.code}?code={alice.code}")
        secrets = [alice.code, server.token(), "whispering", "since="]
        await server.stop()
        return server.log.read_text(), secrets


@pytest.mark.parametrize("core", ["argybargy", "hypercorn"])
async def test_at_level_debug_each_request_is_a_line_without_a_secret(
    tmp_path: Path, core: str
) -> None:
    log, secrets = await talk(tmp_path / "data", core, ARGYBARGY_LOG_LEVEL="debug")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    asked = [
        (line["method"], line["path"], line["status"], line.get("peer"))
        for line in lines
        if line["event"] == "request" and line["path"] != "/health"
    ]
    assert asked == [
        ("POST", "/admin/invite", 200, None),
        ("POST", "/messages", 200, "alice"),
        ("GET", "/messages", 200, "alice"),
        ("GET", "/…", 404, "alice"),
    ]
    assert not [secret for secret in secrets if secret in log]


async def test_as_text_it_has_no_secret_either(tmp_path: Path) -> None:
    log, secrets = await talk(
        tmp_path / "data",
        "argybargy",
        ARGYBARGY_LOG_LEVEL="debug",
        ARGYBARGY_LOG_FORMAT="text",
    )
    assert "method='POST'" in log
    assert not [secret for secret in secrets if secret in log]


async def test_by_default_no_request_is_logged(tmp_path: Path) -> None:
    log, _ = await talk(tmp_path / "data", "argybargy")
    assert "/messages" not in log
    assert '"event": "request"' not in log
