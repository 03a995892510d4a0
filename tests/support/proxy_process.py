"""Passes bytes on between two ports of this machine, until it is told to cut.

``python proxy_process.py FROM TO``. SIGUSR1 cuts all connections and has new ones cut
at once, SIGHUP ends each stream right after its greeting, SIGUSR2 passes on again.
"""

import selectors
import signal
import socket
import sys

CHUNK = 65536
GREETING = b'"type":"hello"'
LAST_CHUNK = b"0\r\n\r\n"


class Wire:
    """The connections there are, each end by its other end."""

    def __init__(self, port: int, target: int) -> None:
        self.target = target
        self.is_cut = False
        self.is_end_greeted = False
        self.ends: dict[socket.socket, socket.socket] = {}
        self.selector = selectors.DefaultSelector()
        self.server = socket.create_server(("127.0.0.1", port))
        self.selector.register(self.server, selectors.EVENT_READ)

    def run(self) -> None:
        """Pass on for ever."""
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
        """Connect a client through."""
        client, _ = self.server.accept()
        if self.is_cut:
            client.close()
            return
        relay = socket.create_connection(("127.0.0.1", self.target))
        for one, other in ((client, relay), (relay, client)):
            self.ends[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def pass_on(self, end: socket.socket) -> None:
        """Move what has come on one end to the other."""
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
        """Close both ends."""
        other = self.ends.pop(end, None)
        if other is None:
            return
        del self.ends[other]
        for each in (end, other):
            self.selector.unregister(each)
            each.close()

    def mend(self) -> None:
        """Pass everything on again."""
        self.is_cut = self.is_end_greeted = False


if __name__ == "__main__":
    wire = Wire(int(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(wire, "is_cut", True))
    signal.signal(signal.SIGHUP, lambda *_: setattr(wire, "is_end_greeted", True))
    signal.signal(signal.SIGUSR2, lambda *_: wire.mend())
    wire.run()
