"""Translation of PostgreSQL's errors to store errors."""

from typing import Final

import psycopg

from argybargy.store.errors import Corrupt, Full, Refused, StoreError

RETRY_SECONDS: Final = 1
_DISK_FULL: Final = "53100"
_DAMAGED: Final = frozenset({"XX001", "XX002"})
_REFUSALS: Final = (
    *("08", "40", "53", "55", "57"),  # connection, rollback, resources, locks, operator
    *("25006", "42501", "28", "3D"),  # read-only standby, rights, sign-in, no database
)
"""SQLSTATEs, or the first characters of them, of what was certainly not applied and
may work later."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def lost_connection(error: psycopg.Error) -> bool:
    """Tell whether an error is about the connection and not from the server."""
    return error.sqlstate is None and isinstance(
        error, psycopg.OperationalError | psycopg.InterfaceError
    )


def translate(error: Exception) -> Exception:
    """Return the store error for an error after which nothing was applied.

    Others are defects of the relay (wrong SQL, a violated constraint) and are returned
    unchanged.
    """
    if not isinstance(error, psycopg.Error):
        return error
    translated = _translated(error)
    if translated is None:
        return error
    translated.__cause__ = error
    return translated


def _translated(error: psycopg.Error) -> StoreError | None:
    state, reason = error.sqlstate or "", f"PostgreSQL: {first_line(error)}"
    if state == _DISK_FULL:
        return Full(reason, RETRY_SECONDS)
    if state in _DAMAGED:
        return Corrupt(
            f"The PostgreSQL database is damaged; restore it from a backup. ({reason})"
        )
    if lost_connection(error) or state.startswith(_REFUSALS):
        return Refused(reason, RETRY_SECONDS)
    return None
