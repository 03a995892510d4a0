"""Loggers, and structlog without the package rich.

This is the only module that imports structlog. structlog imports rich, if it is
installed, for tracebacks that the relay does not use: it would take a tenth of a second
of every start. structlog has no setting for it, and works without rich. So rich, which
comes with the command line, is hidden while structlog is imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Make the import of a package fail, as if it were not installed."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None is allowed
    was_there, before = name in modules, modules.get(name)
    modules[name] = None
    try:
        yield
    finally:
        if was_there:
            modules[name] = before
        else:
            del modules[name]


with _hidden("rich"):
    import structlog
    from structlog.contextvars import bound_contextvars, get_contextvars

__all__ = ["bound_contextvars", "get_contextvars", "get_logger", "structlog"]


def get_logger(name: str) -> Any:  # noqa: ANN401 - as structlog declares it
    """Return the logger of a module."""
    return structlog.get_logger(name)
