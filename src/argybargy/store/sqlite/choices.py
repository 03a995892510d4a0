"""Choices of questions, as the JSON of the column `choices`."""

from collections.abc import Sequence
from typing import Final

import msgspec

_decode: Final = msgspec.json.Decoder(tuple[str, ...]).decode


def encode_choices(choices: Sequence[str]) -> str | None:
    """Return the value of the column."""
    return msgspec.json.encode(choices).decode() if choices else None


def decode_choices(column: str | None) -> tuple[str, ...]:
    """Return the choices of a question.

    Raises:
        ValueError: The column is invalid.
    """
    return () if column is None else _decode(column)
