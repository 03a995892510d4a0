"""Finds a Chromium to drive: an installed one, else Debian's, fetched by apt-get."""

import shutil
from pathlib import Path

from support.debian import alone, install, is_root

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


def find_chromium(bundled: str) -> str:
    """Return the path of a Chromium.

    Args:
        bundled: Where Playwright's own would be.

    Raises:
        RuntimeError: There is none and it cannot be installed; says what to do.
    """
    with alone():
        found = _installed(bundled)
        if found is None and install(*PACKAGES):
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
