"""Rules about the source files that no linter has."""

from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[1] / "src" / "argybargy"
MANY_LINES: Final = 400
LONG_FILES: Final = {
    "store/protocol.py": "one contract for every store, in parts for its consumers",
    "relay/access/code_registry.py": "all operations on codes update the same indexes",
    "relay/room/task.py": "one room task with its table of states",
}
"""Files of more than `MANY_LINES` lines, each with the reason why it stays whole."""


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
