"""Errors of a store; exceptions of its libraries are translated to these."""

import attrs


class StoreError(Exception):
    """Base of all errors of a store."""


class Conflict(StoreError):
    """The stored room, or invite, has changed since it was loaded. Not applied."""


@attrs.define
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


@attrs.define
class Full(Refused):
    """The disk is full. Not applied."""


@attrs.define
class Busy(Refused):
    """The maximum number of concurrent operations of this kind is running."""


class Unknown(StoreError):
    """The write may have been applied. Load the room again to find out."""


class Corrupt(StoreError):
    """The stored data is damaged or gone. The process should end with this message."""


class Incompatible(StoreError):
    """The data has an unknown schema, or another process holds it."""
