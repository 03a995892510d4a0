"""Packages that a start does not import, because they take longer than its work."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs
import pytest

from argybargy.__main__ import GARBAGE_OBJECTS as AT_START
from argybargy.serve.main import GARBAGE_OBJECTS as WHILE_SERVING
from argybargy.system.logs import _hidden

SOURCE: Final = Path(__file__).parents[1] / "src" / "argybargy"

SLOW: Final = (
    *("quart", "quart_trio", "werkzeug", "flask", "jinja2", "h2", "wsproto"),
    *("rich", "prometheus_client", "mcp", "pydantic", "cyclopts"),
)
"""Packages behind the dashboard, HTTP/2, scrapers and the help of the commands."""
LATER: Final = (
    *("h11", "zoneinfo", "difflib", "tunnel", "webhook", "apprise_channel"),
    *("shared_token", "shared_sign_in", "memory", "access_log", "sign_in"),
    "operator_routes",
)
"""Modules, of any package, that a relay with the usual settings has no use for yet."""
MODULES: Final = 307
"""Most modules of Argybargy that a relay has loaded when it listens."""
ALL_MODULES: Final = 700
"""Most modules, those of packages and of Python included; versions differ by some."""
CLASSES: Final = 311
"""Most attrs classes of Argybargy: each takes as long as a small module."""
STARTED: Final = """
import os, sys
from pathlib import Path
import argybargy.cli.main, argybargy.cli.commands.serve
from argybargy.serve.main import run
from argybargy.serve.run_plan import RunPlan
from argybargy.settings.settings import parse_settings

def tell(started):
    loaded = {name: found for name, found in sys.modules.items() if found}
    ours = {name: found for name, found in loaded.items() if "argybargy" in name}
    classes = {
        value
        for found in ours.values()
        for value in vars(found).values()
        if isinstance(value, type) and "__attrs_attrs__" in vars(value)
        and value.__module__ in ours
    }
    print(len(classes), *loaded, flush=True)
    os._exit(0)

variables = {"ARGYBARGY_DATA": sys.argv[1], "ARGYBARGY_PORT": "0"}
run(parse_settings(variables), RunPlan("serve", tell))
"""
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


@attrs.frozen
class Loaded:
    """What a relay has loaded when it listens."""

    classes: int
    modules: frozenset[str]


@pytest.fixture(scope="module")
def when_listening(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    done = subprocess.run(  # noqa: PLW1510 - the assertion shows why it failed
        [sys.executable, "-c", STARTED, str(tmp_path_factory.mktemp("data"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    classes, *names = done.stdout.split()
    return Loaded(int(classes), frozenset(names))


def test_a_relay_that_listens_has_loaded_no_more_than_it_had(
    when_listening: Loaded,
) -> None:
    """Load new modules where they are used, or raise the numbers and say why."""
    modules = when_listening.modules
    ours = [name for name in modules if name.partition(".")[0] == "argybargy"]
    assert len(ours) <= MODULES
    assert len(modules) <= ALL_MODULES
    assert when_listening.classes <= CLASSES
    assert min(len(ours), when_listening.classes) > MODULES // 2, "it counts nothing"


@pytest.mark.parametrize("name", LATER)
def test_a_module_that_few_relays_use_is_not_loaded(
    name: str, when_listening: Loaded
) -> None:
    assert "argybargy.web.fast_path" in when_listening.modules
    assert not [each for each in when_listening.modules if name in each.split(".")]


def test_a_relay_that_listens_collects_garbage_again() -> None:
    """Other commands end soon: see argybargy.__main__."""
    assert AT_START > 10 * WHILE_SERVING


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
