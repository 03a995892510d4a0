"""Parameters of cyclopts: those that commands share, and those made of options."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

import attrs
from cyclopts import Group, Parameter

from argybargy.cli.options import LocalOptions, Option

if TYPE_CHECKING:
    from cyclopts import Token


def _shown_default(value: object) -> object:
    """Return the default for the help; ``None`` hides the default of a flag."""
    return None if value is False else value


PARAMETERS: Final = Parameter(negative=(), show_default=_shown_default)
"""Defaults of cyclopts for the options of all commands."""


def _read_integer(_wanted: object, tokens: "Sequence[Token]") -> int:
    """Parse decimal digits with an optional minus sign.

    Raises:
        ValueError: The text is anything else, such as ``1.5``.
    """
    text = tokens[0].value
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f'"{text}" is not a whole number.')
    return int(text)


INTEGER: Final = Parameter(converter=_read_integer)
"""An integer option that rejects 1.5; cyclopts' own converter rounds it."""


ONELINE: Final = Parameter(
    negative="--no-oneline",
    help="Print each message on one line, or as text in several. Default: several on a "
    "terminal, and one into a pipe or a file.",
)
"""The option of commands that print messages."""

_COMMON: Final = Group("Common options", sort_key=1)
_WHOLE: Final = (int, int | None)


def with_parameters(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return an annotation with parameters of cyclopts in place of options."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *noted = get_args(annotation)
    found = [_parameter(each) if isinstance(each, Option) else each for each in noted]
    integer = [INTEGER] if kind in _WHOLE and found != noted else []
    return Annotated[(kind, *integer, *found)]


def _parameter(option: Option) -> Parameter:
    given: dict[str, Any] = {
        "name": option.names,
        "help": option.help,
        "negative": option.negative,
    }
    # What is left out keeps the default of cyclopts, such as the text of the docstring.
    return Parameter(**{name: value for name, value in given.items() if value})


def parsed_options(kind: type[LocalOptions]) -> type[LocalOptions]:
    """Return a class of options that cyclopts can parse; its values are of `kind`."""
    fields = {
        field.name: attrs.field(
            default=field.default, type=with_parameters(field.type), kw_only=True
        )
        for field in attrs.fields(kind)
    }
    made = attrs.make_class(
        kind.__name__, fields, bases=(kind,), slots=True, frozen=True
    )
    Parameter(name="*", group=_COMMON)(made)
    return made
