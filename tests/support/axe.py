"""The accessibility checks of axe-core."""

from importlib import resources
from typing import Final

from support.browser import Dashboard

WIDTHS: Final = (1440, 768, 375)
_SERIOUS: Final = {"serious", "critical"}
_AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
# What passes is not described: that takes longer than to check it.
_RUN: Final = (
    "axe.run({ resultTypes: ['violations'] }).then((result) => result.violations)"
)


def check_accessibility(dashboard: Dashboard, where: str) -> None:
    """Fail if axe finds anything serious on the page.

    Args:
        dashboard: The page.
        where: What the page shows, for the message of a failure.
    """
    if not dashboard.page.evaluate("'axe' in window"):
        dashboard.page.evaluate(_AXE)
    found = dashboard.page.evaluate(_RUN)
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]]
        for violation in found
        if violation["impact"] in _SERIOUS
    }
    assert not serious, where


def check_widths(dashboard: Dashboard, where: str) -> None:
    """Check the page at the width of a desk, a tablet and a phone."""
    for width in WIDTHS:
        dashboard.page.set_viewport_size({"width": width, "height": 900})
        dashboard.page.wait_for_timeout(100)
        check_accessibility(dashboard, f"{where} at {width}")
