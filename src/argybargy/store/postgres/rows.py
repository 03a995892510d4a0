"""Values of columns: gaps, ends of questions, and whole messages."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from argybargy.domain.message import Message, Resolution, ResolutionKind, SenderKind
from argybargy.domain.seq_gaps import SeqGap

_NAMES: Final = (
    *("seq", "at_ms", "sender", "kind", "recipients", "text", "expects", "reply_to"),
    *("event", "claimed_by", "fence", "is_settled", "resolution", "choices", "choice"),
)
COLUMNS: Final = ", ".join(f"messages.{name}" for name in _NAMES)
"""The columns that :func:`to_message` takes."""

_Resolution = tuple[ResolutionKind, str, int, int | None, str]
_decode_resolution: Final = msgspec.json.Decoder(_Resolution).decode
_decode_gaps: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode


def encode_gaps(gaps: Iterable[SeqGap]) -> str:
    """Encode the column `gaps`: a JSON array of [first, last] pairs."""
    return msgspec.json.encode([(gap.first, gap.last) for gap in gaps]).decode()


def decode_gaps(column: str) -> tuple[SeqGap, ...]:
    """Decode the column `gaps`."""
    return tuple(SeqGap(first, last) for first, last in _decode_gaps(column))


def encode_resolution(resolution: Resolution | None) -> str | None:
    """Encode the column `resolution`: a JSON array, or NULL without an end."""
    if resolution is None:
        return None
    row: _Resolution = (
        resolution.kind,
        resolution.by,
        resolution.at_ms,
        resolution.seq,
        resolution.reason,
    )
    return msgspec.json.encode(row).decode()


def decode_resolution(column: str | None) -> Resolution | None:
    """Decode the column `resolution`."""
    return None if column is None else Resolution(*_decode_resolution(column))


def to_message(row: Sequence[Any]) -> Message:
    """Build a message from the columns `COLUMNS`."""
    seq, at_ms, sender, kind, to, text, *rest = row
    expects, reply_to, event, claimed_by, fence, is_claim_final, *rest = rest
    resolution, choices, choice = rest
    return Message(
        seq=seq,
        at_ms=at_ms,
        sender=sender,
        kind=SenderKind(kind),
        to=tuple(to),
        text=text,
        expects=expects,
        reply_to=reply_to,
        event=event,
        claimed_by=claimed_by,
        fence=fence,
        is_claim_final=is_claim_final,
        resolution=decode_resolution(resolution),
        choices=tuple(choices),
        choice=choice,
    )
