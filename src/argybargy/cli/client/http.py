"""Client of the operator API of a running relay, over HTTP."""

import http.client
import json
import shlex
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from argybargy.cli.client.protocol import WRONG_DIRECTORY, Json, asked_room, read_answer
from argybargy.cli.errors import CliError, Exit
from argybargy.system.network import is_loopback
from argybargy.system.values import frozen

_FILE_NAME: Final = "admin.token"
TIMEOUT_SECONDS: Final = 20
_PROBE_SECONDS: Final = 2
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_LINE_BYTES: Final = _MOST_BYTES
_DOWNLOAD_SECONDS: Final = 600
"""Timeout of a download: the relay prepares the whole file before the first byte."""
_PIECE_BYTES: Final = 64 * 1024
LINES: Final = "application/x-ndjson"


def read_token(data: Path) -> str:
    """Read the admin token of a data directory.

    Raises:
        CliError: There is no token, or it may not be read.
    """
    hint = (
        "If the relay uses another data directory, name it with --data. "
        "'argybargy up' creates the file at its start."
    )
    return _read_token(data / _FILE_NAME, hint)


def read_token_file(path: Path) -> str:
    """Read the admin token from a file.

    Raises:
        CliError: There is no token, or it may not be read.
    """
    hint = "'argybargy token', on the relay's machine, prints its content."
    return _read_token(path, hint)


def _read_token(path: Path, hint: str) -> str:
    try:
        token = path.read_text("utf-8-sig").strip()
    except FileNotFoundError:
        token = ""
    except (OSError, ValueError) as error:
        text = f"The admin token cannot be read: {error}"
        hint = "Run the command as the user who runs the relay."
        raise CliError(text, hint, Exit.NOT_AUTHORISED) from None
    if not token.isascii() or not token.isprintable() or not token:
        text = f"There is no admin token in {path}."
        raise CliError(text, hint, Exit.NOT_AUTHORISED)
    return token


