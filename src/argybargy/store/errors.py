"""Errors of a store; exceptions of its libraries are translated to these."""

from typing import TYPE_CHECKING

from argybargy.system.values import define

if TYPE_CHECKING:  # every command imports this module, and few need a room
    from argybargy.domain.room.commit import Commit


class StoreError(Exception):
    """Base of all errors of a store."""


@define
class Conflict(StoreError):
    """The stored room, or invite, has changed since it was loaded. Not applied.

    Attributes:
        reason: The cause, for the log.
        commits: The commits after the expected version, oldest first; without any,
            they have to be read.
        nonce: The nonce of the first of them, as far as the store knows it.
    """

    reason: str = ""
    commits: "tuple[Commit, ...]" = ()
    nonce: str = ""

    def __str__(self) -> str:
        return self.reason


@define
class Yield(Conflict):
    """It is the turn of another node to commit to the room. Not applied.

    The node waits for the hint of that commit, and tries again if none comes.
    """


@define
class Refused(StoreError):
    """The operation was not applied and may be retried.

    Attributes:
        reason: The cause, for the log.
        retry_after_seconds: The earliest time at which a retry makes sense.
    """

    reason: str
    retry_after_seconds: int = 1

    def __str__(self) -> str:
        return self.reason


@define
class Full(Refused):
    """The disk is full. Not applied."""


@define
class Busy(Refused):
    """The maximum number of concurrent operations of this kind is running."""


class RoomQuotaFull(StoreError):
    """As many rooms as allowed have messages. Not applied."""


class Unknown(StoreError):
    """The write may have been applied. An empty commit in its place finds out."""


class Corrupt(StoreError):
    """The stored data is damaged or gone. The process should end with this message."""


class Incompatible(StoreError):
    """The data has an unknown schema, or another process holds it."""
