"""Fail tests on unexpected ERROR logs, of structlog and of the standard library."""

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
import structlog

_SEVERE = frozenset({"error", "critical", "exception", "fatal"})


@attrs.define
class ErrorLog:
    """Logged errors that the test has not taken yet.

    Attributes:
        texts: One line for each error, oldest first.
    """

    texts: list[str] = attrs.field(factory=list)

    def take(self) -> list[str]:
        """Return and remove the logged errors: the test expected them."""
        taken, self.texts = self.texts, []
        return taken

    def check(self) -> None:
        """Fail the test if any error is left."""
        if self.texts:
            pytest.fail("logged as an error:\n" + "\n".join(self.texts))


@contextmanager
def watch_errors() -> Iterator[ErrorLog]:
    """Collect errors of structlog and of all standard library loggers.

    Hooks into the record factory of the standard library, which also covers loggers
    without propagation or handlers.
    """
    log = ErrorLog()
    make_record = logging.getLogRecordFactory()

    def note_record(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401
        record = make_record(*args, **kwargs)
        # Playwright's own tasks are all that logs as asyncio: Argybargy runs on Trio.
        if record.levelno >= logging.ERROR and record.name != "asyncio":
            log.texts.append(f"{record.name}: {record.getMessage()}")
        return record

    def note_event(
        _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        if method in _SEVERE:
            log.texts.append(f"{event.get('event')}: {event}")
        return event

    processors = structlog.get_config()["processors"]
    processors.insert(0, note_event)
    logging.setLogRecordFactory(note_record)
    try:
        yield log
    finally:
        logging.setLogRecordFactory(make_record)
        processors.remove(note_event)
