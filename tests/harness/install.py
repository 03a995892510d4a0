"""Install a program at its exact version from npm, into a folder of the session."""

import json
import shutil
from pathlib import Path
from typing import Final

import trio

from harness.clients import Client

_INSTALL_SECONDS: Final = 600


async def install(client: Client, programs: Path) -> str:
    """Install a program, unless this version is there; return the problem, if any.

    Its install scripts do not run: they would fetch further files.
    """
    for needed in ("npm", "tmux"):
        if shutil.which(needed) is None:
            return f"{needed} is not installed"
    folder = programs / client.key
    manifest = folder / "node_modules" / client.package / "package.json"
    if not _is_version(manifest, client.version):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock")
        words = ["npm", "install", *options, f"{client.package}@{client.version}"]
        with trio.move_on_after(_INSTALL_SECONDS):
            await trio.run_process(
                words, cwd=folder, check=False, capture_stdout=True, capture_stderr=True
            )
    if not client.path(programs).exists():
        return f"npm did not install {client.package}@{client.version}"
    _link(client, programs)
    return ""


def _is_version(manifest: Path, version: str) -> bool:
    try:
        return bool(json.loads(manifest.read_text())["version"] == version)
    except (OSError, ValueError, KeyError):
        return False


def _link(client: Client, programs: Path) -> None:
    """Put the program under its own name where the worlds have their PATH."""
    link = programs / "bin" / client.key
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(client.path(programs))
