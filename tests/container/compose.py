"""Parse compose.yaml."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def read_compose() -> dict[str, Any]:
    """Return the parsed compose.yaml."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


def seconds_of(duration: str) -> float:
    """Parse a duration of compose, such as ``1m30s``, into seconds."""
    found = re.fullmatch(r"(?=\d)(?:(\d+)m)?(?:(\d+)s)?", duration)
    assert found, duration
    minutes, seconds = (int(part or 0) for part in found.groups())
    return 60 * minutes + seconds
