"""Colour on terminals: one rule for the log and for the commands."""

from collections.abc import Mapping
from typing import TextIO


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether to print colours: on a terminal, unless ``NO_COLOR`` is set."""
    is_plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    return not is_plain and stream.isatty()
