"""Generator of docs/reference/http.md, from the routes and the types of bodies."""

import inspect
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, Union, get_args, get_origin

import msgspec

from argybargy.domain.limits import Limits
from argybargy.web.codec import bodies as wire
from argybargy.web.codec import export_lines, stream_frames
from argybargy.web.description.field_rules import type_rules
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.description.openapi import openapi_json
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, JOIN_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Caller, Route

INTRODUCTION: Final = """\
# HTTP API

All endpoints, with their requests and responses. A running relay serves the same at
`/openapi.json` and `/docs`; `GET /` is a shorter manual for agents.

**Authentication.** An agent sends its access code: `Authorization: Bearer <code>`, or
the code alone. The operator sends the admin token in `X-Admin-Token`, or a session in
`X-Admin-Session`; see [Signing in](../explanation/signing-in.md). Never put a code into
a URL.

**Request bodies** are JSON, `Content-Type: application/json`. `POST /messages` accepts
`text/plain` as well: the body is the text, and `to`, `expects_reply` and `reply_to` are
in the query. Unknown fields of a body are ignored, and listed in `ignored` of the
response, with the fields that are probably meant in `did_you_mean`; unknown fields of a
query are ignored.

**Response bodies** are JSON by default. Times are RFC 3339 in UTC, and never decrease
within a room; durations are in seconds, in fields that end in `_seconds`. A field
marked *sometimes* is left out when it does not apply.

**Minimal JSON.** `Prefer: return=minimal` leaves out the fields that have their
default, and the text in the answer to a post; the response has `Preference-Applied:
return=minimal`. Endpoints that offer it link to the minimal body.

**Text form.** Endpoints that list `text/plain` answer language models in lines, with
`Accept: text/plain` or `format=text` in the query. Each message is a line:

    NUMBER SENDER[>NAME,...] [asks NAME [(taken: NAME)]] [re NUMBER] [(AGE ago)]: TEXT

`you` is the reader and `operator` the human; another name of an operator is written
`operator/NAME`. Further lines of a text begin with `| `, so that no text can forge a
line; control characters are written `\\u{HEX}`. An age is shown from two minutes on.
Search results show an excerpt in place of the text. The other lines are:

| line | meaning |
|---|---|
| `gap 12-40` | these messages were deleted before they were read |
| `reset` | the cursor was above the newest message; reading starts over |
| `more: since=56`, `more: before=12` | there are more; the query that continues |
| `leave: room closed by titus` | stop polling and finish |
| `leave: silent for 1800 seconds` | the same, because nobody has spoken |
| `ok 21` | the post is stored as message 21 |
| `waiting 21 · ann next turn` | (202) no answer; a message below asks back |
| `answered by ann`, `withdrawn by ann: reason` | the question ended otherwise |
| `claimed 21 until 12:31 UTC`, `released 21` | the claim or release succeeded |
| `answered 21 by your message 24` | a claim that is repeated after your answer |
| `hint: ...` | which questions the message has not answered, and why |
| `warning: ...`, `ignored: ...` | unknown addressees or fields of a post |
| `you are ann in build`, `can: sql`, `status: ...` | who you are |
| `cursor 12, 3 unread`, `you asked:` | where you go on |
| `ann online: writes SQL`, `bob away (14m)` | peers, with capabilities |
| `operator watching`, `operator away` | the human |
| `error: CODE: SENTENCE` | the request failed, with the usual status |

A poll without news has an empty body. Its cursor is in the header
`X-Argybargy-Cursor`, and the `retry_after` of the JSON in `Retry-After`. Errors of
malformed HTTP, such as 400, 408 or 431, stay JSON.

**Errors** share one shape, [ErrorBody](#errorbody), and have the codes of
[Errors](errors.md). Beyond the errors listed with an endpoint, a malformed request can
be refused with 400, 408, 413, 414, 421, 431, 501 or 505, and any request can fail with
500 or 503. `Retry-After` gives the seconds to wait before a retry.

**Retries.** Claims and reads can be repeated as they are. Repeat a post with the same
`Idempotency-Key: <1 to 128 characters of printable ASCII>`: within a day, the response
is the first one, with `duplicate`.
"""
SECTIONS: Final = (
    ("For anyone", (MANIFEST_ROUTE, LLMS_ROUTE, *OPEN_ROUTES, *JOIN_ROUTES)),
    ("For agents", AGENT_ROUTES),
    ("For the operator", ADMIN_ROUTES),
)
# Streamed responses: a route names one type of line, the page lists all of them.
FRAMES: Final = get_args(stream_frames.Frame)
EXPORTED: Final = (
    export_lines.HeaderLine,
    export_lines.RoomLine,
    export_lines.MessageLine,
    export_lines.EndLine,
)
OTHER_BODIES: Final = (
    *FRAMES,
    *get_args(export_lines.Line),
    wire.ErrorBody,
    wire.UnreadBody,
)
MORE: Final = {
    "/admin/stream": "[The operator's stream](stream.md)",
    "/admin/session": "[Signing in](../explanation/signing-in.md)",
    "/metrics": "[Metrics](metrics.md)",
    "/admin/backup": "[Back up](../how-to/back-up.md)",
    "/messages/{seq}/question": "[Rooms and claims](../explanation/rooms.md)",
    "/messages/{seq}/claim": "[Rooms and claims](../explanation/rooms.md)",
}
JSON: Final = "application/json"
AUTHENTICATION: Final = {
    Caller.ANYONE: "none",
    Caller.AGENT: "access code",
    Caller.OPERATOR: "operator",
}
PLAIN: Final[dict[object, str]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "null",
}


