"""One endpoint, and what there is to say about it."""

import enum
from collections.abc import Awaitable, Callable

import attrs

from argybargy.domain.codes import CodeRecord
from argybargy.web.auth import Services
from argybargy.web.request import Answer, Request

Handler = (
    Callable[[Services, Request], Awaitable[Answer]]
    | Callable[[Services, CodeRecord, Request], Awaitable[Answer]]
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
        answer: The body of a 200.
        who: Who may use it.
        body: The body that it takes, if any.
        query: The query that it takes, if any.
        query_hint: The query as the manifest shows it.
        body_hint: The body as the manifest shows it.
        refusals: The statuses of the errors of its own.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answer: type
    who: Who = Who.AGENT
    body: type | None = None
    query: type | None = None
    query_hint: str = ""
    body_hint: dict[str, str] | None = None
    refusals: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What the endpoint is called in the OpenAPI document."""
        return self.handler.__name__
