"""What the service manager is told."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog.testing
import trio
import trio.testing

from argybargy.serve.systemd import ALIVE, READY, ServiceManager
from support.relay_process import open_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux")


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Take what is told, as the service manager does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.setblocking(False)
        yield receiver


def heard(receiver: socket.socket) -> list[str]:
    told = []
    while True:
        try:
            told.append(receiver.recv(4_096).decode())
        except BlockingIOError:
            return told


@pytest.mark.parametrize("is_abstract", [True, False])
def test_notifications_go_to_the_socket_of_the_service_manager(
    tmp_path: Path, is_abstract: bool
) -> None:
    name = f"argybargy-{os.getpid()}" if is_abstract else str(tmp_path / "socket")
    named, bound = (f"@{name}", f"\0{name}") if is_abstract else (name, name)
    with listening(bound) as receiver:
        ServiceManager.find({"NOTIFY_SOCKET": named}).tell(READY, "STATUS=here")
        assert heard(receiver) == ["READY=1\nSTATUS=here"]


@pytest.mark.parametrize("variables", [{}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_service_manager_nothing_is_sent(variables: dict[str, str]) -> None:
    manager = ServiceManager.find(variables)
    assert manager == ServiceManager()
    with structlog.testing.capture_logs() as logs:
        manager.tell(READY)
    assert logs == []


def test_a_failed_notification_is_only_logged(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        ServiceManager(str(tmp_path / "nowhere")).tell(READY)
    assert [entry["event"] for entry in logs] == [
        "notifying the service manager failed"
    ]


async def test_a_watchdog_hears_twice_in_its_time(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    address = str(tmp_path / "socket")
    variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}
    manager = ServiceManager.find(variables)
    with listening(address) as receiver:
        with trio.move_on_after(44):
            await manager.keep_alive()
        assert heard(receiver) == [ALIVE] * 3


@pytest.mark.parametrize("microseconds", ["", "0", "soon", "-1", "²"])
async def test_without_a_watchdog_there_is_silence(microseconds: str) -> None:
    variables = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": microseconds}
    with trio.fail_after(1):
        await ServiceManager.find(variables).keep_alive()


@pytest.mark.e2e
async def test_a_relay_is_ready_when_it_listens_and_says_when_it_stops(
    tmp_path: Path,
) -> None:
    address = str(tmp_path / "socket")
    with listening(address) as receiver:
        variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}
        async with open_server(tmp_path / "data", **variables) as server:
            told = []
            with trio.fail_after(10):
                while READY not in told:
                    told += heard(receiver)
                    await trio.sleep(0.01)
            assert set(told) <= {READY, ALIVE}
            assert await server.stop(signal.SIGTERM) == 0
        assert heard(receiver)[-1] == "STOPPING=1"
