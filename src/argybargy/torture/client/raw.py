"""Raw socket client: sends arbitrary bytes, closes with FIN or RST."""

import enum
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from argybargy.system.values import define
from argybargy.torture.client.connection import Address

ANSWER_SECONDS = 20.0
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_RECEIVE_BYTES = 65_536


class Leaving(enum.Enum):
    """Ending of a connection by the client."""

    FIN = "fin"
    RST = "rst"


@define
class RawClient:
    """A TCP connection without any HTTP.

    Every wait ends with ``trio.TooSlowError`` after `ANSWER_SECONDS`.
    """

    _socket: trio.socket.SocketType

    async def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            OSError: The server has closed the connection.
        """
        with trio.fail_after(ANSWER_SECONDS):
            while data:
                data = data[await self._socket.send(data) :]

    async def receive(self, at_most: int = _RECEIVE_BYTES) -> bytes:
        """Receive some bytes; empty once the server has closed its side.

        Raises:
            OSError: The server has reset the connection.
        """
        with trio.fail_after(ANSWER_SECONDS):
            return bytes(await self._socket.recv(at_most))

    async def receive_all(self) -> bytes:
        """Receive until the server closes its side or resets the connection."""
        data = b""
        try:
            while more := await self.receive():
                data += more
        except OSError:
            return data
        return data

    def leave(self, leaving: Leaving = Leaving.FIN) -> None:
        """Close the socket with FIN or RST."""
        if leaving is Leaving.RST:
            self._socket.setsockopt(
                trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RESET_AT_CLOSE
            )
        self._socket.close()


async def connect(address: Address, receive_buffer_bytes: int = 0) -> RawClient:
    """Open a connection.

    Args:
        address: The server.
        receive_buffer_bytes: Size of the kernel's receive buffer, small to make the
            server feel a slow reader; 0 for the default.
    """
    sock = trio.socket.socket()
    if receive_buffer_bytes:
        sock.setsockopt(
            trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, receive_buffer_bytes
        )
    try:
        with trio.fail_after(ANSWER_SECONDS):
            await sock.connect((address.host, address.port))
    except BaseException:
        sock.close()
        raise
    return RawClient(sock)


@asynccontextmanager
async def connected(
    address: Address, leaving: Leaving = Leaving.FIN
) -> AsyncIterator[RawClient]:
    """Open a connection for the duration of a block."""
    client = await connect(address)
    try:
        yield client
    finally:
        client.leave(leaving)


async def ask(address: Address, data: bytes) -> bytes:
    """Send bytes, and return everything received until the server closes.

    Receives while sending, because a server may refuse a request after its head.
    """
    async with connected(address) as client, trio.open_nursery() as nursery:
        nursery.start_soon(_send_until_closed, client, data)
        answer = await client.receive_all()
        nursery.cancel_scope.cancel()
    return answer


async def _send_until_closed(client: RawClient, data: bytes) -> None:
    try:
        await client.send(data)
    except OSError:
        return  # the server closed early; its response is read by the other task


def encode(
    method: str, target: str, fields: Sequence[str] = (), body: bytes | None = None
) -> bytes:
    """Encode a request; ``fields`` are whole header lines."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *fields]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
