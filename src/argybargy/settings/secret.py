"""Values of settings that are never shown."""

from typing import Final

import attrs

from argybargy.system.values import frozen

HIDDEN: Final = "(hidden)"


@frozen
class Secret:
    """A value that is not shown, logged or printed.

    Attributes:
        value: The value, for the code that needs it.
    """

    value: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return HIDDEN
