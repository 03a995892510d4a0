"""The commands of the how-to pages, run in their order as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from argybargy.torture.relay_process import plain_environment
from support.relay_process import RealServer, open_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str, server: RealServer) -> list[str]:
    """Return the shell blocks of a page, for this relay's port."""
    found = re.findall(r"```sh\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    return [block.replace("8765", str(server.address.port)) for block in found]


def environment(server: RealServer, home: Path) -> dict[str, str]:
    """Return the variables of a shell in which `argybargy` finds this relay."""
    kept = {k: v for k, v in plain_environment().items() if not k.startswith("XDG_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {
        **kept,
        "HOME": str(home),
        "PATH": path,
        "ARGYBARGY_CONFIG": os.devnull,
        "ARGYBARGY_DATA": str(server.data),
        "ARGYBARGY_PORT": str(server.address.port),
    }


async def shell(block: str, variables: dict[str, str]) -> str:
    with trio.fail_after(30):
        done = await trio.run_process(
            ["sh", "-e", "-c", block], env=variables, capture_stdout=True
        )
    return done.stdout.decode()


async def test_watching_the_numbers(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        look, start = blocks("monitor.md", server)
        page = await shell(look, environment(server, tmp_path))
        assert "\nargybargy_messages_total 0.0\n" in page
        assert "ARGYBARGY_METRICS_BIND=127.0.0.1:9464 argybargy up" in start


async def test_connecting_an_agent(tmp_path: Path) -> None:
    project = tmp_path / "code" / "project"
    project.mkdir(parents=True)
    async with open_server(tmp_path / "data") as server:
        variables = environment(server, tmp_path)
        write, undo, connect, listen, *links, revoke = blocks(
            "connect-an-agent.md", server
        )
        written = await shell(write, variables)
        settings = project / ".claude" / "settings.local.json"
        assert str(settings) in written
        assert settings.exists()
        undone = await shell(undo, variables)
        assert sorted(undone.splitlines()) == sorted(written.splitlines())
        assert list(project.iterdir()) == []
        assert "You are : curl" in await shell(connect, variables)
        listener = await trio.lowlevel.open_process(
            ["sh", "-c", listen], env=variables, stdout=subprocess.DEVNULL
        )
        await server.wait_parked(1)
        for link in links:
            assert "http://127.0.0.1" in await shell(link, variables)
        assert "revoked" in await shell(revoke, variables)
        with trio.fail_after(20):
            assert await listener.wait() == 4


async def test_writing_an_agent(tmp_path: Path) -> None:
    async with open_server(tmp_path / "data") as server:
        needed, *_ = blocks("write-an-agent.md", server)
        ask = 'curl -s "$RELAY/whoami" -H "Authorization: Bearer $CODE"'
        told = await shell(f"{needed}\n{ask}", environment(server, tmp_path))
        assert '"name":"echo","room":"build"' in told
