"""Requests of an agent to its relay, over HTTP.

Each request has a connection of its own and a deadline. Proxies that the environment
names are not used: they lead away from a relay on this machine.
"""

import http.client
import json
import os
import re
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Page, split_page

TIMEOUT_SECONDS: Final = 20.0
WAIT_SECONDS: Final = 25.0
"""Longest wait of a single poll; the relay allows no more."""
SLACK_SECONDS: Final = 15.0
"""Time that the answer to a poll may take beyond its wait."""
TICK_SECONDS: Final = 0.5
"""Time between two checks that the program of a waiting ear is still there."""
_MOST_BYTES: Final = 16 * 1024 * 1024
_CURSOR: Final = re.compile("[0-9]{1,16}")
_TEXT: Final = "text/plain"
_JSON: Final = "application/json"

_CODES: Final[Mapping[int, Exit]] = {
    HTTPStatus.UNAUTHORIZED: Exit.REFUSED,
    HTTPStatus.GONE: Exit.REFUSED,
    HTTPStatus.NOT_FOUND: Exit.NOT_FOUND,
    HTTPStatus.CONFLICT: Exit.CLOSED,
    HTTPStatus.UNPROCESSABLE_ENTITY: Exit.USAGE,
}
"""Exit codes of refusals; the code of any other refusal is ``FAILED``."""


class RelayAway(AgentError):
    """The relay cannot be reached, or not now.

    Attributes:
        seconds: How long the relay asks to wait before the next attempt.
        was_sent: Whether the relay may have received the request.
    """

    def __init__(self, text: str, *, seconds: float = 0, was_sent: bool = True) -> None:
        hint = "Try again later. Does the relay run? Its operator knows."
        super().__init__(text, hint, Exit.AWAY)
        self.seconds = seconds
        self.was_sent = was_sent


class RelayRefused(AgentError):
    """The relay refused a request.

    Attributes:
        status: HTTP status.
        problem: The error code, such as ``claimed_by_other``.
    """

    def __init__(self, status: int, problem: str, sentence: str) -> None:
        code = _CODES.get(status, Exit.FAILED)
        text = f"{problem}: {sentence}" if problem else sentence
        super().__init__(text, _HINTS.get(problem, ""), code)
        self.status = status
        self.problem = problem


_HINTS: Final = {
    "unauthorized": "Ask the operator for a new invitation, and join with it: "
    "argy join LINK",
    "claimed_by_other": "Another agent answers it: stay quiet.",
    "room_closed": "Wrap up, and report.",
}


class RelayAnswer(NamedTuple):
    """An answer of the relay.

    Attributes:
        status: HTTP status from 200 to 299.
        text: The body.
        cursor: Number of the last message that an answer to a poll covers.
    """

    status: int
    text: str
    cursor: int | None = None

    def page(self) -> Page:
        """Split the answer to a poll.

        Raises:
            RelayRefused: It is not the answer to a poll.
        """
        if self.cursor is None:
            raise RelayRefused(self.status, "", "This is not the answer of a relay.")
        return split_page(self.text, self.cursor)

    def json(self) -> dict[str, Any]:
        """Decode the body.

        Raises:
            RelayRefused: It is not a JSON object.
        """
        try:
            decoded = json.loads(self.text)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            raise RelayRefused(self.status, "", "This is not the answer of a relay.")
        return decoded


