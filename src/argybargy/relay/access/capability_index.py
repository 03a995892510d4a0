"""An index of access codes by the capabilities of their holders."""

from collections.abc import Iterator

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.capabilities import addresses_of
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.system.values import define


@define
class CapabilityIndex:
    """The codes of each room by the addresses ``can:WORD`` of their capabilities.

    A post may name many capabilities in a room with many codes. Without the index,
    each would take a look at all of them.

    Mutable state: the codes by room, address and key id, in the order in which they
    were added; bounded by `Limits.codes` and the words of each.
    """

    _codes: dict[tuple[RoomKey, PeerKey], dict[str, CodeRecord]] = attrs.field(
        factory=dict
    )

    def add(self, record: CodeRecord) -> None:
        """Add a code."""
        for address in addresses_of(record.capabilities):
            known = self._codes.setdefault((record.peer.room, address), {})
            known[record.key_id] = record

    def remove(self, record: CodeRecord) -> None:
        """Remove a code."""
        for address in addresses_of(record.capabilities):
            key = record.peer.room, address
            known = self._codes[key]
            del known[record.key_id]
            if not known:
                del self._codes[key]

    def find(self, room: RoomKey, address: PeerKey) -> Iterator[CodeRecord]:
        """Yield the codes with a capability, valid or not."""
        yield from self._codes.get((room, address), {}).values()
