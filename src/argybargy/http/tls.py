"""How a connection ends: with TLS, not without a word."""

import trio


async def close_stream(stream: trio.abc.Stream) -> None:
    """Close a stream; the end of a TLS connection is told to the client first.

    A client cannot tell an end that is not told from one that somebody else made.
    It is sent and not waited for; a plain socket is closed at once. A client that
    does not take those few bytes makes this wait: give it a deadline, after which
    the socket is closed as well.
    """
    if not isinstance(stream, trio.SSLStream):
        await trio.aclose_forcefully(stream)
        return
    try:
        await stream.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return  # it is gone already, and so is the socket


async def end_tls(
    stream: trio.SSLStream[trio.SocketStream],
) -> trio.SocketStream | None:
    """Tell the client that no more will come, and wait for it to say the same.

    Returns:
        ``None`` when it did: the connection is closed. If it says anything else,
        the socket, whose bytes cannot be read any more, but thrown away.
    """
    transport = stream.transport_stream
    try:
        await stream.unwrap()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return transport
    await transport.aclose()
    return None
