"""Split many events into pieces, so that none of them holds the event loop."""

from collections.abc import Iterable, Iterator
from typing import Final

from argybargy.domain.notifications import EventKey

EVENTS_AT_ONCE: Final = 200
"""Events looked at between two checkpoints."""


def pieces(keys: Iterable[EventKey]) -> Iterator[list[EventKey]]:
    """Yield events in pieces; the collection may change meanwhile."""
    known = list(keys)
    for start in range(0, len(known), EVENTS_AT_ONCE):
        yield known[start : start + EVENTS_AT_ONCE]
