"""Proxy between browser and relay whose connections a test can cut.

Controls :mod:`support.proxy_process`.
"""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

from support.browser import Relay, wait_until
from support.relay_process import free_port


@attrs.define
class CuttableProxy:
    """A running proxy.

    Attributes:
        port: Its port.
        process: Its process.
    """

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    @contextlib.contextmanager
    def started(cls, relay: Relay) -> Iterator["CuttableProxy"]:
        """Run a proxy to a relay, and kill it at the end."""
        port = free_port()
        script = Path(__file__).with_name("proxy_process.py")
        command = [sys.executable, str(script), str(port), str(relay.port)]
        with subprocess.Popen(command) as process:
            proxy = cls(port, process)
            try:
                wait_until(proxy._is_open)
                yield proxy
            finally:
                process.kill()

    def _is_open(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def cut(self) -> None:
        """Cut every connection, and refuse new ones."""
        self.process.send_signal(signal.SIGUSR1)

    def end_greeted(self) -> None:
        """End each event stream right after its first frame."""
        self.process.send_signal(signal.SIGHUP)

    def mend(self) -> None:
        """Forward again."""
        self.process.send_signal(signal.SIGUSR2)
