"""Add members to the text of a JSON document, and take them out again. Pure.

The text around an addition stays as it is: spaces, line endings, order and spelling of
numbers. An `Addition` records one insertion, so that taking out what was put in gives
the same text again, and leaves alone what somebody else has written since.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

import attrs

from argybargy.system.values import frozen

Json = Any
"""A decoded JSON value."""

_SPACES: Final = " \t\r\n"
_BLANK: Final = re.compile(rf"[{_SPACES}]*")
_DECODER: Final = json.JSONDecoder()
_BYTE_ORDER_MARK: Final = "\ufeff"
_INDENT: Final = "  "


@frozen
class Addition:
    """A value that was put into a document.

    Attributes:
        path: Keys that lead to its object or array.
        key: Its key; ``None`` for an element of an array.
        value: The value.
        blank: Text between the brackets of an empty object or array before.
    """

    path: tuple[str, ...]
    key: str | None
    value: Json
    blank: str = ""

    def to_json(self) -> list[Json]:
        """Return it as a value for a file."""
        return [list(self.path), self.key, self.value, self.blank]

    @classmethod
    def from_json(cls, read: Json) -> "Addition":
        """Return what `to_json` made.

        Raises:
            ValueError: It is something else.
        """
        try:
            path, key, value, blank = read
            return cls(tuple(map(str, path)), key, value, str(blank))
        except (TypeError, ValueError):
            raise ValueError("not an addition") from None


class Conflict(ValueError):
    """A document has another value at a place of ours."""


@frozen
class _Item:
    """A member of an object, or an element of an array, with its place in the text."""

    key: str | None
    start: int
    value_start: int
    end: int
    value: Json


def parse(text: str) -> Json:
    """Decode a document strictly.

    Raises:
        ValueError: It is not JSON, has a key twice, or is nested too deeply.
    """

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    def members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        decoded = dict(pairs)
        if len(decoded) < len(pairs):
            raise ValueError("a key occurs twice")
        return decoded

    body = text.removeprefix(_BYTE_ORDER_MARK)
    try:
        return json.loads(body, parse_constant=constant, object_pairs_hook=members)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def merge(text: str, ours: Mapping[str, Json]) -> tuple[str, tuple[Addition, ...]]:
    """Put members into a document whose top is an object.

    Objects are merged, arrays are extended, and equal values are left alone.

    Returns:
        The new text, and the additions in the order in which they were made.

    Raises:
        Conflict: The document has another value at one of the places.
        ValueError: It is not a JSON object.
    """
    document = parse(text)
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - of the text
    made = []
    for addition in _missing(document, ours, ()):
        text, done = _insert(text, addition)
        made.append(done)
    return text, tuple(made)


def _missing(
    there: Json, ours: Mapping[str, Json], path: tuple[str, ...]
) -> Iterator[Addition]:
    """Yield the parts of ours that a document lacks."""
    for key, value in ours.items():
        if key not in there:
            yield Addition(path, key, value)
            continue
        found = there[key]
        if isinstance(found, dict) and isinstance(value, dict):
            yield from _missing(found, value, (*path, key))
        elif isinstance(found, list) and isinstance(value, list):
            known = {_canonical(each) for each in found}
            new = [each for each in value if _canonical(each) not in known]
            yield from (Addition((*path, key), None, each) for each in new)
        elif _canonical(found) != _canonical(value):
            raise Conflict(f"it has another value for {'.'.join((*path, key))}")


def take_out(text: str, additions: tuple[Addition, ...]) -> str:
    """Take additions out of a document, the last one first.

    A value that somebody has changed since loses our parts only.

    Raises:
        ValueError: The text is not JSON.
    """
    parse(text)
    for addition in reversed(additions):
        text = _take_out(text, addition)
    return text


def _take_out(text: str, addition: Addition) -> str:
    start = _find(text, addition.path)
    if start is None:
        return text
    items = _items(text, start)
    for place in reversed(range(len(items))):
        item = items[place]
        if item.key != addition.key:
            continue
        if _canonical(item.value) == _canonical(addition.value):
            return _cut(text, start, place, addition.blank)
        if addition.key is not None:
            return _take_out_parts(text, addition, item)
    return text


def _take_out_parts(text: str, addition: Addition, item: _Item) -> str:
    """Take our parts out of a value that somebody has changed."""
    assert addition.key is not None, "elements of arrays are whole"
    path, ours = (*addition.path, addition.key), addition.value
    if isinstance(ours, dict) and isinstance(item.value, dict):
        parts = [Addition(path, key, value) for key, value in ours.items()]
    elif isinstance(ours, list) and isinstance(item.value, list):
        parts = [Addition(path, None, value) for value in ours]
    else:
        return text
    for part in reversed(parts):
        text = _take_out(text, part)
    start = _find(text, addition.path)
    assert start is not None, "the object was there before"
    for place, left in enumerate(_items(text, start)):
        if left.key == addition.key and left.value in ({}, []):
            return _cut(text, start, place, addition.blank)
    return text


def _cut(text: str, start: int, place: int, blank: str) -> str:
    """Cut one item out of the container at a place of the text."""
    items = _items(text, start)
    if len(items) == 1:
        end = _BLANK.match(text, items[0].end)
        assert end is not None, "it matches everywhere"
        return text[: start + 1] + blank + text[end.end() :]
    if place == 0:
        return text[: items[0].start] + text[items[1].start :]
    return text[: items[place - 1].end] + text[items[place].end :]


def _insert(text: str, addition: Addition) -> tuple[str, Addition]:
    start = _find(text, addition.path)
    assert start is not None, "the container is there"
    items = _items(text, start)
    if items:
        before = text[start + 1 : items[0].start]
        is_spread = "\n" in before
        lead = before[before.rfind("\n") + 1 :] if is_spread else ""
        shown = _shown(addition, text, lead, is_spread=is_spread)
        gap = _line_end(text) + lead if is_spread else " "
        last = items[-1].end
        return f"{text[:last]},{gap}{shown}{text[last:]}", addition
    blank = _blank_at(text, start + 1)
    close = start + 1 + len(blank)
    unit, end = _unit(text), _line_end(text)
    lead, outer = unit * (len(addition.path) + 1), unit * len(addition.path)
    shown = _shown(addition, text, lead, is_spread=True)
    inner = f"{end}{lead}{shown}{end}{outer}"
    return text[: start + 1] + inner + text[close:], attrs.evolve(addition, blank=blank)


def _shown(addition: Addition, text: str, lead: str, *, is_spread: bool) -> str:
    """Return an item as text, indented like its neighbours."""
    unit = _unit(text) if is_spread else None
    shown = json.dumps(addition.value, indent=unit, ensure_ascii=False)
    if addition.key is not None:
        shown = f"{json.dumps(addition.key, ensure_ascii=False)}: {shown}"
    return shown.replace("\n", _line_end(text) + lead)


def _find(text: str, path: tuple[str, ...]) -> int | None:
    """Return the place of the bracket of the container at a path."""
    start = len(_blank_at(text, text.startswith(_BYTE_ORDER_MARK)))
    start += text.startswith(_BYTE_ORDER_MARK)
    for key in path:
        if text[start] != "{":
            return None
        found = [each for each in _items(text, start) if each.key == key]
        if not found:
            return None
        start = found[0].value_start
    return start if text[start] in "{[" else None


def _items(text: str, start: int) -> list[_Item]:
    """Return the items of the container at a place of a valid document."""
    items = []
    is_object = text[start] == "{"
    place = _skip(text, start + 1)
    while text[place] not in "}]":
        first, key = place, None
        if is_object:
            key, place = _decode(text, place)
            place = _skip(text, _skip(text, place) + 1)
        value, end = _decode(text, place)
        items.append(_Item(key, first, place, end, value))
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return items


def _decode(text: str, place: int) -> tuple[Json, int]:
    value, end = _DECODER.raw_decode(text, place)
    return value, end


def _blank_at(text: str, place: int) -> str:
    found = _BLANK.match(text, place)
    return found[0] if found else ""


def _skip(text: str, place: int) -> int:
    return place + len(_blank_at(text, place))


def _unit(text: str) -> str:
    """Return the indentation of the first member of a document, or two spaces."""
    found = re.match(rf"\ufeff?[{_SPACES}]*\{{[ \t\r]*\n([ \t]+)[^{_SPACES}]", text)
    return found[1] if found else _INDENT


def _line_end(text: str) -> str:
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
