"""One endpoint, and what there is to say about it."""

import enum
from collections.abc import Awaitable, Callable

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.web.access.services import Services
from argybargy.web.request import Request, Response

Handler = (
    Callable[[Services, Request], Awaitable[Response]]
    | Callable[[Services, CodeRecord, Request], Awaitable[Response]]
)
"""An agent's endpoint is given the code as well."""


class Who(enum.Enum):
    """Who may use an endpoint."""

    ANYONE = "anyone"
    AGENT = "agent"
    OPERATOR = "operator"


@attrs.frozen
class Route:
    """One endpoint, and what there is to say about it.

    Attributes:
        method: In upper case.
        path: With ``{placeholders}``.
        summary: What it is for, in a sentence.
        handler: What answers it.
        response_body: Type of the body of a 200.
        who: Who may use it.
        body: The body that it takes, if any.
        query: The query that it takes, if any.
        query_hint: The query as the manifest shows it.
        body_hint: The body as the manifest shows it.
        refusals: The statuses of the errors of its own.
        is_repeatable: Whether it takes an ``Idempotency-Key``.
        takes_text: Whether the field `text` may come alone, as ``text/plain``.
        takes_lines: Whether the body is lines of JSON, and of no one type.
        media_type: What the body of a 200 is.
        other_media_types: What it is for those who ask for that.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    response_body: type
    who: Who = Who.AGENT
    body: type | None = None
    query: type | None = None
    query_hint: str = ""
    body_hint: dict[str, str] | None = None
    refusals: tuple[int, ...] = ()
    is_repeatable: bool = False
    takes_text: bool = False
    takes_lines: bool = False
    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the endpoint is called in the OpenAPI document."""
        return self.handler.__name__
