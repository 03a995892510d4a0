"""A proxy before PostgreSQL that loses notifications, as some poolers do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

_NOTIFICATION: Final = b"A"
_HEAD_BYTES: Final = 5
_SOCKET: Final = ".s.PGSQL.5432"


@asynccontextmanager
async def open_deaf_proxy(server: Path, folder: Path) -> AsyncIterator[Path]:
    """Serve in a folder what a server serves in its own, but for notifications.

    Args:
        server: The folder of the server's socket.
        folder: The folder of the proxy's socket, which is returned.
    """
    listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    await listener.bind(str(folder / _SOCKET))
    listener.listen()

    async def serve(client: trio.SocketStream) -> None:
        upstream = await trio.open_unix_socket(server / _SOCKET)
        async with client, upstream, trio.open_nursery() as nursery:
            nursery.start_soon(_copy, client, upstream)
            await _copy_but_notifications(upstream, client)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listener)])
        yield folder
        nursery.cancel_scope.cancel()


async def _copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    async for data in source:
        await sink.send_all(data)
    await sink.send_eof()


async def _copy_but_notifications(
    source: trio.SocketStream, sink: trio.SocketStream
) -> None:
    held = b""
    async for data in source:
        held += data
        while len(held) >= _HEAD_BYTES:
            size = 1 + int.from_bytes(held[1:_HEAD_BYTES], "big")
            if len(held) < size:
                break
            message, held = held[:size], held[size:]
            if not message.startswith(_NOTIFICATION):
                await sink.send_all(message)
