"""Isolation of failures: an exception of one connection must not end another's."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Log(Protocol):
    """Log for contained exceptions; a structlog logger is one."""

    def error(self, event: str, /, **facts: object) -> object:
        """Log an event at level ERROR, with `facts` as its fields."""
        ...


def new_failure_id() -> str:
    """Return a random id that leads from a response to its entry in the log."""
    return secrets.token_hex(8)


@contextmanager
def isolate_errors(report: Callable[[Exception], object]) -> Iterator[None]:
    """Contain every exception of the block, as `contain_error` does."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - sorted by `contain_error`
        contain_error(error, report)


def contain_error(error: BaseException, report: Callable[[Exception], object]) -> None:
    """Report an exception instead of raising it, unless it is meant for the caller.

    Cancellation, KeyboardInterrupt and SystemExit must propagate: Trio relies on it.
    A group may hold both kinds, since a nursery collects what its tasks raise; then
    its ordinary exceptions are reported and the rest of the group is raised.

    Raises:
        BaseException: The parts of `error` that are no `Exception`.
    """
    if isinstance(error, Exception):
        report(error)
        return
    if not isinstance(error, BaseExceptionGroup):
        raise error
    errors, others = error.split(Exception)
    if errors is not None:
        report(errors)
    if others is not None:
        raise others from None