class RelayClient(NamedTuple):
    """Client of a relay, for one agent.

    Attributes:
        base: Address of the relay.
        code: Access code; empty for requests that need none.
    """

    base: str
    code: str = ""

    def __repr__(self) -> str:
        return f"RelayClient({self.base!r})"

    def ask(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        wait_seconds: float = 0,
        is_json: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        watch: Callable[[], None] | None = None,
    ) -> RelayAnswer:
        """Send one request.

        Args:
            method: HTTP method.
            target: Path and query.
            body: Body, sent as JSON.
            headers: Additional header fields.
            wait_seconds: How long the relay may wait before it answers.
            is_json: Whether the answer is to be JSON instead of the text form.
            timeout_seconds: Deadline without a wait.
            watch: Called every `TICK_SECONDS` while the answer is awaited; it may
                raise to give up.

        Raises:
            RelayAway: There is no answer, or the relay is overloaded.
            RelayRefused: The relay refused the request.
        """
        fields = {"Accept": _JSON if is_json else _TEXT, **(headers or {})}
        if self.code:
            fields["Authorization"] = f"Bearer {self.code}"
        content = None
        if body is not None:
            fields["Content-Type"] = _JSON
            content = json.dumps(body).encode()
        timeout = (wait_seconds + SLACK_SECONDS) if wait_seconds else timeout_seconds
        connection, path = self._connection(timeout)
        was_sent = False
        try:
            connection.connect()
            was_sent = True
            connection.request(method, path + target, content, fields)
            if watch is not None:
                _wait_readable(connection.sock, timeout, watch)
            with connection.getresponse() as response:
                text = _whole_body(response)
        except (OSError, http.client.HTTPException) as error:
            why = f"The relay at {self.base} cannot be reached: {_reason(error)}."
            raise RelayAway(why, was_sent=was_sent) from None
        finally:
            connection.close()
        return _read(response, text)

    def post(
        self,
        target: str,
        body: Mapping[str, object],
        *,
        wait_seconds: float = 0,
        is_json: bool = False,
    ) -> RelayAnswer:
        """Post a body; if the answer is lost, ask for it once more.

        The key makes the relay do the work only once.

        Raises:
            RelayAway: There is no answer, or the relay is overloaded.
            RelayRefused: The relay refused the request.
        """
        headers = {"Idempotency-Key": os.urandom(16).hex()}
        for is_last in (False, True):
            try:
                return self.ask(
                    "POST",
                    target,
                    body,
                    headers,
                    wait_seconds=wait_seconds,
                    is_json=is_json,
                )
            except RelayAway as error:
                if is_last or not error.was_sent or error.seconds:
                    raise
        raise AssertionError

    def _connection(self, timeout: float) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(self.base)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            secure = http.client.HTTPSConnection(
                host, parts.port, timeout=timeout, context=context
            )
            return secure, parts.path
        return http.client.HTTPConnection(host, parts.port, timeout=timeout), parts.path


def _wait_readable(
    wire: socket.socket, timeout: float, watch: Callable[[], None]
) -> None:
    """Wait for the first byte of an answer.

    Over TLS that may be a session ticket; the rest of the wait is then not watched.

    Raises:
        TimeoutError: It did not come.
    """
    for _ in range(int(timeout / TICK_SECONDS) + 1):
        watch()
        if select.select([wire], [], [], TICK_SECONDS)[0]:
            return
    raise TimeoutError("timed out")


def _whole_body(response: http.client.HTTPResponse) -> str:
    """Read the body.

    Raises:
        http.client.HTTPException: It broke off, or its end cannot be known.
    """
    if response.length is None and not response.chunked:
        raise http.client.HTTPException("it broke off")
    return response.read(_MOST_BYTES).decode(errors="replace")


def _reason(error: Exception) -> str:
    """Return the cause of an error, without the system's error number."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    words = (getattr(error, name, None) for name in ("verify_message", "strerror"))
    return next(filter(None, words), str(error)) or type(error).__name__


def _read(response: http.client.HTTPResponse, text: str) -> RelayAnswer:
    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        problem, sentence = _refusal(text, response.status)
        is_passing = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if is_passing or response.status == HTTPStatus.TOO_MANY_REQUESTS:
            retry = response.getheader("Retry-After", "0")
            seconds = float(retry) if retry.isdecimal() else 0.0
            raise RelayAway(f"The relay refuses for now: {sentence}", seconds=seconds)
        raise RelayRefused(response.status, problem, sentence)
    cursor = response.getheader("X-Argybargy-Cursor", "")
    number = int(cursor) if _CURSOR.fullmatch(cursor) else None
    return RelayAnswer(response.status, text, number)


def _refusal(text: str, status: int) -> tuple[str, str]:
    """Return the error code and the sentence of a refusal, in either form."""
    first = text.partition("\n")[0]
    if first.startswith("error: "):
        _, problem, sentence = (*first.split(": ", 2), "")[:3]
        return problem, sentence
    try:
        detail = json.loads(text)["detail"]
        # As the text form: which fields are wrong says more than that some are.
        errors = [f"{each['field']}: {each['problem']}" for each in _errors(detail)]
        return str(detail["error"]), "; ".join(errors) or str(detail["detail"])
    except (ValueError, KeyError, TypeError):
        return "", f"The server answered with status {status}, which is no relay's."


def _errors(detail: Mapping[str, Any]) -> list[Any]:
    errors = detail.get("errors")
    return errors if isinstance(errors, list) else []
