"""Nothing may go wrong unnoticed: an ERROR in a log fails the test that caused it."""

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
    """What was logged as an error and not yet taken by the test.

    Attributes:
        texts: One line for each, oldest first.
    """

    texts: list[str] = attrs.field(factory=list)

    def take(self) -> list[str]:
        """Return what was logged so far; taken, it fails the test no more."""
        taken, self.texts = self.texts, []
        return taken

    def check(self) -> None:
        """Fail the test if there is anything left."""
        if self.texts:
            pytest.fail("logged as an error:\n" + "\n".join(self.texts))


@contextmanager
def watch_errors() -> Iterator[ErrorLog]:
    """Collect errors from structlog, and from every logger of the standard library.

    The standard library's are seen where records are made, so that a logger that
    does not propagate, or has no handler, is heard too.
    """
    log = ErrorLog()
    make_record = logging.getLogRecordFactory()

    def note_record(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401
        record = make_record(*args, **kwargs)
        if record.levelno >= logging.ERROR:
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
