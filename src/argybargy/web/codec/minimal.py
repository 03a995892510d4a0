"""Bodies for ``Prefer: return=minimal``: what has its default is left out.

Each type repeats the fields of a body of :mod:`argybargy.web.codec.bodies` that a
program may need, with their defaults. A body is converted by name, so fields that are
not listed here are left out always; `tests/web/codec/test_minimal.py` names them.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from argybargy.web.codec.bodies import DigestBody, Gap
from argybargy.web.ignored import NONE_IGNORED, Ignored
from argybargy.web.request import (
    MINIMAL_APPLIED,
    Request,
    Response,
    ResponseForm,
    json_response,
)


class MinimalQuestion(Struct, frozen=True):
    """The state of a question; left out while it is open."""

    state: Literal["open", "claimed", "answered", "withdrawn"] = "open"
    by: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    until: str | UnsetType = UNSET


OPEN_QUESTION: Final = MinimalQuestion()


class MinimalMessage(Struct, frozen=True, rename={"from_": "from"}):
    """A message, without the fields that have their default."""

    seq: int
    ts: str
    from_: str
    text: str
    to: str | list[str] = "all"
    expects_reply: str = "none"
    claimed_by: str | None = None
    reply_to: int | None = None
    from_kind: Literal["agent", "operator", "system", "person"] = "agent"
    event: str | UnsetType = UNSET
    question: MinimalQuestion = OPEN_QUESTION
    choices: list[str] | UnsetType = UNSET
    choice: str | UnsetType = UNSET


class MinimalPosted(Struct, frozen=True):
    """The number of a stored message: its sender knows the rest."""

    seq: int
    expects_reply: str = "none"


class MinimalPostAnswer(Struct, frozen=True):
    """A stored message without its text, and its delivery to each addressee."""

    message: MinimalPosted
    delivery: dict[str, str | dict[str, int]]
    duplicate: bool | UnsetType = UNSET
    hint: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET
    receipts: dict[str, str] | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class MinimalAskAnswer(Struct, frozen=True):
    """The number and state of a question, its answer, and its delivery."""

    seq: int
    delivery: dict[str, str | dict[str, int]]
    question: MinimalQuestion = OPEN_QUESTION
    answer: MinimalMessage | UnsetType = UNSET
    asked_back: MinimalMessage | UnsetType = UNSET
    room_closed: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET
    duplicate: bool | UnsetType = UNSET
    hint: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET
    receipts: dict[str, str] | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class MinimalRoomStatus(Struct, frozen=True):
    """The status of a room; left out while the room is open."""

    status: Literal["open", "closed"] = "open"
    closed_at: str | None = None
    closed_by: str | None = None


OPEN: Final = MinimalRoomStatus()


class MinimalPollBody(Struct, frozen=True):
    """Messages and cursor of a poll, and what differs from an open room."""

    messages: list[MinimalMessage]
    cursor: int
    first_seq: int = 1
    more: bool = False
    room: MinimalRoomStatus = OPEN
    should_exit: bool = False
    exit_reason: str | None = None
    gap: Gap | UnsetType = UNSET
    reset: bool | UnsetType = UNSET
    left: int | UnsetType = UNSET
    digest: DigestBody | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class MinimalHistoryBody(Struct, frozen=True):
    """A page of earlier messages, oldest first."""

    messages: list[MinimalMessage]
    room_status: MinimalRoomStatus = OPEN
    first_seq: int = 1
    more: bool = False


class MinimalThreadBody(Struct, frozen=True):
    """A message; its replies and its readers, if there are any."""

    message: MinimalMessage
    replies: list[MinimalMessage] = []
    read_by: list[str] = []
    answer: MinimalMessage | UnsetType = UNSET
    asked_back: MinimalMessage | UnsetType = UNSET
    room_closed: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class MinimalSearchResult(Struct, frozen=True):
    """A found message, and the matches in its excerpt."""

    message: MinimalMessage
    snippet: str
    marks: list[list[int]]


class MinimalSearchBody(Struct, frozen=True):
    """A page of results, newest first."""

    results: list[MinimalSearchResult]
    next_before: int | None = None


class MinimalClaim(Struct, frozen=True):
    """A claim of the caller, whose question is therefore claimed."""

    seq: int
    fence: int
    lease_seconds: int | None
    expires_at: str | None


class MinimalResumeBody(Struct, frozen=True):
    """State of an agent, without the rules that the manual tells."""

    name: str
    room: str
    cursor: int
    unread: int = 0
    open_questions: list[MinimalMessage] = []
    claims: list[MinimalClaim] = []
    room_status: MinimalRoomStatus = OPEN
    capabilities: str = ""
    expires: str | None = None


def body_response(
    request: Request,
    body: Struct,
    minimal: type[Struct],
    ignored: Ignored = NONE_IGNORED,
    *,
    status: int = HTTPStatus.OK,
) -> Response:
    """Encode a body, or its minimal form if the client prefers that.

    Args:
        request: The request.
        body: The whole body; its messages may be encoded already.
        minimal: Type of the minimal form.
        ignored: Unknown fields of the request.
        status: HTTP status.
    """
    whole = json_response(body, ignored, status=status)
    if request.form is not ResponseForm.MINIMAL_JSON:
        return whole
    kept = msgspec.json.decode(whole.body, type=minimal)
    lean = json_response(without_defaults(kept), status=status)
    return lean.with_headers(MINIMAL_APPLIED)


def without_defaults(body: Struct) -> dict[str, Any]:
    """Return the fields of a body that differ from their defaults."""
    found = {}
    for attribute, name, default in _fields(type(body)):
        value = getattr(body, attribute)
        if value is not UNSET and value != default:
            found[name] = _converted(value)
    return found


def _converted(value: object) -> object:
    if isinstance(value, Struct):
        return without_defaults(value)
    return [_converted(each) for each in value] if isinstance(value, list) else value


@lru_cache(maxsize=32)  # more than there are types here
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, object], ...]:
    """Return attribute, JSON name and default of each field of a type."""
    return tuple(
        (field.name, field.encode_name, _default(field))
        for field in msgspec.structs.fields(kind)
    )


def _default(field: msgspec.structs.FieldInfo) -> object:
    return [] if field.default_factory is list else field.default
