"""The operator API of a relay that runs, over HTTP."""

import http.client
import json
import socket
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.operator import WRONG_DIRECTORY, Json, read_answer

_FILE_NAME: Final = "admin.token"
TIMEOUT_SECONDS: Final = 20
_PROBE_SECONDS: Final = 2
_MOST_BYTES: Final = 64 * 1024 * 1024


def read_token(data: Path) -> str:
    """Return the admin token that is kept in a data directory.

    Raises:
        CliError: There is none, or it may not be read.
    """
    path = data / _FILE_NAME
    try:
        token = path.read_text().strip()
    except FileNotFoundError:
        token = ""
    except (OSError, ValueError) as error:
        text = f"The admin token cannot be read: {error}"
        hint = "Run the command as the user who runs the relay."
        raise CliError(text, hint, Exit.NOT_AUTHORISED) from None
    if not token.isascii() or not token.isprintable() or not token:
        raise CliError(
            f"There is no admin token in {path}.",
            "The relay may keep its data elsewhere: say where with --data. "
            "'argybargy up' makes the file when it starts.",
            Exit.NOT_AUTHORISED,
        )
    return token


def is_listening(host: str, port: int) -> bool:
    """Tell whether anything takes connections there.

    Only a refusal means no: whatever is slow is there.
    """
    try:
        socket.create_connection((host, port), _PROBE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def _reason(error: Exception) -> str:
    """Say what went wrong, also for the errors that have no words of their own."""
    return str(error) or type(error).__name__


@attrs.frozen
class HttpOperator:
    """Calls a relay at an address.

    Attributes:
        url: Where it is: scheme, host and port.
        token: The admin token.
    """

    url: str
    token: str = attrs.field(repr=False)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make one call on a connection of its own.

        Raises:
            CliError: See :class:`argybargy.cli.operator.Operator`.
        """
        try:
            status, content = self._exchange(method, path, body)
        except (OSError, http.client.HTTPException) as error:
            raise CliError(
                f"No relay can be reached at {self.url}: {_reason(error)}",
                "Start one with 'argybargy up', or say where it is with --url.",
                Exit.UNREACHABLE,
            ) from None
        if status == HTTPStatus.UNAUTHORIZED:
            text = (
                f"The relay at {self.url} does not accept the admin token (HTTP 401)."
            )
            raise CliError(text, WRONG_DIRECTORY, Exit.NOT_AUTHORISED)
        return read_answer(status, content)

    def _exchange(self, method: str, path: str, body: Json | None) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection
            if parts.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        headers = {"X-Admin-Token": self.token, "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, response.read(_MOST_BYTES)
        finally:
            connection.close()
