"""The operator API as commands use it, and the texts of its refusals."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from argybargy.cli.errors import CliError, Exit

Json = dict[str, Any]
"""Decoded JSON object; :mod:`argybargy.cli.client.answers` makes it typed."""


class Operator(Protocol):
    """Client of the operator API, with full rights on a relay."""

    @property
    def is_live(self) -> bool:
        """Whether a relay runs; ``False`` for a data directory without one."""
        ...

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request, and return the decoded answer.

        Args:
            method: HTTP method in upper case.
            path: Path on the relay, beginning with ``/admin/``.
            body: JSON body; ``None`` sends none.

        Raises:
            CliError: The relay refused, or could not be reached.
        """
        ...

    def download(
        self, path: str, body: Json
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Send one request, and stream the body of the answer.

        Args:
            path: Path on the relay, beginning with ``/admin/``.
            body: JSON body.

        Returns:
            A context with an iterator of chunks.

        Raises:
            CliError: The relay refused, or could not be reached. The iterator raises it
                if the answer breaks off.
        """
        ...

    def upload(self, path: str, content: bytes) -> Json:
        """Send one request with a body of JSON lines.

        Args:
            path: Path on the relay, beginning with ``/admin/``.
            content: The lines, within the relay's limit on request bodies.

        Raises:
            CliError: As for :meth:`call`.
        """
        ...


class LiveOperator(Operator, Protocol):
    """Client of a running relay."""

    @property
    def url(self) -> str:
        """Address of the relay: scheme, host and port."""
        ...

    def stream(
        self, path: str, body: Json, patience: Callable[[], float]
    ) -> AbstractContextManager[Iterator[Json]]:
        """Send one request, and stream the answer line by line.

        Args:
            path: Path on the relay, beginning with ``/admin/``.
            body: JSON body.
            patience: Returns the timeout for the next line, in seconds.

        Returns:
            A context with an iterator of decoded lines; its end closes the connection.

        Raises:
            CliError: The relay refused, or could not be reached. The iterator raises it
                at a timeout, or if the connection breaks.
        """
        ...


Work = Callable[[Operator], int]
"""Work of a command on the operator API; returns the exit code."""

WRONG_DIRECTORY: Final = (
    "It may belong to another data directory: name that one with --data, "
    "or print the token in use with 'argybargy token'."
)
_STATUS_EXITS: Final = {
    400: Exit.USAGE,
    401: Exit.NOT_AUTHORISED,
    404: Exit.NOT_FOUND,
    413: Exit.USAGE,
    422: Exit.USAGE,
}
_ERROR_EXITS: Final = {
    "ambiguous": Exit.USAGE,
    "auth_throttled": Exit.NOT_AUTHORISED,
    "claimed_by_other": Exit.LOST,
    "name_taken": Exit.LOST,
    "sender_taken": Exit.LOST,
    "not_claimable": Exit.LOST,
    "not_withdrawable": Exit.LOST,
    "room_closed": Exit.LOST,
    "room_open": Exit.LOST,
}
_HINTS: Final = {
    "admin_unauthorized": WRONG_DIRECTORY,
    "ambiguous": "Choose one with --room ROOM, or revoke them all with --all.",
    "import_conflict": "A message number is used only once. Import into another "
    "data directory: --data DIRECTORY.",
    "room_closed": "Reopen it: argybargy reopen ROOM",
    "room_open": "Close it first: argybargy close ROOM",
    "internal_error": "Check the result, and read the relay's log.",
    "storage_unknown": "Check the result before you try again.",
    "code_quota": "Revoke one with 'argybargy revoke', "
    "or set ARGYBARGY_MAX_CODES and restart the relay.",
    "not_found": "List the messages: argybargy history {asked_room}",
    "room_not_found": "List the rooms: argybargy rooms",
    "session_not_found": "List the sessions: argybargy sessions",
    "invite_not_found": "List the invites: argybargy invites",
    "invite_quota": "Revoke one: argybargy revoke ID",
    "misdirected": "Add the host to ARGYBARGY_ALLOWED_HOSTS and restart the relay.",
}
_OWN_WORDS: Final = {
    "admin_unauthorized": "The relay does not accept the admin token.",
    "ambiguous": "That name has codes in several rooms.",
    "code_quota": "The relay has issued its {limit} codes.",
    "import_conflict": "Message {seq} of room {room} differs from the one here. "
    "That room was not changed.",
    "internal_error": "The relay failed; the request may have taken effect, or not.",
    "misdirected": "The relay does not accept that host name.",
    "room_closed": "Room {room} was closed by {closed_by} at {closed_at}.",
    "not_found": "There is no such message in room {asked_room}.",
    "room_not_found": "There is no {asked}.",
    "room_open": "Room {room} is open.",
    "session_not_found": "There is no such session, or it has ended.",
    "invite_not_found": "There is no open invite with that id.",
    "invite_quota": "{limit} invites are open already.",
    "storage_unknown": "The relay cannot tell whether this was stored.",
}
"""Texts of refusals whose text on the wire is written for HTTP clients."""
_FLAGS: Final = {
    "before": "--before",
    "capabilities": "--capabilities",
    "choice": "--choice",
    "choices": "--choices",
    "expires": "--expires",
    "expects_reply": "--expects-reply",
    "limit": "--limit",
    "reason": "--reason",
    "q": "the query",
    "reply_to": "--reply-to",
    "sender": "--sender",
    "text": "the text",
    "ttl": "--hours",
    "ttl_minutes": "--minutes",
    "to": "--to",
}
"""Options by the request field they fill, if the names differ in more than case."""
_SUCCESS: Final = frozenset({200, 202})


def read_answer(status: int, body: bytes, room: str | None = None) -> Json:
    """Decode the answer of a relay.

    Args:
        status: HTTP status.
        body: Body of the response.
        room: Room of the request, if there was one; see :func:`asked_room`.

    Raises:
        CliError: The answer is a refusal, or does not come from a relay.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        if status in _SUCCESS:
            return answer
        refusal = answer.get("detail")
        if isinstance(refusal, dict) and "error" in refusal:
            asked = "such room" if room is None else f"room '{room}'"
            facts = {"asked": asked, "asked_room": room or "ROOM"}
            raise _refusal(status, refusal | facts)
    raise CliError(
        f"The answer does not come from a relay (HTTP {status}).",
        "Another program may listen there: check --url and --port.",
        Exit.UNREACHABLE,
    )


def asked_room(path: str, body: object = None) -> str | None:
    """Return the room that a request names, if it names one."""
    plain, _, query = path.partition("?")
    match plain.split("/"):
        case ["", "admin", "rooms", room, *_]:
            return room
    if isinstance(body, dict):
        return body.get("room")
    return next((value for name, value in parse_qsl(query) if name == "room"), None)


def _refusal(status: int, facts: Json) -> CliError:
    error = str(facts["error"])
    code = _ERROR_EXITS.get(error) or _STATUS_EXITS.get(status, Exit.FAILED)
    return CliError(_why(error, facts), _HINTS.get(error, "").format_map(facts), code)


def _why(error: str, facts: Json) -> str:
    """Return the reason of a refusal, with options in place of request fields."""
    fields = facts.get("errors")
    if isinstance(fields, list) and fields:
        return "\n  ".join(map(_problem, fields))
    try:
        return _OWN_WORDS[error].format_map(facts)
    except KeyError:
        return str(facts.get("detail"))


def _problem(each: object) -> str:
    """Return the problem of a request field."""
    if not isinstance(each, dict):
        return str(each)
    field = str(each.get("field"))
    return f"{_FLAGS.get(field, field)}: {each.get('problem')}"
