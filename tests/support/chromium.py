"""Find Chromium for the browser tests: an installed one, else Debian's package."""

import shutil
from pathlib import Path

from support.debian import alone, install, is_root

# Debian's headless shell comes first: it takes half the time of a full Chromium.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome-stable", "google-chrome"),
)
PACKAGES = ("chromium-headless-shell", "chromium")
MISSING = (
    "The browser tests need Chromium, which is not installed. Install it "
    "('apt-get install chromium-headless-shell' as root, or 'playwright install "
    "chromium'), or skip these tests with: pytest -m 'not browser'"
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
        bundled: Path of Playwright's own Chromium, if it was downloaded.

    Raises:
        RuntimeError: Chromium is missing and cannot be installed; says what to do.
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
    """Return command-line flags that disable background traffic, and the GPU."""
    return [*QUIET, "--no-sandbox"] if is_root() else list(QUIET)
