"""Rules about the source files that no linter has."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "argybargy"
MANY_LINES: Final = 400
LONG_FILES: Final = {
    "agent/command_table.py": "one table of all commands for agents",
    "store/protocol.py": "one contract for every store, in parts for its consumers",
    "domain/room/commands.py": "all commands of a room with their results",
    "domain/room/transition.py": "every change to a room beside the write of it",
    "relay/access/code_registry.py": "all operations on codes update the same indexes",
    "relay/api/poll.py": "the state of one poll, from its seat to its answer",
    "relay/notifications/registry.py": "every method reads or changes the notices",
    "relay/room/task.py": "one room task with its table of states",
    "web/access/sessions.py": "opening, ending and storing share one lock",
    "store/memory/store.py": "one method for each of the store's protocol",
    "store/sqlite/store.py": "one method for each of the store's protocol",
    "store/postgres/store.py": "one method for each of the store's protocol",
}
"""Files of more than `MANY_LINES` lines, each with the reason why it stays whole."""
VAGUE_BEGINNINGS: Final = {
    *("What", "Who", "Whose", "Whom", "How", "Where", "Why", "Whether"),
    *("Those", "Everything", "Nothing", "Whatever"),
}
RIDDLES: Final = re.compile(
    r"\b(what is none|for ever|of old|nought|to be had|sent home|its hands full"
    r"|without a word|what is late|that there is not|on the one hand and"
    r"|whatever it is as|looked through|what every command takes)\b"
)
"""Phrases that nobody searches for; say retry, flush, validate, silently, forever."""


def test_a_file_of_many_lines_has_a_reason_to_stay_whole() -> None:
    long = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if len(path.read_text().splitlines()) > MANY_LINES
    }
    unexplained = long - set(LONG_FILES)
    assert not unexplained, "split it, or say in LONG_FILES why it belongs together"


def test_every_long_file_in_the_table_exists() -> None:
    assert [name for name in LONG_FILES if not (SOURCE / name).exists()] == []


PROPERTIES: Final = {"property", "cached_property"}


def _docstrings(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Yield line and text of each docstring; True for a property or an attribute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(each) for each in node.decorator_list}
            if text := ast.get_docstring(node):
                is_property = not decorators.isdisjoint(PROPERTIES)
                yield node.lineno, text, is_property
        if isinstance(node, ast.Module | ast.ClassDef):
            if text := ast.get_docstring(node):
                yield getattr(node, "lineno", 1), text, False
            for target, note in pairwise(node.body):
                match target, note:
                    case (
                        ast.Assign() | ast.AnnAssign(),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        yield note.lineno, text, True


def test_no_docstring_begins_with_a_relative_clause() -> None:
    """A first line such as "Flush acknowledged cursors" can be found by search.

    "Whether" is how the docstring of a boolean property or attribute begins.
    """
    found = [
        f"{path.relative_to(SOURCE)}:{line} {text.splitlines()[0]}"
        for path in SOURCE.rglob("*.py")
        for line, text, has_value in _docstrings(path)
        if (word := text.split(maxsplit=1)[0].rstrip(",:")) in VAGUE_BEGINNINGS
        and not (has_value and word == "Whether")
    ]
    assert found == []


def test_no_text_has_a_phrase_that_hides_its_meaning() -> None:
    paths = [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *SOURCE.rglob("*.py"),
        *(SOURCE / "web" / "dashboard").glob("*.js"),
    ]
    found = [
        f"{path.relative_to(ROOT)}: {phrase[0]}"
        for path in paths
        for phrase in RIDDLES.finditer(" ".join(path.read_text().split()))
    ]
    assert found == []
