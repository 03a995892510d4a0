"""Validation of single column values by the rules of the domain."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import are_choices, is_choice
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, SenderKind
from argybargy.domain.names import OPERATOR, RESERVED_PEER_NAMES, SYSTEM, fold, is_name
from argybargy.domain.seq_gaps import SeqGap
from argybargy.store.sqlite.choices import decode_choices, encode_choices

_LINE_CHARS: Final = 2_000
"""Longest text outside messages; imported audit rows have the longest ones."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_ADDRESSED: Final = RESERVED_PEER_NAMES - {OPERATOR}
_NOT_ASKED: Final = frozenset({"all", SYSTEM, "admin"})
_KINDS: Final = frozenset(kind.value for kind in SenderKind)


def parse_seq_gaps(column: str, first: int, head: int) -> tuple[SeqGap, ...] | None:
    """Parse the column `holes`; ``None`` if malformed, unordered or out of range."""
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
def is_valid_recipients(recipients: str) -> bool:
    """Tell whether a JSON array of recipients is valid and in the relay's encoding.

    SQL matches names in the text and Python decodes it: a different encoding of the
    same array would be visible to one and hidden from the other.
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
    has_calls = any(word_of_address(name) for name in names)
    most = Limits().addressees + (Limits().called_peers if has_calls else 0)
    return (
        1 <= len(names) == len(folded) <= most
        and all(map(_is_address, names))
        and folded.isdisjoint(_NOT_ADDRESSED)
    )


def _is_address(name: str) -> bool:
    """Tell whether a name is that of a peer or stands for peers with a capability."""
    return is_name(name) or word_of_address(name) is not None


@lru_cache(maxsize=1024)
def is_valid_sender(name: str, kind: str) -> bool:
    """Tell whether a sender of this kind may have this name."""
    if kind not in _KINDS:
        return False
    match SenderKind(kind):
        case SenderKind.SYSTEM:
            return fold(name) == SYSTEM
        case SenderKind.OPERATOR:
            return is_peer_or_operator(name)
        case SenderKind.AGENT | SenderKind.PERSON:
            return is_name(name) and fold(name) not in RESERVED_PEER_NAMES


@lru_cache(maxsize=1024)
def is_valid_expects(name: str) -> bool:
    """Tell whether a message may expect a reply from this name."""
    return _is_address(name) and fold(name) not in _NOT_ASKED


def are_valid_choices(column: str) -> bool:
    """Tell whether a JSON array of choices is valid and in the relay's encoding."""
    try:
        choices = decode_choices(column)
    except ValueError:
        return False
    return encode_choices(choices) == column and are_choices(choices, Limits())


def is_valid_choice(choice: str) -> bool:
    """Tell whether a text can be the choice of a reply."""
    return is_choice(choice, Limits())


def is_peer_or_operator(name: str) -> bool:
    """Tell whether a name is that of a peer or the operator."""
    return is_name(name) and fold(name) not in _NOT_ADDRESSED


def is_single_line(text: str, most: int = _LINE_CHARS) -> bool:
    """Tell whether a text has at most `most` characters, none a control character."""
    return len(text) <= most and _CONTROL.search(text) is None
