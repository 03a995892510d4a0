"""What kind of file system a directory is on; only Linux tells without asking twice."""

import re
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def find_file_system(path: Path, table: Path = TABLE) -> str:
    """Return the kind of file system that holds `path`; empty if it is not told."""
    try:
        lines = table.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return pick_file_system(path.resolve(), lines)


def pick_file_system(path: Path, lines: list[str]) -> str:
    """Return the kind of the innermost mount that holds `path`.

    Args:
        path: Without symbolic links.
        lines: The table of mounts, in the order in which they were made.
    """
    best, kind = -1, ""
    for line in lines:
        left, separator, right = line.partition(" - ")
        if not separator:
            continue
        point = Path(_ESCAPE.sub(_unescape, left.split(" ")[4]))
        depth = len(point.parts)
        if depth >= best and path.is_relative_to(point):
            best, kind = depth, right.split(" ")[0]
    return kind


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
