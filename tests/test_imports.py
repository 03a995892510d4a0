"""No two files import each other, in Python or in the dashboard.

The contracts of import-linter say which package may import which.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
DASHBOARD = SOURCE / "argybargy" / "web" / "dashboard"
SCRIPT = re.compile(r"""(?:from |import |import\()"\./([\w/-]+\.js)\"""")


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return files that import each other in a circle; none if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def python_imports() -> dict[str, set[str]]:
    """Return the imports of each module, including late ones and those for types."""
    paths = {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
        for path in SOURCE.rglob("*.py")
    }
    return {
        module: set(_imported(path)) & set(paths) - {module}
        for module, path in paths.items()
    }


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def script_imports() -> dict[str, set[str]]:
    """Return the imports of each script of the dashboard, including dynamic ones."""
    return {
        path.name: set(SCRIPT.findall(path.read_text()))
        for path in DASHBOARD.glob("*.js")
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = python_imports()
    assert "argybargy.domain.errors" in imports["argybargy.relay.relay"]
    assert circle(imports) == []


def test_no_scripts_of_the_dashboard_import_each_other_in_a_circle() -> None:
    imports = script_imports()
    assert {"composer.js", "admin.js"} <= imports["main.js"]
    assert circle(imports) == []


def test_a_circle_is_found() -> None:
    there = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert set(circle(there)) == {"a", "b", "c"}