def is_listening(host: str, port: int) -> bool:
    """Tell whether anything listens on a port.

    Only a refused connection means no; a timeout means yes.
    """
    try:
        socket.create_connection((host, port), _PROBE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


NOTHING_LISTENS: Final = "nothing listens there"


def unreachable(url: str, why: str, hint: str = "") -> CliError:
    """Return the error of a relay that cannot be reached."""
    usual = "Start one with 'argybargy up', or name its address: --url or --port."
    text = f"No relay can be reached at {url}: {why}."
    return CliError(text, hint or usual, Exit.UNREACHABLE)


def _reason(error: Exception) -> str:
    """Return the cause of an error, without the system's error number."""
    if isinstance(error, ConnectionRefusedError):
        return NOTHING_LISTENS
    words = (getattr(error, name, None) for name in ("verify_message", "strerror"))
    return next(filter(None, words), str(error)) or type(error).__name__


@frozen
class HttpOperator:
    """Client of a relay at an address. Each call opens a connection of its own.

    Attributes:
        url: Address of the relay: scheme, host and port.
        token: Admin token; empty for endpoints that need none.
        certificate: The only certificate to trust, for a relay of this machine, with
            any names in it; ``None`` trusts the system's authorities.
    """

    url: str
    token: str = attrs.field(repr=False)
    certificate: Path | None = None

    @property
    def is_live(self) -> bool:
        """Always true: the client calls a running relay."""
        return True

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request; see :class:`argybargy.cli.client.protocol.Operator`."""
        with self._exchange(method, path, body, TIMEOUT_SECONDS) as (response, _):
            return self._read(response, asked_room(path, body))

    @contextmanager
    def stream(
        self, path: str, body: Json, patience: Callable[[], float]
    ) -> Iterator[Iterator[Json]]:
        """Stream an answer; see :class:`argybargy.cli.client.protocol.LiveOperator`."""
        with self._exchange("POST", path, body, patience()) as (response, wire):
            if response.status != HTTPStatus.OK:
                self._read(response, asked_room(path, body))
            yield self._lines(response, wire, patience)

    @contextmanager
    def download(self, path: str, body: Json) -> Iterator[Iterator[bytes]]:
        """Stream a file; see :class:`argybargy.cli.client.protocol.Operator`."""
        with self._exchange("POST", path, body, _DOWNLOAD_SECONDS) as (response, _):
            if response.status != HTTPStatus.OK:
                self._read(response, asked_room(path, body))
            yield self._pieces(response)

    def upload(self, path: str, content: bytes) -> Json:
        """Send lines; see :class:`argybargy.cli.client.protocol.Operator`."""
        with self._exchange("POST", path, content, TIMEOUT_SECONDS) as (response, _):
            return self._read(response)

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while piece := response.read(_PIECE_BYTES):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            text = f"The relay at {self.url} broke off: {_reason(error)}."
            hint = "Read its log, and try again."
            raise CliError(text, hint, Exit.UNREACHABLE) from None

    def _content(self, response: http.client.HTTPResponse) -> bytes:
        with self._translated():
            return response.read(_MOST_BYTES)

    def _read(
        self, response: http.client.HTTPResponse, room: str | None = None
    ) -> Json:
        status, content = response.status, self._content(response)
        if status == HTTPStatus.UNAUTHORIZED and self.token:
            text = (
                f"The relay at {self.url} does not accept the admin token (HTTP 401)."
            )
            raise CliError(text, WRONG_DIRECTORY, Exit.NOT_AUTHORISED)
        return read_answer(status, content, room)

    def _lines(
        self,
        response: http.client.HTTPResponse,
        wire: socket.socket,
        patience: Callable[[], float],
    ) -> Iterator[Json]:
        """Yield the decoded lines of an answer."""
        while True:
            with self._translated():
                wire.settimeout(patience())
                line = response.readline(_MOST_LINE_BYTES)
            if not line.endswith(b"\n"):
                break
            yield read_answer(HTTPStatus.OK, line)
        if line:
            text = f"The relay at {self.url} broke off in the middle of a line."
            raise CliError(text, code=Exit.UNREACHABLE)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self.url, _reason(error), self._hint(error)) from None

    def _hint(self, error: Exception) -> str:
        """Return a hint if the cause seems to be TLS."""
        if hasattr(error, "verify_message"):
            return "If the certificate is yours, trust it: SSL_CERT_FILE=FILE"
        is_plain = self.url.startswith("http:")
        if is_plain and isinstance(error, ConnectionResetError):
            secure = shlex.quote(self.url.replace("http:", "https:", 1))
            return f"If it speaks TLS: --url {secure}"
        return ""

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        where = parts.hostname or ""
        if parts.scheme != "https":
            return http.client.HTTPConnection(where, parts.port, timeout=seconds)
        if self.certificate is None:
            return http.client.HTTPSConnection(where, parts.port, timeout=seconds)

        with self._translated():
            context = trust_only(self.certificate)
        return http.client.HTTPSConnection(
            where, parts.port, timeout=seconds, context=context
        )

    @contextmanager
    def _exchange(
        self, method: str, path: str, body: Json | bytes | None, seconds: float
    ) -> Iterator[tuple[http.client.HTTPResponse, socket.socket]]:
        connection = self._connection(seconds)
        headers = {"Accept": "application/json"}
        if self.token:
            headers["X-Admin-Token"] = self.token
        content = None
        if isinstance(body, bytes):
            headers["Content-Type"], content = LINES, body
        elif body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            with self._translated():
                connection.request(method, path, content, headers)
                # Kept, since http.client forgets the socket at "Connection: close",
                # and the timeout of each line is set on it.
                wire = connection.sock
                response = connection.getresponse()
            with response:
                yield response, wire
        finally:
            connection.close()


def is_private(url: str) -> bool:
    """Tell whether a URL keeps a secret: by TLS, or on the loopback interface."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def trust_only(certificate: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts one certificate, with any names in it.

    For the relay of this machine, whose certificate is that of its public name.

    Raises:
        OSError: The certificate cannot be read.
    """
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
