"""Index of the records of access codes by the code that is presented."""

import attrs

from argybargy.domain.access_codes import CodeRecord, key_id_of
from argybargy.system.values import define


@define
class RoomsOfCodes:
    """The records of each code: one for each of its rooms, the first room first.

    Found by the public handle of the code, and then compared in constant time.

    Mutable state: a list for each handle, bounded by the records of the registry.
    """

    _by_handle: dict[str, list[CodeRecord]] = attrs.field(factory=dict)

    def add(self, record: CodeRecord) -> None:
        """Add a record."""
        handle = key_id_of(record.code_digest)
        self._by_handle.setdefault(handle, []).append(record)

    def remove(self, record: CodeRecord) -> None:
        """Remove a record."""
        handle = key_id_of(record.code_digest)
        self._by_handle[handle].remove(record)
        if not self._by_handle[handle]:
            del self._by_handle[handle]

    def replace(self, before: CodeRecord, after: CodeRecord) -> None:
        """Replace a record by one with the same code."""
        mine = self._by_handle[key_id_of(before.code_digest)]
        mine[mine.index(before)] = after

    def of(self, digest: bytes) -> tuple[CodeRecord, ...]:
        """Return the records of the code with a digest."""
        known = self._by_handle.get(key_id_of(digest), ())
        return tuple([record for record in known if record.is_code(digest)])
