"""One HTTP request with a single deadline."""

import ssl
from typing import Final
from urllib.parse import urlsplit

import h11
import trio

from argybargy.system.values import frozen

PROBE_SECONDS: Final = 5.0
_MOST_BYTES: Final = 256 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class ProbeError(Exception):
    """There is no answer; the text says why."""


@frozen
class Heard:
    """Response of a server.

    Attributes:
        status: HTTP status.
        body: Body; of a streamed response, its first line.
    """

    status: int
    body: bytes


async def ask(
    url: str,
    method: str,
    path: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    only_first_line: bool = False,
    deadline_seconds: float = PROBE_SECONDS,
    trust: ssl.SSLContext | None = None,
) -> Heard:
    """Send one HTTP request on a connection of its own.

    Args:
        url: The server: scheme, host and port.
        method: HTTP method.
        path: Path of the request.
        headers: Headers besides the usual ones.
        body: Body of the request.
        only_first_line: Whether to return after the first line, as of a stream.
        deadline_seconds: Limit for everything from name resolution to the response.
        trust: TLS context; ``None`` trusts the system's authorities.

    Raises:
        ProbeError: No HTTP response came in time.
    """
    try:
        with trio.fail_after(deadline_seconds):
            stream = await _connect(url, trust)
            async with stream:
                asked = _encode(url, method, path, headers, body)
                return await _exchange(stream, asked, only_first_line=only_first_line)
    except trio.TooSlowError:
        text = f"no response within {deadline_seconds:g} seconds"
        raise ProbeError(text) from None
    except (OSError, trio.BrokenResourceError, h11.ProtocolError) as error:
        raise ProbeError(_reason(error)) from error


async def _connect(url: str, trust: ssl.SSLContext | None) -> trio.abc.Stream:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "http":
        return await trio.open_tcp_stream(host, port)
    # The TLS handshake runs with the first send.
    return await trio.open_ssl_over_tcp_stream(
        host,
        port,
        https_compatible=True,
        ssl_context=trust or ssl.create_default_context(),
    )


@frozen
class _Asked:
    request: h11.Request
    body: bytes


def _encode(
    url: str, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes
) -> _Asked:
    fields = [
        ("Host", urlsplit(url).netloc),
        ("Connection", "close"),
        ("Accept", "*/*"),
        *headers,
    ]
    if body:
        fields += [
            ("Content-Type", "application/json"),
            ("Content-Length", f"{len(body)}"),
        ]
    return _Asked(h11.Request(method=method, target=path, headers=fields), body)


async def _exchange(
    stream: trio.abc.Stream, asked: _Asked, *, only_first_line: bool
) -> Heard:
    protocol = h11.Connection(h11.CLIENT)
    data = protocol.send(asked.request) or b""
    if asked.body:
        data += protocol.send(h11.Data(asked.body)) or b""
    data += protocol.send(h11.EndOfMessage()) or b""
    await stream.send_all(data)
    status, body = 0, b""
    while len(body) < _MOST_BYTES:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if only_first_line and b"\n" in body:
                return Heard(status, body.partition(b"\n")[0])
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    return Heard(status, body)


def _reason(error: BaseException) -> str:
    """Return the root cause of an error; a group holds one error for each address."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BaseExceptionGroup):
        return _reason(error.exceptions[0])
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
