"""Persistent index from peers to seqs."""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from typing import Final, TypeAlias

from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.names import PeerKey

SeqsByPeer: TypeAlias = "HashTrieMap[PeerKey, HashTrieSet[int]]"

NO_SEQS: Final[HashTrieSet[int]] = HashTrieSet()


def add_seq(index: SeqsByPeer, peer: PeerKey, seq: int) -> SeqsByPeer:
    """Return the index with a seq added to a peer."""
    return index.insert(peer, index.get(peer, NO_SEQS).insert(seq))


def remove_seq(index: SeqsByPeer, peer: PeerKey, seq: int) -> SeqsByPeer:
    """Return the index with a seq of a peer removed. Empty entries are dropped."""
    left = index[peer].discard(seq)
    return index.insert(peer, left) if left else index.discard(peer)
