"""Values of columns: gaps, and whole messages."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from argybargy.domain.message import Message, SenderKind
from argybargy.domain.seq_gaps import SeqGap
from argybargy.store.resolutions import decode_resolution

_NAMES: Final = (
    *("seq", "at_ms", "sender", "kind", "recipients", "text", "expects", "reply_to"),
    *("event", "claimed_by", "fence", "is_settled", "resolution", "choices", "choice"),
)
COLUMNS: Final = ", ".join(f"messages.{name}" for name in _NAMES)
"""The columns that :func:`to_message` takes."""

_decode_gaps: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode


def encode_gaps(gaps: Iterable[SeqGap]) -> str:
    """Encode the column `gaps`: a JSON array of [first, last] pairs."""
    return msgspec.json.encode([(gap.first, gap.last) for gap in gaps]).decode()


def decode_gaps(column: str) -> tuple[SeqGap, ...]:
    """Decode the column `gaps`."""
    return tuple(SeqGap(first, last) for first, last in _decode_gaps(column))


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
