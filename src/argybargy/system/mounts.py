"""File system type of a directory, read from Linux's table of mounts."""

import re
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def find_file_system(path: Path, table: Path = TABLE) -> str:
    """Return the type of the file system of `path`; empty if unknown."""
    try:
        lines = table.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return pick_file_system(path.resolve(), lines)


def pick_file_system(path: Path, lines: list[str]) -> str:
    """Return the file system type of the innermost mount that contains `path`.

    Args:
        path: Absolute path without symbolic links.
        lines: Lines of ``/proc/self/mountinfo``, oldest mount first.
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
