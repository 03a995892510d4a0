"""SQLite's errors in the words of the store. One table; this is the only border."""

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
"""What leaves the connection as good as before."""

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
"""What the connection cannot be trusted after."""

_TABLE: Final = _PASSING | _SPOILING

SPOILING: Final = tuple(_SPOILING)


def damaged(path: object, reason: str) -> Corrupt:
    """Say that a database cannot be read any more, and what to do."""
    return Corrupt(
        f"The database {path} is damaged; restore it from a backup. ({reason})"
    )


def translate(error: Exception, path: object = "") -> Exception:
    """Return what the store calls `error`, which happened to the database at `path`.

    What is not in the table is a defect of the relay itself (wrong SQL, a broken
    constraint) and keeps its name.
    """
    make = _TABLE.get(type(error))
    if make is None:
        return error
    reason = f"{type(error).__name__}: {error}"
    translated = damaged(path, reason) if make is Corrupt else make(reason)
    translated.__cause__ = error
    return translated


def leaves_connection_usable(error: Exception) -> bool:
    """Tell whether the connection may be used on after `error`.

    Said only of what is known to be harmless; after everything else a new
    connection is cheaper than a doubt.
    """
    return isinstance(error, tuple(_PASSING))
