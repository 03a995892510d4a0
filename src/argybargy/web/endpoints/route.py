"""Routes: an endpoint and its description, for the app, the manifest and OpenAPI."""

import enum
from collections.abc import Awaitable, Callable

import msgspec

from argybargy.domain.access_codes import CodeRecord
from argybargy.system.values import frozen
from argybargy.web.access.services import Services
from argybargy.web.request import Request, Response

Handler = (
    Callable[[Services, Request], Awaitable[Response]]
    | Callable[[Services, CodeRecord, Request], Awaitable[Response]]
)
"""An endpoint function; those of agents take the caller's access code as well."""


class Caller(enum.Enum):
    """Callers that an endpoint admits."""

    ANYONE = "anyone"
    AGENT = "agent"
    OPERATOR = "operator"


@frozen
class Route:
    """One endpoint and its description.

    Attributes:
        method: HTTP method, in upper case.
        path: Path, with ``{placeholders}``.
        summary: Purpose, in a sentence, for the manifest and OpenAPI.
        handler: The endpoint function.
        response_body: Type of the body of a 200.
        caller: Callers that are admitted.
        body: Type of the request body; None if the endpoint reads none.
        query: Type of the query; None if the endpoint reads none.
        query_hint: Query as the manifest shows it, with its question mark.
        body_hint: Request body as the manifest shows it.
        refusals: Error statuses beyond those that authentication, body and query add.
        is_repeatable: Whether it accepts an ``Idempotency-Key``.
        is_conditional: Whether it accepts a cursor in ``If-Match``.
        takes_text: Whether it accepts the field `text` alone, as ``text/plain``.
        takes_lines: Whether the request body is JSON lines of several types.
        media_type: Media type of the body of a 200.
        other_media_types: Media types of a 200 that ``Accept`` can ask for.
        speaks_text: Whether it offers the text form, for ``Accept: text/plain`` or
            ``format=text`` in the query.
        waits_on: Whether it answers 202, with the body of a 200, while what the client
            waits for has not come.
        takes_ear: Whether it accepts ``X-Argybargy-Ear``.
        other_bodies: Further types of the body of a 200, which the query asks for.
        chooses_room: Whether the endpoint itself chooses the room, for a code of
            several rooms; otherwise the query alone names it.
        minimal_body: Type of the body for ``Prefer: return=minimal``; None if the
            endpoint does not offer it.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    response_body: type
    caller: Caller = Caller.AGENT
    body: type | None = None
    query: type | None = None
    query_hint: str = ""
    body_hint: dict[str, str] | None = None
    refusals: tuple[int, ...] = ()
    is_repeatable: bool = False
    is_conditional: bool = False
    takes_text: bool = False
    takes_lines: bool = False
    media_type: str = "application/json"
    other_media_types: tuple[str, ...] = ()
    speaks_text: bool = False
    waits_on: bool = False
    minimal_body: type[msgspec.Struct] | None = None
    takes_ear: bool = False
    chooses_room: bool = False
    other_bodies: tuple[type[msgspec.Struct], ...] = ()

    @property
    def media_types(self) -> tuple[str, ...]:
        """All media types of a 200."""
        text = ("text/plain",) if self.speaks_text else ()
        return (self.media_type, *self.other_media_types, *text)

    @property
    def name(self) -> str:
        """The ``operationId`` in the OpenAPI document."""
        return self.handler.__name__
