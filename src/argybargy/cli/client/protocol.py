"""The operator API as the commands see it, however it is reached."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from argybargy.cli.errors import CliError, Exit

Json = dict[str, Any]
"""A decoded answer; :mod:`argybargy.cli.client.answers` makes values of it."""


class Operator(Protocol):
    """Somebody who may do everything on a relay."""

    @property
    def is_live(self) -> bool:
        """Whether it is a relay that runs, and not only its data."""
        ...

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make one call of the operator API.

        Args:
            method: In upper case.
            path: Below the relay's address, beginning with ``/admin/``.
            body: What goes with it.

        Raises:
            CliError: The relay refused, or could not be reached.
        """
        ...

    def download(
        self, path: str, body: Json
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Ask for an answer that is a file, and comes piece by piece.

        Args:
            path: Below the relay's address, beginning with ``/admin/``.
            body: What goes with it.

        Returns:
            A context that yields the pieces as they come.

        Raises:
            CliError: The relay refused, or could not be reached. So does the
                iterator, when the answer broke off.
        """
        ...

    def upload(self, path: str, content: bytes) -> Json:
        """Make one call with a body of lines, a JSON object on each.

        Args:
            path: Below the relay's address, beginning with ``/admin/``.
            content: The lines; no more than a request body may be.

        Raises:
            CliError: As for :meth:`call`.
        """
        ...


class LiveOperator(Operator, Protocol):
    """The operator API of a relay that runs."""

    @property
    def url(self) -> str:
        """Where it is: scheme, host and port."""
        ...

    def stream(
        self, path: str, body: Json, patience: Callable[[], float]
    ) -> AbstractContextManager[Iterator[Json]]:
        """Ask for an answer that comes line by line, a JSON object on each.

        Args:
            path: Below the relay's address, beginning with ``/admin/``.
            body: What goes with it.
            patience: Says how many seconds the next line may keep one waiting.

        Returns:
            A context that yields the lines as they come, and ends the connection.

        Raises:
            CliError: The relay refused, or could not be reached. So does the
                iterator, when nothing came in time or the connection broke.
        """
        ...


Work = Callable[[Operator], int]
"""What a command does with the operator API; returns the exit code."""

WRONG_DIRECTORY: Final = (
    "It may belong to another data directory: say which with --data, "
    "or print the token that is used with 'argybargy token'."
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
    "not_claimable": Exit.LOST,
    "room_closed": Exit.LOST,
}
_HINTS: Final = {
    "admin_unauthorized": WRONG_DIRECTORY,
    "ambiguous": "Say which with --room ROOM, or revoke them all with --all.",
    "import_conflict": "A room's numbers mean one thing only. Import into another "
    "directory: --data DIRECTORY.",
    "room_closed": "Open it again: argybargy reopen ROOM",
    "internal_error": "Look at what is there, and into the relay's log.",
    "storage_unknown": "Look at what is there before you do it again.",
    "code_quota": "Take one back with 'argybargy revoke', "
    "or set ARGYBARGY_MAX_CODES and restart the relay.",
    "room_not_found": "List the rooms there are: argybargy rooms",
    "session_not_found": "List those there are: argybargy sessions",
    "misdirected": "Add the host to ARGYBARGY_ALLOWED_HOSTS and restart the relay.",
}
_OWN_WORDS: Final = {
    "admin_unauthorized": "The relay does not accept the admin token.",
    "ambiguous": "That name has codes in several rooms.",
    "code_quota": "The relay has issued its {limit} codes.",
    "import_conflict": "Message {seq} of room {room} is another one here. "
    "Nothing of that room was changed.",
    "internal_error": "The relay failed; what was asked may have happened, or not.",
    "misdirected": "The relay does not answer to that host.",
    "room_closed": "Room {room} was closed by {closed_by} at {closed_at}.",
    "room_not_found": "There is no {asked}.",
    "session_not_found": "There is no such session, or it has ended.",
    "storage_unknown": "The relay cannot tell whether this was stored.",
}
"""What is said of a refusal whose own words are for those who speak HTTP."""
_FLAGS: Final = {
    "before": "--before",
    "capabilities": "--capabilities",
    "expires": "--expires",
    "expects_reply": "--expects-reply",
    "limit": "--limit",
    "q": "the query",
    "reply_to": "--reply-to",
    "sender": "--sender",
    "text": "the text",
    "to": "--to",
}
"""How the fields of a request are typed; the others are called what they are."""
_STATUS_OK: Final = 200


def read_answer(status: int, body: bytes, room: str | None = None) -> Json:
    """Return the answer of a relay.

    Args:
        status: Of the answer.
        body: Of the answer.
        room: The room that was asked about, if it was one; see :func:`asked_room`.

    Raises:
        CliError: It is a refusal, or nothing that a relay says.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        if status == _STATUS_OK:
            return answer
        refusal = answer.get("detail")
        if isinstance(refusal, dict) and "error" in refusal:
            asked = "such room" if room is None else f"room '{room}'"
            raise _refusal(status, refusal | {"asked": asked})
    raise CliError(
        f"The answer is not a relay's (HTTP {status}).",
        "Something else may listen there: check --url and --port.",
        Exit.UNREACHABLE,
    )


def asked_room(path: str, body: object = None) -> str | None:
    """Return the room that a call is about, if it is about one."""
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
    return CliError(_why(error, facts), _HINTS.get(error, ""), code)


def _why(error: str, facts: Json) -> str:
    """Say why the relay refused, in the words of whoever types commands."""
    fields = facts.get("errors")
    if isinstance(fields, list) and fields:
        return "\n  ".join(map(_problem, fields))
    try:
        return _OWN_WORDS[error].format_map(facts)
    except KeyError:
        return str(facts.get("detail"))


def _problem(each: object) -> str:
    """Say what is wrong with a field, in the words of the relay."""
    if not isinstance(each, dict):
        return str(each)
    field = str(each.get("field"))
    return f"{_FLAGS.get(field, field)}: {each.get('problem')}"
