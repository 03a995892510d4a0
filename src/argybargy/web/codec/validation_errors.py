"""Collect validation errors, and translate those of msgspec.

An error names the field and what it takes, in JSON's terms, and never repeats the value
that was sent.
"""

import re
from typing import Final, Literal, get_args, get_origin, get_type_hints

import attrs

from argybargy.domain.errors import RelayError
from argybargy.system.values import define
from argybargy.web.ignored import NONE_IGNORED, Ignored

# The forms of msgspec's messages that name a field. They are no stable interface;
# a message of another form becomes a general one, and tests hold these.
_WRONG_TYPE: Final = re.compile(
    r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>\w+)`"
    r" - at `\$\.(?P<field>\w+)(?P<item>[^`]*)`"
)
_WRONG_VALUE: Final = re.compile(
    r"Invalid enum value .* - at `\$\.(?P<field>\w+)(?P<item>[^`]*)`", re.DOTALL
)
_MISSING: Final = re.compile(
    r"missing required field `(?P<field>\w+)`(?: - at `\$\.(?P<within>\w+))?"
)
_WANTED: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_GOT: Final = _WANTED | {"int": "a number", "float": "a fraction", "bool": "a boolean"}


@define
class ValidationErrors:
    """Collector of a request's validation errors.

    Attributes:
        found: Fields and their problems, in the order of the checks.
    """

    found: list[tuple[str, str]] = attrs.field(factory=list)

    def add(self, field: str, problem: str) -> None:
        """Add an error."""
        self.found.append((field, problem))

    def check(self, field: str, problem: str, *, is_wrong: bool) -> None:
        """Add an error if `is_wrong`."""
        if is_wrong:
            self.add(field, problem)

    def raise_any(self) -> None:
        """Raise ``invalid_request`` with all errors, if there are any."""
        if self.found:
            raise RelayError.invalid_fields(self.found)


def missing_field(ignored: Ignored) -> str:
    """Return the problem of a field that is required and was not sent.

    Args:
        ignored: The unknown fields that were sent; one of them may be meant.
    """
    unknown = f"; unknown: {ignored.shown()}" if ignored else ""
    return f"this field is required{unknown}"


def type_error(text: str, body: type, ignored: Ignored = NONE_IGNORED) -> RelayError:
    """Translate the message of a ``msgspec.ValidationError`` to ``invalid_request``.

    Args:
        text: The message.
        body: The type that was decoded.
        ignored: The unknown fields that were sent.
    """
    wrong = _WRONG_VALUE.fullmatch(text)
    if wrong:
        return RelayError.invalid(wrong["field"], _describe_values(body, wrong))
    match = _WRONG_TYPE.fullmatch(text)
    if match:
        return RelayError.invalid(match["field"], _describe_type(match))
    if "unknown field" in text:
        return RelayError.invalid("body", "it has an unknown key")
    missing = _MISSING.search(text)
    if missing and missing["within"]:
        problem = f"the field {missing['field']} in it is required"
        return RelayError.invalid(missing["within"], problem)
    if missing:
        return RelayError.invalid(missing["field"], missing_field(ignored))
    return RelayError.invalid("body", "this is not what the endpoint takes")


def _describe_values(body: type, match: re.Match[str]) -> str:
    """Return the values that a field takes."""
    values = _values_of(get_type_hints(body).get(match["field"]))
    where = "each in the list: " if match["item"] else ""
    return f"{where}{' or '.join(map(repr, values)) or 'not this value'}"


def _values_of(hint: object) -> tuple[object, ...]:
    """Return the values of each ``Literal`` in a type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(value for each in get_args(hint) for value in _values_of(each))


def _describe_type(match: re.Match[str]) -> str:
    """Return the types that a field takes, and the one that was sent."""
    names, got = match["wanted"].split(" | "), match["got"]
    wanted = " or ".join(_WANTED.get(name, name) for name in names)
    where = "each in the list: " if match["item"] else ""
    is_quoted = got == "str" and not {"int", "float"}.isdisjoint(names)
    advice = ": write the number without quotes" if is_quoted else ""
    return f"{where}{wanted}; this is {_GOT.get(got, got)}{advice}"
