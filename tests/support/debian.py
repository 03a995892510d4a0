"""Programs of Debian's packages, for the tests that drive them."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 600


def is_root() -> bool:
    """Tell whether this user may install packages."""
    return os.geteuid() == 0


@contextmanager
def alone() -> Iterator[None]:
    """Let no other process that runs these tests fetch anything meanwhile."""
    with Path(__file__).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def install(*packages: str) -> bool:
    """Install the first of some packages that there is; False if that fails."""
    if not is_root() or shutil.which("apt-get") is None:
        return False
    run("apt-get", "-q", "update")
    quietly = ("apt-get", "-q", "install", "-y", "--no-install-recommends")
    return any(run(*quietly, package) for package in packages)


def unpack(package: str, folder: Path) -> bool:
    """Unpack a package below a folder: nothing is installed, and nothing starts."""
    if shutil.which("apt-get") is None:
        return False
    download = ("apt-get", "-q", "download", package)
    is_there = run(*download, folder=folder)
    if not is_there and is_root():
        run("apt-get", "-q", "update")
        is_there = run(*download, folder=folder)
    return is_there and all(
        run("dpkg", "-x", str(file), str(folder)) for file in folder.glob("*.deb")
    )


def run(*command: str, folder: Path | None = None) -> bool:
    """Run a command without a word; tell whether it went well."""
    done = subprocess.run(
        command,
        check=False,
        timeout=SECONDS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},  # noqa: TID251
    )
    return done.returncode == 0
