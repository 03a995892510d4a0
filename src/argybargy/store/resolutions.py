"""Ends of questions, as the JSON of the column `resolution`."""

from typing import Final

import msgspec

from argybargy.domain.message import Resolution, ResolutionKind

_Row = tuple[ResolutionKind, str, int, int | None, str]

_decode: Final = msgspec.json.Decoder(_Row).decode


def encode_resolution(resolution: Resolution | None) -> str | None:
    """Return the value of the column."""
    if resolution is None:
        return None
    row: _Row = (
        resolution.kind,
        resolution.by,
        resolution.at_ms,
        resolution.seq,
        resolution.reason,
    )
    return msgspec.json.encode(row).decode()


def decode_resolution(column: str | None) -> Resolution | None:
    """Return the end of a question.

    Raises:
        ValueError: The column is invalid.
    """
    return None if column is None else Resolution(*_decode(column))
