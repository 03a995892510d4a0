"""The installation of the README with a virtual environment, by the system's Python."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import trio

from argybargy.torture.relay_process import plain_environment
from support.relay_process import free_port

ROOT: Final = Path(__file__).parents[2]
SYSTEM_PYTHON: Final = Path("/usr/bin/python3")
UV: Final = shutil.which("uv")
SECONDS: Final = 60
INSTALL: Final = "python3 -m venv .venv && .venv/bin/pip install '.[mcp]'\n"
CHECK: Final = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"


def reason_to_skip() -> str:
    """Return why the installation cannot be tried here; empty if it can."""
    if UV is None:
        return "uv, which builds the wheel, is not installed"
    if not SYSTEM_PYTHON.exists():
        return f"there is no {SYSTEM_PYTHON}"
    command = [str(SYSTEM_PYTHON), "-c", CHECK]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        # The cache of uv has the packages for the Python of the tests.
        return f"{SYSTEM_PYTHON} is not Python 3.11 with venv (python3-venv)"
    return ""


SKIPPED: Final = reason_to_skip()
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(SKIPPED), reason=SKIPPED)]


def run(command: list[str], clone: Path, **variables: str) -> str:
    """Run a command as a user of the system's Python, and return what it prints."""
    kept = {k: v for k, v in plain_environment().items() if not k.startswith("XDG_")}
    environment = {**kept, "HOME": str(clone.parent), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command,
        cwd=clone,
        env=environment | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def install(clone: Path) -> None:
    """Install as the README says, but with uv, which has most packages in its cache.

    It fetches the others: an environment may have been made without their metadata.
    """
    make, _ = INSTALL.split(" && ")
    run(["sh", "-c", make], clone)
    assert UV is not None
    build = [UV, "build", "--quiet", "--wheel", "--out-dir", str(clone)]
    subprocess.run(build, cwd=ROOT, check=True)
    (wheel,) = clone.glob("*.whl")
    python = str(clone / ".venv" / "bin" / "python")
    fetch = [UV, "pip", "install", "--quiet", "--python", python, f"{wheel}[mcp]"]
    subprocess.run(fetch, cwd=ROOT, check=True)
    pip = [".venv/bin/pip", "--disable-pip-version-check"]
    again = ("--quiet", "--no-index", "--no-deps", "--force-reinstall")
    run([*pip, "install", *again, str(wheel)], clone)
    run([*pip, "check"], clone)


async def test_the_next_commands_work_as_they_are_printed(tmp_path: Path) -> None:
    assert INSTALL in (ROOT / "README.md").read_text()
    clone, project = tmp_path / "argybargy", tmp_path / "my project"
    clone.mkdir()
    project.mkdir()
    await trio.to_thread.run_sync(install, clone)
    port = str(free_port())
    variables = {
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "ARGYBARGY_CONFIG": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }
    relay = await trio.lowlevel.open_process(
        [".venv/bin/argybargy", "up", "--no-tunnel", "--port", port],
        cwd=clone,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert relay.stderr is not None
    shown = ""
    try:
        with trio.fail_after(SECONDS):
            while "Ctrl+C stops the relay." not in shown:
                piece = await relay.stderr.receive_some()
                assert piece, shown
                shown += bytes(piece).decode()
        typed = re.findall(r"^ {5}(\S*argybargy .+)$", shown, re.MULTILINE)
        assert [line.split()[1] for line in typed] == ["connect", "connect", "room"]
        for line in typed:
            # The page of `up` says where to type them.
            directory = project if " connect " in line else clone
            command = ["sh", "-c", line]
            await trio.to_thread.run_sync(run, command, directory)
        (again,) = re.findall(r"For another link: (.+)$", shown, re.MULTILINE)
        link = await trio.to_thread.run_sync(
            run, ["sh", "-c", f"{again} --no-browser"], clone
        )
        assert f"http://127.0.0.1:{port}/dashboard#code=" in link
        assert (project / ".claude" / "settings.local.json").exists()
        assert (project / ".codex" / "config.toml").exists()
    finally:
        relay.terminate()
        with trio.CancelScope(shield=True), trio.move_on_after(SECONDS):
            await relay.wait()
