"""Say that a value in a body is of the wrong type, in the words of JSON."""

import re
from typing import Final

from argybargy.domain.errors import RelayError

_TYPE_PROBLEM: Final = re.compile(
    r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>\w+)`"
    r" - at `\$\.(?P<field>\w+)(?P<item>[^`]*)`"
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


def type_problem(text: str) -> RelayError:
    """Say in the one shape what msgspec found, in the words of JSON."""
    match = _TYPE_PROBLEM.fullmatch(text)
    if match:
        return RelayError.invalid(match["field"], _describe_type(match))
    if "unknown field" in text:
        return RelayError.invalid("body", "a key in it means nothing here")
    missing = _MISSING.search(text)
    if missing and missing["within"]:
        problem = f"the field {missing['field']} in it is required"
        return RelayError.invalid(missing["within"], problem)
    if missing:
        return RelayError.invalid(missing["field"], "this field is required")
    return RelayError.invalid("body", "this is not what the endpoint takes")


def _describe_type(match: re.Match[str]) -> str:
    """Say which types a field takes, and which one it was given."""
    names, got = match["wanted"].split(" | "), match["got"]
    wanted = " or ".join(_WANTED.get(name, name) for name in names)
    where = "each in the list: " if match["item"] else ""
    is_quoted = got == "str" and not {"int", "float"}.isdisjoint(names)
    advice = ": write the number without quotes" if is_quoted else ""
    return f"{where}{wanted}; this is {_GOT.get(got, got)}{advice}"
