"""attrs classes that are made in half the time.

attrs writes the methods of each class as source text and compiles it at every import,
which took a quarter of the start of a relay. Printing, comparing and hashing need no
source of their own for each class: here all classes share it, and attrs writes
``__init__`` alone.

The decorators take the options of attrs, and give classes that print, compare and hash
as attrs documents it. Only ``cache_hash`` and fields with a comparison of their own
need attrs itself.
"""

from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

__all__ = ["define", "frozen"]

if TYPE_CHECKING:
    # For mypy these are the decorators of attrs, which it knows.
    from attrs import define, frozen
else:

    def define(cls=None, /, **options):  # noqa: ANN001, ANN003, ANN201 - typed above
        """Make a class whose fields can be set; it compares by value."""
        return _make(cls, attrs.define, options)

    def frozen(cls=None, /, **options):  # noqa: ANN001, ANN003, ANN201
        """Make a class of values; it compares and hashes by value."""
        return _make(cls, attrs.frozen, options)


def _make(cls: Any, decorator: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - any class
    if cls is None:
        return lambda decorated: _make(decorated, decorator, options)
    own = vars(cls)
    # Exceptions compare by identity, as with attrs.
    has_eq = options.pop("eq", True) and not issubclass(cls, BaseException)
    made = decorator(cls, repr=False, eq=False, **options)
    if "__repr__" not in own:
        made.__repr__ = _repr
    if has_eq and "__eq__" not in own:
        made.__eq__, by_value = _comparison(made)
        if "__hash__" not in own:
            made.__hash__ = by_value if decorator is attrs.frozen else None
    return made


def _comparison(cls: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Return the methods ``__eq__`` and ``__hash__`` of a class."""
    names = [field.name for field in attrs.fields(cls) if field.eq]
    compared = attrgetter(*names) if names else type

    def __eq__(self: Any, other: Any) -> Any:  # noqa: ANN401, N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared(self) == compared(other)

    def __hash__(self: Any) -> int:  # noqa: ANN401, N807
        return hash(compared(self))

    return __eq__, __hash__


@recursive_repr()
def _repr(self: Any) -> str:  # noqa: ANN401
    cls = type(self)
    shown = list[str]()
    for field in attrs.fields(cls):
        show = repr if field.repr is True else field.repr
        if show:
            value = getattr(self, field.name, attrs.NOTHING)
            shown.append(f"{field.name}={show(value)}")
    return f"{cls.__qualname__.rpartition('>.')[2]}({', '.join(shown)})"
