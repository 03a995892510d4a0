"""The live claims of a room, found by their holders.

Whoever posts or polls renews its claims, so they are filed under their holders: those
of everybody else cost it nothing.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, ValuesView
from typing import Self

import attrs
from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.message import Lease
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.name_index import NO_SEQS, file_under, take_from


@attrs.frozen
class Leases(Mapping[int, Lease]):
    """Live claims by seq, with an index: a value like the room it is of."""

    _by_seq: HashTrieMap[int, Lease] = attrs.field(factory=HashTrieMap)
    _by_holder: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )

    @classmethod
    def of(cls, leases: Iterable[Lease]) -> Self:
        """Make the value from its leases."""
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
        """Return the leases, in no order that two processes would agree on."""
        return self._by_seq.values()

    def insert(self, lease: Lease) -> Self:
        """Return these leases and one more, in the place of one on the same message."""
        seq, by_holder = lease.seq, self._by_holder
        before = self._by_seq.get(seq)
        if before is not None and before.holder != lease.holder:
            by_holder = take_from(by_holder, peer_key(before.holder), seq)
        if before is None or before.holder != lease.holder:
            by_holder = file_under(by_holder, peer_key(lease.holder), seq)
        return type(self)(self._by_seq.insert(seq, lease), by_holder)

    def discard(self, seq: int) -> Self:
        """Return these leases without the one on a message, if there is one."""
        before = self._by_seq.get(seq)
        if before is None:
            return self
        left = take_from(self._by_holder, peer_key(before.holder), seq)
        return type(self)(self._by_seq.discard(seq), left)

    def held_by(self, peer: str) -> list[Lease]:
        """Return the leases of a peer, by its name in any spelling, oldest first."""
        seqs = self._by_holder.get(peer_key(peer), NO_SEQS)
        return [self._by_seq[seq] for seq in sorted(seqs)]