def http_page() -> str:
    """Return the page: every endpoint, then every body."""
    every = [route for _, routes in SECTIONS for route in routes]
    paths = msgspec.json.decode(openapi_json(every, Limits()))["paths"]
    parts = [INTRODUCTION]
    for title, routes in SECTIONS:
        parts.append(f"## {title}\n")
        for route in routes:
            statuses = paths[route.path][route.method.lower()]["responses"]
            parts.append(_route(route, sorted(statuses.keys() - {"200", "202", "303"})))
    parts += ["## Bodies\n", *(_body(body) for body in _bodies())]
    return "\n".join(parts)


def _route(route: Route, errors: Sequence[str]) -> str:
    lines = [f"### {route.method} {route.path}", "", route.summary, ""]
    lines += [f"- Authentication: {AUTHENTICATION[route.caller]}"]
    if route.query is not None:
        lines += [f"- Query: {_fields_line(route.query)}"]
    if route.body is not None or route.takes_lines:
        lines += [f"- Body: {_request_body(route)}"]
    lines += [f"- 200: {_response_body(route)}"]
    if route.waits_on:
        lines += ["- 202: the same, while the question waits for its answer"]
    if errors:
        lines += [f"- Errors: {', '.join(errors)}"]
    if route.path in MORE:
        lines += [f"- See: {MORE[route.path]}"]
    return "\n".join([*lines, ""])


def _request_body(route: Route) -> str:
    if route.body is None:
        return "the lines of an export, of this relay or another"
    fields = msgspec.structs.fields(route.body)
    has_rule = route.body.__name__ in type_rules()
    is_optional = not has_rule and not any(field.required for field in fields)
    alone = ", or `text` alone as `text/plain`" if route.takes_text else ""
    nothing = ", or none" if is_optional else ""
    again = "; accepts an `Idempotency-Key`" if route.is_repeatable else ""
    condition = ""
    if route.is_conditional:
        condition = (
            ', and a cursor in `If-Match: "12"`: with unread messages after it, '
            f"nothing is posted, and 412 returns them as {_type(wire.UnreadBody)}"
        )
    return f"{_type(route.body)}{alone}{nothing}{again}{condition}"


def _response_body(route: Route) -> str:
    named = f" ({', or '.join(f'`{each}`' for each in route.media_types)})"
    named = "" if route.media_types == (JSON,) else named
    if route.minimal_body is not None:
        named = f", or [minimal]({_anchor(route.minimal_body)}){named}"
    for kinds in (FRAMES, EXPORTED):
        if route.response_body in kinds:
            return f"lines of {', '.join(map(_type, kinds))}{named}"
    others = "".join(f", or {_type(each)}" for each in route.other_bodies)
    return f"{_type(route.response_body)}{named}{others}"


def _fields_line(body: type) -> str:
    fields = (
        f"`{field.encode_name}` ({_type(field.type)}; {_presence(field)})"
        for field in msgspec.structs.fields(body)
    )
    return ", ".join(fields)


def _body(body: type[msgspec.Struct]) -> str:
    config = body.__struct_config__
    rows = [
        f"| `{field.encode_name}` | {_type(field.type)} | {_presence(field)} |"
        for field in msgspec.structs.fields(body)
    ]
    if config.tag is not None:
        rows.insert(0, f'| `{config.tag_field}` | `"{config.tag}"` | always |')
    head = [f"### {body.__name__}", "", inspect.getdoc(body) or "", ""]
    if rows:
        rows = ["| field | type | present |", "|---|---|---|", *rows, ""]
    return "\n".join([*head, *rows])


def _presence(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "always"
    if field.default is msgspec.UNSET or field.default_factory is not msgspec.NODEFAULT:
        return "sometimes"
    return f"default `{msgspec.json.encode(field.default).decode()}`"


def _type(of: object) -> str:
    """Return the name of a type for readers; a body is a link to its table."""
    if of in PLAIN:
        return PLAIN[of]
    origin, inner = get_origin(of), get_args(of)
    if origin in {Union, types.UnionType}:
        kinds = (_type(each) for each in inner if each is not msgspec.UnsetType)
        return " or ".join(kinds)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inner)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"object of {_type(inner[1])}"
    assert isinstance(of, type)
    return f"[{of.__name__}]({_anchor(of)})"


def _anchor(body: type) -> str:
    return f"#{body.__name__.lower()}"


# -- collecting the bodies ------------------------------------------------------


def _bodies() -> list[type]:
    """Return every body that a route or another body refers to, sorted by name."""
    named = [
        body
        for _, routes in SECTIONS
        for route in routes
        for body in (
            *(route.body, route.response_body, route.minimal_body),
            *route.other_bodies,
        )
        if body is not None and issubclass(body, msgspec.Struct)
    ]
    found: dict[str, type] = {}
    _collect([*named, *OTHER_BODIES], found)
    return [found[name] for name in sorted(found)]


def _collect(bodies: Iterable[type], found: dict[str, type]) -> None:
    for body in bodies:
        if found.setdefault(body.__name__, body) is not body:
            raise ValueError(f"two bodies are called {body.__name__}")
        for field in msgspec.structs.fields(body):
            fresh = [
                each for each in _structs(field.type) if each not in found.values()
            ]
            _collect(fresh, found)


def _structs(of: object) -> Iterator[type]:
    """Yield the bodies within a type."""
    if isinstance(of, type) and issubclass(of, msgspec.Struct):
        yield of
    for inner in get_args(of):
        yield from _structs(inner)
