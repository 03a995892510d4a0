"""Find our part in a file that ``argybargy connect`` has written. Pure.

A record says in which form a file is shared, and what our part of it is. What somebody
has added around our part, or to it, does no harm.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from argybargy.agent.errors import AgentError
from argybargy.agent.seat_name import parse_project_file, parse_seat_name

_BYTE_ORDER_MARK: Final = "\ufeff"


def has_our_part(content: bytes, share: Mapping[str, Any]) -> bool:
    """Tell whether our part is in the content of a file.

    Args:
        content: The content.
        share: The record of our part.
    """
    form = share.get("form")
    if form == "own":
        return hashlib.sha256(content).hexdigest() == share.get("digest")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    if form == "json":
        return _has_additions(text, share.get("additions"))
    if form == "seats":
        return _has_seat(text, str(share.get("name")))
    ours = _lines(str(share.get("inserted", "")))
    return bool(ours) and ours in _lines(text)


def _lines(text: str) -> str:
    """Return a text in one spelling of its line ends, without those at its ends."""
    return text.replace("\r\n", "\n").strip()


def _has_seat(text: str, name: str) -> bool:
    try:
        seat = parse_seat_name(name)
        return any(each.fits(seat) for each in parse_project_file(text))
    except AgentError:
        return False


def _has_additions(text: str, additions: object) -> bool:
    try:
        document = json.loads(text.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        return False
    listed = additions if isinstance(additions, list) else []
    return bool(listed) and all(_has_addition(document, each) for each in listed)


def _has_addition(document: Any, addition: Any) -> bool:  # noqa: ANN401 - JSON
    path, key, value, *_ = addition
    try:
        for step in path:
            document = document[step]
        if key is None:
            return any(_contains(each, value) for each in document)
        return _contains(document[key], value)
    except (KeyError, TypeError, IndexError):
        return False


def _contains(value: Any, ours: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether a value is ours, perhaps with additions of others."""
    if isinstance(ours, dict):
        return isinstance(value, dict) and all(
            key in value and _contains(value[key], part) for key, part in ours.items()
        )
    if isinstance(ours, list):
        return isinstance(value, list) and all(
            any(_contains(each, part) for each in value) for part in ours
        )
    return bool(value == ours)
