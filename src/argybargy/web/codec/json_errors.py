"""Say what is wrong with a body that is no JSON object, and at which place.

A report has the place and the kind of mistake, never what was sent.
"""

import re
from typing import Final

import msgspec

# The form of msgspec's messages that name a byte. It is no stable interface; a message
# of another form becomes a general one, and tests hold these.
_MALFORMED: Final = re.compile(r"JSON is malformed: (?P<what>[a-z ]+) \(byte (\d+)\)")
_HALF_A_PAIR: Final = re.compile(rb"\\u[dD][89a-bA-B]")
_FIRST_PRINTABLE: Final = 0x20


def json_problem(raw: bytes, error: Exception) -> str:
    """Return what is wrong with a body.

    Args:
        raw: The body, without a byte order mark.
        error: The error of decoding it.
    """
    try:
        raw.decode()
    except UnicodeDecodeError as broken:
        return f"this is not UTF-8 at {_place(raw, broken.start)}"
    if not raw.strip():
        return "it is empty: send a JSON object"
    if isinstance(error, msgspec.ValidationError):
        return _wrong_value(str(error))
    match = _MALFORMED.fullmatch(str(error))
    if match:
        # Two kinds are reported one byte late.
        is_late = match["what"].startswith(("trailing characters", "invalid escape"))
        at = int(match[2]) - is_late
        return f"this is not JSON: {_mistake(raw, at, match['what'])}"
    if "truncated" in str(error):
        half = " or half of a pair of \\u escapes" if _HALF_A_PAIR.search(raw) else ""
        end = _place(raw, len(raw))
        return f"this is not JSON: it ends at {end}, inside an object or a string{half}"
    return "this is not a JSON object"


def _wrong_value(text: str) -> str:
    if text.startswith("Expected `object`"):
        return "this is JSON, but not an object: send {...}"
    if "out of range" in text:
        return "a number in it is out of range"
    return "this is not a JSON object"


def _mistake(raw: bytes, at: int, what: str) -> str:
    is_control = at < len(raw) and raw[at] < _FIRST_PRINTABLE
    advice = " (inside a string, write a line break as \\n)" if is_control else ""
    return f"{what} at {_place(raw, at)}{advice}"


def _place(raw: bytes, at: int) -> str:
    """Return the line and the column of a byte, both from 1."""
    before = raw[:at]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    return f"line {line}, column {column}"
