"""Persistent indexes: numbers filed under names."""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from typing import Final, TypeAlias

from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.names import PeerKey

Index: TypeAlias = "HashTrieMap[PeerKey, HashTrieSet[int]]"

NO_SEQS: Final[HashTrieSet[int]] = HashTrieSet()


def file_under(index: Index, name: PeerKey, seq: int) -> Index:
    """Return the index with a number under a name."""
    return index.insert(name, index.get(name, NO_SEQS).insert(seq))


def take_from(index: Index, name: PeerKey, seq: int) -> Index:
    """Return the index without a number that is under a name; no name stays empty."""
    left = index[name].discard(seq)
    return index.insert(name, left) if left else index.discard(name)
