"""Who is at the two ends of a stream."""

import attrs
import trio

Address = tuple[str, int]


@attrs.frozen
class Endpoints:
    """The two ends of a connection, as ASGI names them.

    Attributes:
        scheme: ``http`` or ``https``.
        client: Host and port, or None where there is no such thing.
        server: The same.
    """

    scheme: str
    client: Address | None
    server: Address | None


def name_endpoints(stream: trio.abc.Stream) -> Endpoints | None:
    """Name both ends of a stream; None if it is broken already."""
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
    """Make an address of what a socket says; a Unix socket has a path, or nothing."""
    if isinstance(name, tuple):
        return name[0], name[1]
    return None
