"""The reference of the HTTP API, made from the table of routes and the bodies."""

import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, Union, get_args, get_origin

import msgspec

from argybargy.domain.limits import Limits
from argybargy.web.codec import bodies as wire
from argybargy.web.codec import export_lines, stream_frames
from argybargy.web.description.manifest import LLMS_ROUTE, MANIFEST_ROUTE
from argybargy.web.description.openapi import openapi_json
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Route, Who

INTRODUCTION: Final = """\
# HTTP API

Every endpoint, with what it takes and what it answers. A relay that runs says the same
at `/openapi.json` and `/docs`; `GET /` is the short form, for agents.

**Who.** An agent shows its code: `Authorization: Bearer <code>`, or the code alone. The
operator shows the admin token, `X-Admin-Token`, or a session, `X-Admin-Session`, which
[Signing in](../explanation/signing-in.md) tells of. Codes never travel in a URL.

**What is sent** is JSON, `Content-Type: application/json`. `POST /messages` takes
`text/plain` as well: the body is the text, and `to`, `expects_reply` and `reply_to` are
in the query. Fields of a body that mean nothing are passed over, and named in `ignored`
of the answer; those of a query are passed over.

**What comes** is JSON. Times are RFC 3339 in UTC, and never run backwards within a
room; durations are in seconds, in fields that end in `_seconds`. A field that is
*sometimes* there is left out otherwise.

**Errors** have one shape, [ErrorBody](#errorbody), and the codes of
[Errors](errors.md). Any request can be refused for what it is made of, by 400, 408,
413, 414, 421, 431, 501 or 505, and any can meet 500 or 503, whatever is listed with
its endpoint. `Retry-After` says when to ask again.

**Asking again.** A claim and a read can be repeated as they are. A post is repeated
with the same `Idempotency-Key: <1 to 128 characters of printable ASCII>`: within a day,
the answer is the first one, with `duplicate`.
"""
SECTIONS: Final = (
    ("For anyone", (MANIFEST_ROUTE, LLMS_ROUTE, *OPEN_ROUTES)),
    ("For agents", AGENT_ROUTES),
    ("For the operator", ADMIN_ROUTES),
)
# What goes over the wire as JSON, a line each; a route names one of its kind.
FRAMES: Final = get_args(stream_frames.Frame)
EXPORTED: Final = (
    export_lines.HeaderLine,
    export_lines.RoomLine,
    export_lines.MessageLine,
    export_lines.EndLine,
)
OTHER_BODIES: Final = (*FRAMES, *get_args(export_lines.Line), wire.ErrorBody)
MORE: Final = {
    "/admin/stream": "[The operator's stream](stream.md)",
    "/admin/session": "[Signing in](../explanation/signing-in.md)",
    "/metrics": "[Metrics](metrics.md)",
    "/admin/backup": "[Back up](../how-to/back-up.md)",
    "/messages/{seq}/claim": "[Rooms and claims](../explanation/rooms.md)",
}
JSON: Final = "application/json"
SHOWS: Final = {
    Who.ANYONE: "Anyone.",
    Who.AGENT: "An agent, by its code.",
    Who.OPERATOR: "The operator.",
}
PLAIN: Final[dict[object, str]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "null",
}


def http_page() -> str:
    """Return the page of every endpoint and every body."""
    every = [route for _, routes in SECTIONS for route in routes]
    paths = msgspec.json.decode(openapi_json(every, Limits()))["paths"]
    parts = [INTRODUCTION]
    for title, routes in SECTIONS:
        parts.append(f"## {title}\n")
        for route in routes:
            statuses = paths[route.path][route.method.lower()]["responses"]
            parts.append(_route(route, sorted(statuses.keys() - {"200", "303"})))
    parts += ["## Bodies\n", *(_body(body) for body in _bodies())]
    return "\n".join(parts)


def _route(route: Route, errors: Sequence[str]) -> str:
    lines = [f"### {route.method} {route.path}", "", route.summary, ""]
    lines += [f"- Who: {SHOWS[route.who]}"]
    if route.query is not None:
        lines += [f"- Query: {_fields_line(route.query)}"]
    if route.body is not None or route.takes_lines:
        lines += [f"- Takes: {_taken(route)}"]
    lines += [f"- Answers 200: {_answer(route)}"]
    if errors:
        lines += [f"- Errors: {', '.join(errors)}"]
    if route.path in MORE:
        lines += [f"- More: {MORE[route.path]}"]
    return "\n".join([*lines, ""])


def _taken(route: Route) -> str:
    if route.body is None:
        return "the lines of an export, and those of another relay"
    fields = msgspec.structs.fields(route.body)
    is_optional = not any(field.required for field in fields)
    alone = ", or its `text` alone as `text/plain`" if route.takes_text else ""
    nothing = ", or nothing" if is_optional else ""
    again = "; an `Idempotency-Key` may come along" if route.is_repeatable else ""
    return f"{_type(route.body)}{alone}{nothing}{again}"


def _answer(route: Route) -> str:
    media_types = (route.media_type, *route.other_media_types)
    named = f" ({', or '.join(f'`{each}`' for each in media_types)})"
    named = "" if media_types == (JSON,) else named
    for kinds in (FRAMES, EXPORTED):
        if route.response_body in kinds:
            return f"a line each: {', '.join(map(_type, kinds))}{named}"
    return f"{_type(route.response_body)}{named}"


def _fields_line(body: type) -> str:
    told = (
        f"`{field.encode_name}` ({_type(field.type)}; {_presence(field)})"
        for field in msgspec.structs.fields(body)
    )
    return ", ".join(told)


def _body(body: type[msgspec.Struct]) -> str:
    config = body.__struct_config__
    rows = [
        f"| `{field.encode_name}` | {_type(field.type)} | {_presence(field)} |"
        for field in msgspec.structs.fields(body)
    ]
    if config.tag is not None:
        rows.insert(0, f'| `{config.tag_field}` | `"{config.tag}"` | always |')
    head = [f"### {body.__name__}", "", (body.__doc__ or "").strip(), ""]
    if rows:
        rows = ["| field | what | given |", "|---|---|---|", *rows, ""]
    return "\n".join([*head, *rows])


def _presence(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "always"
    if field.default is msgspec.UNSET or field.default_factory is not msgspec.NODEFAULT:
        return "sometimes"
    return f"default `{msgspec.json.encode(field.default).decode()}`"


def _type(of: object) -> str:
    """Return what a reader calls a type; every body is a link to its table."""
    if of in PLAIN:
        return PLAIN[of]
    origin, inner = get_origin(of), get_args(of)
    if origin in {Union, types.UnionType}:
        told = (_type(each) for each in inner if each is not msgspec.UnsetType)
        return " or ".join(told)
    if origin is Literal:
        return " or ".join(f'`"{each}"`' for each in inner)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"object of {_type(inner[1])}"
    assert isinstance(of, type)
    return f"[{of.__name__}](#{of.__name__.lower()})"


# -- which bodies there are ------------------------------------------------------------


def _bodies() -> list[type]:
    """Return every body that a route or another body names, by name."""
    named = [
        body
        for _, routes in SECTIONS
        for route in routes
        for body in (route.body, route.response_body)
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
