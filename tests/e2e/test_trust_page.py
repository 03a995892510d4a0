"""docs/explanation/trust.md: what it says is stored and removed, tried."""

import os
import re
import stat
import sys
from pathlib import Path

import pytest
import trio

from argybargy.torture.relay_process import plain_environment
from support.relay_process import open_server

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "trust.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
SECONDS = 60


async def run(home: Path, command: str, **variables: str) -> None:
    kept = {k: v for k, v in plain_environment().items() if not k.startswith("XDG_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    environment = {**kept, "HOME": str(home), "PATH": path, **variables}
    with trio.fail_after(SECONDS):
        await trio.run_process(
            ["sh", "-e", "-c", command],
            cwd=home,
            env=environment,
            capture_stdout=True,
            capture_stderr=True,
        )


def files_in(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.skipif(sys.platform != "linux", reason="the page names paths of Linux")
async def test_the_commands_of_the_page_leave_nothing_behind(tmp_path: Path) -> None:
    home, project = tmp_path, tmp_path / "code" / "project"
    project.mkdir(parents=True)
    (project / "README").write_text("mine")
    data = home / ".local" / "share" / "argybargy"
    data.parent.mkdir(parents=True)
    webhook = {"ARGYBARGY_WEBHOOK": "http://127.0.0.1:9/hook"}
    async with open_server(data, **webhook) as server:
        port = {"ARGYBARGY_PORT": str(server.address.port)}
        write = "--room build --write --directory ~/code/project"
        await run(home, f"argybargy connect claude {write}", **port)
        await run(home, "argybargy connect curl --room build", **port)
        with trio.fail_after(SECONDS):
            while not (data / "search.db").exists():  # noqa: ASYNC110
                await trio.sleep(0.02)  # another process makes it, after the start
        # The index is made in a transaction, whose journal is there for a moment.
        stored = {n for n in files_in(data) if not n.endswith("-journal")}
        await server.stop()
    assert {"relay.db", "search.db", "admin.token", "webhook.secret"} <= stored
    for name in stored:
        assert f"`{name}`" in PAGE, f"the page does not know {name}"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for path in data.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    state = home / ".local" / "state" / "argybargy"
    assert {path.name for path in state.iterdir()} == {
        "seats",
        "connections",
        "programs",
    }
    secrets = [path for path in state.rglob("*") if path.name.endswith("header")]
    assert len(secrets) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets)
    disconnect, remove = BLOCKS
    await run(home, disconnect, **port)
    assert files_in(project) == {"README"}
    await run(home, remove, **port)
    server.log.unlink()  # of the test, beside the data directory
    assert files_in(home) == {"code/project/README"}


async def test_in_memory_few_files_are_written(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "argybargy", "serve", "--ephemeral")
    async with open_server(tmp_path / "data", command=command) as server:
        guest = await server.guest("alice")
        assert (await guest.post("hello")).status == 200
        assert files_in(tmp_path / "data") == {"admin.token", "relay.lock"}
