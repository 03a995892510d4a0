"""Whether colours are welcome. One rule, for the log and for the commands."""

from collections.abc import Mapping
from typing import TextIO


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether colours are welcome: on a terminal, unless it is said otherwise."""
    is_plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    return not is_plain and stream.isatty()
