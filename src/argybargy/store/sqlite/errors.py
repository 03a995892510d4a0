"""Translation of SQLite's errors to store errors, as one table."""

from collections.abc import Callable
from typing import Final

import apsw
import trio

from argybargy.store.errors import Corrupt, Full, Refused, StoreError

RETRY_SECONDS: Final = 1


def _refused(reason: str) -> StoreError:
    return Refused(reason, RETRY_SECONDS)


def _full(reason: str) -> StoreError:
    return Full(reason, RETRY_SECONDS)


_PASSING: Final[dict[type[Exception], Callable[[str], StoreError]]] = {
    apsw.FullError: _full,
    apsw.BusyError: _refused,
    apsw.LockedError: _refused,
    apsw.InterruptError: _refused,
    trio.TooSlowError: _refused,
}
"""Errors after which the connection stays usable."""

_SPOILING: Final[dict[type[Exception], Callable[[str], StoreError]]] = {
    apsw.IOError: _refused,
    apsw.CantOpenError: _refused,
    apsw.NoMemError: _refused,
    apsw.PermissionsError: _refused,
    apsw.ProtocolError: _refused,
    apsw.ReadOnlyError: _refused,
    apsw.CorruptError: Corrupt,
    apsw.NotADBError: Corrupt,
}
"""Errors after which the connection must be reopened."""

_TABLE: Final = _PASSING | _SPOILING

SPOILING: Final = tuple(_SPOILING)


def damaged(path: object, reason: str) -> Corrupt:
    """Return the error for a damaged database, with the remedy."""
    return Corrupt(
        f"The database {path} is damaged; restore it from a backup. ({reason})"
    )


def translate(error: Exception, path: object = "") -> Exception:
    """Return the store error for `error`, raised on the database at `path`.

    Errors outside the table are defects of the relay (wrong SQL, a violated
    constraint) and are returned unchanged.
    """
    make = _TABLE.get(type(error))
    if make is None:
        return error
    reason = f"{type(error).__name__}: {error}"
    translated = damaged(path, reason) if make is Corrupt else make(reason)
    translated.__cause__ = error
    return translated


def leaves_connection_usable(error: Exception) -> bool:
    """Tell whether the connection stays usable after `error`.

    True only for errors known to be harmless: reopening is cheap.
    """
    return isinstance(error, tuple(_PASSING))
