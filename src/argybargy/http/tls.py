"""TLS shutdown: ``close_notify`` before the socket is closed (RFC 8446, 6.1)."""

from contextlib import suppress
from typing import Final

import trio

STREAM_ERRORS: Final = (trio.BrokenResourceError, trio.ClosedResourceError)
"""Exceptions of a stream whose client, or whose own task, has ended it."""


async def close_stream(stream: trio.abc.Stream) -> None:
    """Close a stream; over TLS, send ``close_notify`` first.

    Without ``close_notify`` a client cannot tell a complete response from one that an
    attacker cut short. The client's own ``close_notify`` is not awaited. Sending may
    block if the client does not read: give this call a deadline. When it is cancelled,
    the socket is closed all the same. A plain socket is closed at once.
    """
    if not isinstance(stream, trio.SSLStream):
        await trio.aclose_forcefully(stream)
        return
    with suppress(*STREAM_ERRORS):  # the socket is closed in that case, too
        await stream.aclose()


async def end_tls(
    stream: trio.SSLStream[trio.SocketStream],
) -> trio.SocketStream | None:
    """Exchange ``close_notify`` with the client.

    Returns:
        ``None`` if the client answered: the connection is closed. If it sent
        anything else, the socket: its bytes are no longer readable as TLS, only fit
        to be discarded.
    """
    transport = stream.transport_stream
    try:
        await stream.unwrap()
    except STREAM_ERRORS:
        return transport
    await transport.aclose()
    return None
