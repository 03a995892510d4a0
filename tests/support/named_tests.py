"""Check that tests which a table names exist."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]


@cache
def _tests_in(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def missing_tests(named: Iterable[str]) -> list[str]:
    """Return the names, as ``path/below/tests.py::test_name``, that are not tests."""
    missing = []
    for each in named:
        file, _, name = each.partition("::")
        if not name.startswith("test_") or name not in _tests_in(TESTS / file):
            missing.append(each)
    return missing
