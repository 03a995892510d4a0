"""Finds a Chromium to drive: an installed one, else Debian's, fetched by apt-get."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = (
    "The browser tests drive Chromium, and there is none. Install it "
    "('apt-get install chromium' as root, or 'playwright install chromium'), "
    "or leave these tests out with: pytest -m 'not browser'"
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
    found = _installed(bundled)
    if found is None and is_root() and shutil.which("apt-get"):
        for command in (["update"], ["install", "-y", "--no-install-recommends"]):
            names = ["chromium"] if "install" in command else []
            subprocess.run(
                ["apt-get", "-q", *command, *names],
                check=False,
                timeout=INSTALL_SECONDS,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},  # noqa: TID251
            )
        found = _installed(bundled)
    if found is None:
        raise RuntimeError(MISSING)
    return found


def _installed(bundled: str) -> str | None:
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return bundled if Path(bundled).exists() else None


def arguments() -> list[str]:
    """Return the flags that keep Chromium to itself."""
    return [*QUIET, "--no-sandbox"] if is_root() else list(QUIET)
