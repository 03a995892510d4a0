"""Rules for what stands in one column, as the relay itself would have written it."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, SenderKind
from argybargy.domain.names import OPERATOR, RESERVED_PEER_NAMES, SYSTEM, fold, is_name
from argybargy.domain.seq_gaps import SeqGap

_LINE_CHARS: Final = 2_000
"""Longest text beside messages; an imported audit log has the longest ones."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_ADDRESSED: Final = RESERVED_PEER_NAMES - {OPERATOR}
_NOT_ASKED: Final = frozenset({"all", SYSTEM, "admin"})
_KINDS: Final = frozenset(kind.value for kind in SenderKind)


def read_holes(column: str, first: int, head: int) -> tuple[SeqGap, ...] | None:
    """Return the numbers left out; ``None`` if they are not in order, or no JSON."""
    try:
        pairs = msgspec.json.decode(column, type=list[tuple[int, int]])
    except ValueError:
        return None
    before = first
    for start, last in pairs:
        if not before < start <= last <= head:
            return None
        before = last
    return tuple(SeqGap(*pair) for pair in pairs)


@lru_cache(maxsize=1024)
def is_audience(recipients: str) -> bool:
    """Tell whether this is how a message says whom it is for, to the letter.

    SQL looks for names in it as it stands, Python decodes it: both must see the same.
    """
    try:
        names = msgspec.json.decode(recipients, type=tuple[str, ...])
    except ValueError:
        return False
    if msgspec.json.encode(names).decode() != recipients:
        return False
    if names == TO_ALL:
        return True
    folded = {fold(name) for name in names}
    return (
        1 <= len(names) == len(folded) <= Limits().addressees
        and all(map(is_name, names))
        and folded.isdisjoint(_NOT_ADDRESSED)
    )


@lru_cache(maxsize=1024)
def may_speak(name: str, kind: str) -> bool:
    """Tell whether a speaker of some kind may go by a name."""
    if kind not in _KINDS:
        return False
    match SenderKind(kind):
        case SenderKind.SYSTEM:
            return fold(name) == SYSTEM
        case SenderKind.OPERATOR:
            return is_somebody(name)
        case SenderKind.AGENT:
            return is_name(name) and fold(name) not in RESERVED_PEER_NAMES


@lru_cache(maxsize=1024)
def may_be_asked(name: str) -> bool:
    """Tell whether a reply may be expected of somebody."""
    return is_name(name) and fold(name) not in _NOT_ASKED


def is_somebody(name: str) -> bool:
    """Tell whether a name is that of a peer, or the operator's."""
    return is_name(name) and fold(name) not in _NOT_ADDRESSED


def is_line(text: str, most: int = _LINE_CHARS) -> bool:
    """Tell whether a text is short, and of one line."""
    return len(text) <= most and _CONTROL.search(text) is None
