"""The leases of a room, indexed by holder.

Each post and poll renews the leases of its peer. The index makes that independent of
the number of other leases in the room.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from typing import Self

import attrs
from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.message import Lease
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.name_index import NO_SEQS, add_seq, remove_seq
from argybargy.system.values import frozen


@frozen
class Leases(Mapping[int, Lease]):
    """An immutable map of leases by seq, with an index by holder."""

    _by_seq: HashTrieMap[int, Lease] = attrs.field(factory=HashTrieMap)
    _by_holder: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )

    @classmethod
    def of(cls, leases: Iterable[Lease]) -> Self:
        """Build the map from leases."""
        made = cls()
        for lease in leases:
            made = made.insert(lease)
        return made

    def __getitem__(self, seq: int) -> Lease:
        return self._by_seq[seq]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_seq)

    def __len__(self) -> int:
        return len(self._by_seq)

    def values(self) -> ValuesView[Lease]:
        """Return the leases in an order that differs between processes."""
        return self._by_seq.values()

    def insert(self, lease: Lease) -> Self:
        """Return the map with a lease added or replaced."""
        seq, by_holder = lease.seq, self._by_holder
        before = self._by_seq.get(seq)
        if before is not None and before.holder != lease.holder:
            by_holder = remove_seq(by_holder, peer_key(before.holder), seq)
        if before is None or before.holder != lease.holder:
            by_holder = add_seq(by_holder, peer_key(lease.holder), seq)
        return type(self)(self._by_seq.insert(seq, lease), by_holder)

    def discard(self, seq: int) -> Self:
        """Return the map without the lease on a message, if there is one."""
        before = self._by_seq.get(seq)
        if before is None:
            return self
        left = remove_seq(self._by_holder, peer_key(before.holder), seq)
        return type(self)(self._by_seq.discard(seq), left)

    def held_by(self, peer: str) -> list[Lease]:
        """Return the leases of a peer, by its name in any spelling, oldest first."""
        seqs = self._by_holder.get(peer_key(peer), NO_SEQS)
        return [self._by_seq[seq] for seq in sorted(seqs)]
