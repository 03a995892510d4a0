"""Install or unpack Debian packages for the tests that need their programs."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 600
_QUIETLY = "DEBIAN_FRONTEND=noninteractive"


def is_root() -> bool:
    """Tell whether the user is root."""
    return os.geteuid() == 0


@contextmanager
def alone() -> Iterator[None]:
    """Hold a lock against other test processes that use apt-get."""
    with Path(__file__).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def install(*packages: str) -> bool:
    """Install the first available package; return whether one was installed.

    Root may, and who needs no password for sudo.
    """
    if shutil.which("apt-get") is None:
        return False
    as_root = () if is_root() else ("sudo", "-n", "env", _QUIETLY)
    if as_root and not (shutil.which("sudo") and run("sudo", "-n", "true")):
        return False
    run(*as_root, "apt-get", "-q", "update")
    command = ("apt-get", "-q", "install", "-y", "--no-install-recommends")
    return any(run(*as_root, *command, package) for package in packages)


def unpack(package: str, folder: Path) -> bool:
    """Download a package and unpack it into a folder, without installing it."""
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
    """Run a command without output; return whether it succeeded."""
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
