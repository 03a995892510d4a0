"""Finds a Chromium to drive: an installed one, else Debian's, fetched by apt-get."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The first is Debian's without a window, which needs half the time of the others.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome-stable", "google-chrome"),
)
PACKAGES = ("chromium-headless-shell", "chromium")
MISSING = (
    "The browser tests drive Chromium, and there is none. Install it "
    "('apt-get install chromium-headless-shell' as root, or 'playwright install "
    "chromium'), or leave these tests out with: pytest -m 'not browser'"
)
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INSTALL_SECONDS = 600


def is_root() -> bool:
    """Tell whether this user may install packages."""
    return os.geteuid() == 0


def find_chromium(bundled: str) -> str:
    """Return the path of a Chromium.

    Args:
        bundled: Where Playwright's own would be.

    Raises:
        RuntimeError: There is none and it cannot be installed; says what to do.
    """
    with _alone():
        found = _installed(bundled)
        if found is None and is_root() and shutil.which("apt-get"):
            _install()
            found = _installed(bundled)
    if found is None:
        raise RuntimeError(MISSING)
    return found


@contextmanager
def _alone() -> Iterator[None]:
    """Let no other process that runs these tests look or install meanwhile."""
    with Path(__file__).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install() -> None:
    """Have apt-get install the first of the packages that there is."""
    _apt_get("update")
    for package in PACKAGES:
        if _apt_get("install", "-y", "--no-install-recommends", package):
            return


def _apt_get(*words: str) -> bool:
    done = subprocess.run(
        ["apt-get", "-q", *words],
        check=False,
        timeout=INSTALL_SECONDS,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},  # noqa: TID251
    )
    return done.returncode == 0


def _installed(bundled: str) -> str | None:
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return bundled if Path(bundled).exists() else None


def arguments() -> list[str]:
    """Return the flags that keep Chromium to itself."""
    return [*QUIET, "--no-sandbox"] if is_root() else list(QUIET)
