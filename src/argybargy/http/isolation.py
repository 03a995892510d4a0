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
    """Report every exception of the block instead of raising it.

    Cancellation, KeyboardInterrupt and SystemExit propagate: Trio relies on it.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the place where all of them end
        report(error)
    except BaseExceptionGroup as group:
        contain_group(group, report)


def contain_group(
    group: BaseExceptionGroup[BaseException], report: Callable[[Exception], object]
) -> None:
    """Report the ordinary exceptions of a group, and raise the rest of it.

    A nursery collects what its tasks raise: a group may hold exceptions to report
    beside a cancellation, which must propagate.

    Raises:
        BaseExceptionGroup: The parts of the group that are no `Exception`.
    """
    errors, others = group.split(Exception)
    if errors is not None:
        report(errors)
    if others is not None:
        raise others from None
