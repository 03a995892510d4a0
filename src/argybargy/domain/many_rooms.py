"""One access code for several rooms.

Such a code has a record in each of its rooms. That of the first room is an ordinary
record, so a client that names no room sees an ordinary code. The other records name the
code's digest in `presented`, and have a digest of their own: the store, the lists of
codes and the revoked codes tell records apart by it. Nobody can present a code with
that digest, since a presented code is compared with `presented` alone.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import RoomKey, room_key

_LABEL: Final = b"argybargy: a further room of a code\0"


def digest_in_room(presented: bytes, room: RoomKey) -> bytes:
    """Return the digest of a code's record in a room that is not its first."""
    return hashlib.sha256(_LABEL + presented + room.encode()).digest()


def in_further_room(record: CodeRecord) -> CodeRecord:
    """Return the record of a code as that of a room that is not its first."""
    digest = digest_in_room(record.digest, record.peer.room)
    return attrs.evolve(record, digest=digest, presented=record.digest)


def count_codes(records: Iterable[CodeRecord]) -> int:
    """Count the codes that records belong to."""
    return len({record.code_digest for record in records})


def choose_room(records: Sequence[CodeRecord], room: str | None) -> CodeRecord:
    """Return the record of the room that a request names, or of the first room.

    A code whose first room is gone has no room to take in its place: what was meant
    for one room would be read in another.

    Args:
        records: The valid records of one code.
        room: The room, in any spelling; ``None`` if the request names none.

    Raises:
        RelayError: ``room_not_found``, whether the room exists or not.
    """
    for record in records:
        is_first = room is None and record.presented is None
        if is_first or (room is not None and record.peer.room == room_key(room)):
            return record
    raise RelayError(Problem.ROOM_NOT_FOUND)
