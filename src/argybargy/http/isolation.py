"""Nothing that goes wrong in one connection may reach another."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Log(Protocol):
    """Where mishaps are reported; a structlog logger is one."""

    def error(self, event: str, /, **facts: object) -> object:
        """Report a mishap: its name, and what is known of it."""
        ...


def new_failure_id() -> str:
    """Return a random id, by which an answer leads to its entry in the log."""
    return secrets.token_hex(8)


@contextmanager
def isolate_errors(report: Callable[[Exception], object]) -> Iterator[None]:
    """Report every exception of the block instead of raising it.

    What is no `Exception` goes on: cancellation, KeyboardInterrupt, and that part
    of a group which is made of them. The rest of that group is reported.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - this is where all of them end
        report(error)
    except BaseExceptionGroup as group:
        errors, others = group.split(Exception)
        if errors is not None:
            report(errors)
        if others is not None:
            raise others from None
