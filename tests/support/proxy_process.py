"""TCP proxy between two loopback ports, controlled by signals.

``python proxy_process.py FROM TO``. SIGUSR1 cuts all connections and refuses new ones,
SIGHUP ends each event stream right after its first frame, SIGUSR2 forwards again.
"""

import selectors
import signal
import socket
import sys

CHUNK = 65536
GREETING = b'"type":"hello"'
LAST_CHUNK = b"0\r\n\r\n"


class Wire:
    """Open connections: each socket with its opposite socket."""

    def __init__(self, port: int, target: int) -> None:
        self.target = target
        self.is_cut = False
        self.is_end_greeted = False
        self.ends: dict[socket.socket, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.server = socket.create_server(("127.0.0.1", port))
        self.selector.register(self.server, selectors.EVENT_READ)

    def run(self) -> None:
        """Forward until killed."""
        while True:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.server:
                    self.accept()
                elif isinstance(key.fileobj, socket.socket):
                    self.pass_on(key.fileobj)
            if self.is_cut:
                for end in list(self.ends):
                    self.drop(end)

    def accept(self) -> None:
        """Accept a client and connect it to the target."""
        client, _ = self.server.accept()
        if self.is_cut:
            client.close()
            return
        relay = socket.create_connection(("127.0.0.1", self.target))
        for one, other in ((client, relay), (relay, client)):
            self.ends[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def pass_on(self, end: socket.socket) -> None:
        """Forward the received bytes of one socket."""
        if end not in self.ends:
            return
        try:
            data = end.recv(CHUNK)
            is_over = self.is_end_greeted and GREETING in data
            if data:
                self.ends[end].sendall(data + LAST_CHUNK if is_over else data)
        except OSError:
            is_over, data = True, b""
        if is_over or not data:
            self.drop(end)

    def drop(self, end: socket.socket) -> None:
        """Close a socket and its opposite."""
        other = self.ends.pop(end, None)
        if other is None:
            return
        del self.ends[other]
        for each in (end, other):
            self.selector.unregister(each)
            each.close()

    def mend(self) -> None:
        """Forward again."""
        self.is_cut = self.is_end_greeted = False


if __name__ == "__main__":
    wire = Wire(int(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(wire, "is_cut", True))
    signal.signal(signal.SIGHUP, lambda *_: setattr(wire, "is_end_greeted", True))
    signal.signal(signal.SIGUSR2, lambda *_: wire.mend())
    wire.run()
