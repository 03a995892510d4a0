import logging

import pytest
import structlog

from support.error_log import ErrorLog, watch_errors


def test_an_error_of_a_logger_that_keeps_to_itself_is_heard(
    error_log: ErrorLog,
) -> None:
    logger = logging.getLogger("tests.quiet")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.error("it broke %d times", 3)
    assert error_log.take() == ["tests.quiet: it broke 3 times"]


def test_an_error_of_structlog_is_heard(error_log: ErrorLog) -> None:
    structlog.get_logger("tests").error("it broke", room="hall")
    (text,) = error_log.take()
    assert "it broke" in text
    assert "hall" in text


def test_a_warning_is_no_error(error_log: ErrorLog) -> None:
    logging.getLogger("tests.quiet").warning("careful")
    structlog.get_logger("tests").warning("careful")
    assert error_log.take() == []


def test_an_error_that_nobody_took_fails(error_log: ErrorLog) -> None:
    with watch_errors() as log:
        logging.getLogger("tests.quiet").error("it broke")
    error_log.take()
    with pytest.raises(pytest.fail.Exception, match="it broke"):
        log.check()


def test_an_error_that_was_taken_does_not_fail(error_log: ErrorLog) -> None:
    logging.getLogger("tests.quiet").error("as expected")
    error_log.take()
    error_log.check()
