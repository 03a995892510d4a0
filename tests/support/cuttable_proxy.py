"""Proxy between browser and relay whose connections a test can cut.

Controls :mod:`support.proxy_process`.
"""

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import attrs

from support.browser import Relay, wait_until
from support.relay_process import free_port


@attrs.define
class Wire:
    """A running proxy.

    Attributes:
        port: Its port.
        process: Its process.
    """

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def lay(cls, relay: Relay) -> "Wire":
        """Start a proxy to a relay."""
        port = free_port()
        script = Path(__file__).with_name("proxy_process.py")
        command = [sys.executable, str(script), str(port), str(relay.port)]
        wire = cls(port, subprocess.Popen(command))
        wait_until(wire._is_open)
        return wire

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

    def take_up(self) -> None:
        """Kill the proxy."""
        self.process.kill()
        self.process.wait()
