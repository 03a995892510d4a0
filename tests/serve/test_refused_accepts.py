"""What an outsider can repeat without end is not logged without end."""

import errno
import logging
import os

import pytest
import structlog
import trio
import trio.testing

from argybargy.serve.refused_accepts import SAY_SECONDS, counted_accepts
from support.error_log import ErrorLog


class FullListener(trio.abc.Listener[trio.SocketStream]):
    """A listener without a descriptor left."""

    async def accept(self) -> trio.SocketStream:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def _serve(_stream: trio.SocketStream) -> None:
    raise AssertionError("nothing is accepted")


async def test_attempts_that_fail_are_counted_and_said_once_a_minute(
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
    error_log: ErrorLog,
) -> None:
    with (
        structlog.testing.capture_logs() as logs,
        counted_accepts(structlog.get_logger()),
        trio.move_on_after(2.5 * SAY_SECONDS),
    ):
        await trio.serve_listeners(_serve, [FullListener()])
    assert caplog.records == []
    assert [line["event"] for line in logs] == ["accepting_failed"] * 3
    assert logs[0]["times"] == 1
    assert logs[0]["reason"] == "EMFILE: Too many open files"
    assert logs[1]["times"] == pytest.approx(SAY_SECONDS * 10, rel=0.05)
    error_log.take()
    assert not logging.getLogger("trio.serve_listeners").filters
