"""Tells the service manager how the relay is, in the manner of systemd's sd_notify.

One datagram to the socket that it named: there is no connection, and no answer. A
relay that nobody supervises has nobody to tell, and that is no mistake.
"""

import socket
from collections.abc import Mapping
from typing import Final, Self

import attrs
import structlog
import trio

log = structlog.get_logger(__name__)

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"
_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"


@attrs.frozen
class ServiceManager:
    """Whoever supervises this process, if anybody does.

    Attributes:
        address: Of its socket; one that begins with ``@`` is in the abstract
            namespace. Empty without a supervisor.
        watchdog_seconds: How long it takes silence before it thinks the process is
            stuck; 0 is for ever.
    """

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> Self:
        """Return the one that has started this process."""
        address = environment.get(_SOCKET, "")
        if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
            return cls()
        microseconds = environment.get(_WATCHDOG, "")
        is_number = microseconds.isascii() and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if is_number else 0.0)

    def tell(self, *facts: str) -> None:
        """Send facts. One that does not arrive is logged, and stops nothing."""
        if not self.address:
            return
        address = self.address
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(facts).encode(), address)
        except OSError as error:
            log.warning("the service manager was not told", reason=str(error))

    async def keep_alive(self) -> None:
        """Say often enough that the event loop still turns, until cancelled."""
        while self.watchdog_seconds:
            self.tell(ALIVE)
            await trio.sleep(self.watchdog_seconds / 2)
