"""Notifications to the service manager by systemd's sd_notify protocol.

Each one is a datagram to the socket named in ``NOTIFY_SOCKET``; there is no response.
Without that variable notifications do nothing.
"""

import socket
import sys
from collections.abc import Mapping
from typing import Final, Self

import trio

from argybargy.system.logs import get_logger
from argybargy.system.values import frozen

log = get_logger(__name__)

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"
_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"


@frozen
class ServiceManager:
    """Service manager that supervises this process.

    Attributes:
        address: Address of its socket, ``@`` in front for the abstract namespace;
            empty without a service manager.
        watchdog_seconds: Longest silence before it restarts the process; 0 without a
            watchdog.
    """

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> Self:
        """Return the service manager that started this process."""
        address = environment.get(_SOCKET, "")
        if not address.startswith(("/", "@")) or sys.platform == "win32":
            return cls()
        microseconds = environment.get(_WATCHDOG, "")
        is_number = microseconds.isascii() and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if is_number else 0.0)

    def tell(self, *facts: str) -> None:
        """Send assignments such as ``READY=1``. A failure is logged, not raised."""
        if sys.platform == "win32" or not self.address:
            return
        address = self.address
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # A lost notification is better than a blocked event loop.
                sender.setblocking(False)
                sender.sendto("\n".join(facts).encode(), address)
        except OSError as error:
            log.warning("notifying the service manager failed", reason=str(error))

    async def keep_alive(self) -> None:
        """Feed the watchdog until cancelled, twice per interval.

        A task of the event loop does it: if a callback blocks the loop, the watchdog
        goes hungry, and the service manager restarts the relay.
        """
        while self.watchdog_seconds:
            self.tell(ALIVE)
            await trio.sleep(self.watchdog_seconds / 2)
