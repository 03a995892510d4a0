"""Packages that a start does not import, because they take longer than its work."""

import subprocess
import sys
from typing import Final

SLOW: Final = (
    *("quart", "quart_trio", "werkzeug", "flask", "jinja2", "h2", "wsproto"),
    *("rich", "prometheus_client", "mcp", "pydantic", "cyclopts"),
)
"""Packages behind the dashboard, HTTP/2, scrapers and the help of the commands."""
NAMED: Final = """
import sys
loaded = {name.partition(".")[0] for name, found in sys.modules.items() if found}
print(*sorted(loaded))
"""


def imported_by(program: str) -> set[str]:
    """Run a program in a fresh interpreter, and return the top-level packages."""
    done = subprocess.run(
        [sys.executable, "-c", program + NAMED],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_version_is_printed_without_parsing_the_command_line() -> None:
    loaded = imported_by(
        "import sys; sys.argv = ['argybargy', '--version']\n"
        "from argybargy.__main__ import main; main()"
    )
    assert "argybargy" in loaded
    assert loaded.isdisjoint({*SLOW, "attrs", "msgspec", "trio", "structlog"})
