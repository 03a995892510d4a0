"""The unknown fields of a request, which are ignored and named in the response."""

from collections.abc import Collection, Iterable
from typing import Final, Self

import attrs

from argybargy.domain.nearest import nearest
from argybargy.system.values import frozen

MAX_IGNORED_NAMES: Final = 16
"""Maximum unknown fields that a response lists."""
_LONGEST: Final = 64


@frozen
class Ignored:
    """Unknown fields of a request.

    Attributes:
        names: Their names, the longest of them shortened.
        near: The known field that each is probably meant to be, for those with one.
    """

    names: tuple[str, ...] = ()
    near: dict[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, fields: Iterable[str], known: Collection[str]) -> Self:
        """Return the fields that are not known."""
        names = [each[:_LONGEST] for each in fields if each not in known][
            :MAX_IGNORED_NAMES
        ]
        pairs = ((name, nearest(name, known)) for name in names)
        return cls(tuple(names), {name: near for name, near in pairs if near})

    def __bool__(self) -> bool:
        return bool(self.names)

    def shown(self) -> str:
        """Return the names in a line."""
        return ", ".join(
            f"{name} (did you mean {self.near[name]}?)" if name in self.near else name
            for name in self.names
        )


NONE_IGNORED: Final = Ignored()
