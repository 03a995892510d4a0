"""Rules about the source files that no linter has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "argybargy"
MANY_LINES: Final = 400
LONG_FILES: Final = {
    "store/protocol.py": "one contract for every store, in parts for its consumers",
    "relay/access/code_registry.py": "all operations on codes update the same indexes",
    "relay/room/task.py": "one room task with its table of states",
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


def _docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def test_no_docstring_begins_with_a_relative_clause() -> None:
    """A first line such as "Flush acknowledged cursors" can be found by search."""
    found = [
        f"{path.relative_to(SOURCE)}:{line} {text.splitlines()[0]}"
        for path in SOURCE.rglob("*.py")
        for line, text in _docstrings(path)
        if text.split(maxsplit=1)[0].rstrip(",:") in VAGUE_BEGINNINGS
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
        for phrase in RIDDLES.finditer(path.read_text())
    ]
    assert found == []
