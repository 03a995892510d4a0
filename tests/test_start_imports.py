"""Packages that a start does not import, because they take longer than its work."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from argybargy.system.logs import _hidden

SOURCE: Final = Path(__file__).parents[1] / "src" / "argybargy"

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


@pytest.mark.parametrize("package", SLOW)
def test_a_package_that_a_relay_needs_later_is_not_imported_before(
    package: str, before_listening: set[str]
) -> None:
    assert package not in before_listening


@pytest.fixture(scope="module")
def before_listening() -> set[str]:
    loaded = imported_by("import argybargy.serve.main")
    assert {"argybargy", "trio", "structlog", "httptools"} <= loaded
    return loaded


def test_structlog_is_imported_in_one_place() -> None:
    importing = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r"^\s*(import|from) structlog", path.read_text(), re.MULTILINE)
    }
    assert importing == {"system/logs.py"}, "import argybargy.system.logs instead"


def test_a_module_that_was_imported_before_is_there_after_it_was_hidden() -> None:
    before = sys.modules["json"]
    with _hidden("json"), pytest.raises(ImportError):
        importlib.import_module("json")
    assert sys.modules["json"] is before
    with _hidden("no_such_package"):
        pass
    assert "no_such_package" not in sys.modules
