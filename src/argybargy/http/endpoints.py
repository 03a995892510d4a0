"""Addresses of both ends of a stream, for the ASGI scope."""

import trio

from argybargy.system.values import frozen

Address = tuple[str, int]


@frozen
class Endpoints:
    """Scheme and addresses of a connection, as in the ASGI scope.

    Attributes:
        scheme: ``http`` or ``https``.
        client: Host and port of the client; None for a Unix socket or a stream in
            memory.
        server: Host and port of the server; None as for `client`.
    """

    scheme: str
    client: Address | None
    server: Address | None


def name_endpoints(stream: trio.abc.Stream) -> Endpoints | None:
    """Return the addresses of both ends of a stream; None if the client is gone."""
    scheme = "https" if isinstance(stream, trio.SSLStream) else "http"
    transport = getattr(stream, "transport_stream", stream)
    if not isinstance(transport, trio.SocketStream):
        return Endpoints(scheme, None, None)
    try:
        client = transport.socket.getpeername()
        server = transport.socket.getsockname()
    except OSError:
        return None
    return Endpoints(scheme, _to_address(client), _to_address(server))


def _to_address(name: object) -> Address | None:
    """Convert a socket name; None for a Unix socket, whose name is a path or empty."""
    if isinstance(name, tuple):
        return name[0], name[1]
    return None
