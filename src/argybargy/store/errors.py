"""How a store fails, in its own words; no library's exception crosses this border."""

import attrs


class StoreError(Exception):
    """A store could not do what it was asked."""


class Conflict(StoreError):
    """Somebody else has committed to the room since it was loaded. Not applied."""


@attrs.define
class Refused(StoreError):
    """Certainly not applied; the same request may be made again.

    Attributes:
        reason: What the store says, for the log.
        retry_after_seconds: When it may be worth trying.
    """

    reason: str
    retry_after_seconds: int = 1

    def __str__(self) -> str:
        return self.reason


@attrs.define
class Full(Refused):
    """There is no room on the disk. Certainly not applied."""


@attrs.define
class Busy(Refused):
    """As many do this already as may at once; the store itself is well."""


class Unknown(StoreError):
    """May have been applied. Load the room again to know."""


class Corrupt(StoreError):
    """What is stored cannot be read. The process should end and say so."""


class Incompatible(StoreError):
    """The data belongs to a newer version, or another process holds it."""
