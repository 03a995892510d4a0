"""Failed accepts are summarized in the log."""

import errno
import logging
import os

import pytest
import structlog
import trio
import trio.testing

from argybargy.serve.listener import ACCEPT_LOG_SECONDS, summarize_accept_errors
from support.error_log import ErrorLog


class FullListener(trio.abc.Listener[trio.SocketStream]):
    """Listener whose every accept fails for want of a descriptor."""

    async def accept(self) -> trio.SocketStream:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def _serve(_stream: trio.SocketStream) -> None:
    raise AssertionError("nothing is accepted")


async def test_failed_accepts_are_logged_once_a_minute_with_their_number(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    error_log: ErrorLog,
) -> None:
    with (
        structlog.testing.capture_logs() as logs,
        summarize_accept_errors(structlog.get_logger()),
        trio.move_on_after(2.5 * ACCEPT_LOG_SECONDS),
    ):
        await trio.serve_listeners(_serve, [FullListener()])
    assert caplog.records == []
    assert [line["event"] for line in logs] == ["accepting_failed"] * 3
    assert logs[0]["times"] == 1
    assert logs[0]["reason"] == "EMFILE: Too many open files"
    assert logs[1]["times"] == pytest.approx(ACCEPT_LOG_SECONDS * 10, rel=0.05)
    error_log.take()
    assert not logging.getLogger("trio.serve_listeners").filters
