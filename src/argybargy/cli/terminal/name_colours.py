"""Colours of names: the same name has the same colour, in every run.

Terminals are dark or light, and do not say which. Each colour of the palette has a
contrast of at least 3.9 to 1 on black and on white.
"""

import zlib
from typing import Final

import attrs

from argybargy.domain.names import fold
from argybargy.system.values import define

PALETTE: Final = (27, 28, 164, 30, 196, 98, 64, 31, 162, 129, 131, 29)
"""Colours out of the 256 of a terminal. Neighbours differ in hue."""


MARKS: Final = 130
"""Colour of questions and choices, beside the names."""


@define
class NameColours:
    """Assigns colours to the names of one output.

    A name gets the colour of its checksum, or the next one that is free: names differ
    until all colours are taken. The mutable state is the colour of each name.
    """

    _taken: dict[str, int] = attrs.field(factory=dict)

    def colour(self, name: str) -> int:
        """Return the colour of a name."""
        key = fold(name)
        found = self._taken.get(key)
        if found is None:
            found = self._taken[key] = self._choose(key)
        return found

    def _choose(self, key: str) -> int:
        first = zlib.crc32(key.encode()) % len(PALETTE)
        turned = PALETTE[first:] + PALETTE[:first]
        taken = set(self._taken.values())
        return next((each for each in turned if each not in taken), turned[0])
