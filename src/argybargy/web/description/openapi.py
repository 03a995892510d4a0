"""The OpenAPI document, generated from the routes and the types of bodies.

msgspec makes the schemas of the types; the rules of single fields that go beyond their
type come from :mod:`~argybargy.web.description.field_rules`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from argybargy import __version__
from argybargy.domain.limits import Limits
from argybargy.domain.seat import EAR_CHARS
from argybargy.onboarding.instructions import WHAT
from argybargy.web.codec.bodies import ErrorBody, UnreadBody
from argybargy.web.description.field_rules import (
    NAME,
    NULL,
    Schema,
    field_rules,
    path_rules,
    type_rules,
)
from argybargy.web.endpoints.route import Caller, Route

LINES: Final = "application/x-ndjson"
_REF: Final = "#/components/schemas/{name}"
_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
_SECURITY: Final[Mapping[Caller, list[dict[str, list[str]]]]] = {
    Caller.AGENT: [{"code": []}],
    Caller.OPERATOR: [{"admin_token": []}, {"admin_session": []}],
    Caller.ANYONE: [],
}
_SECURITY_SCHEMES: Final = {
    "code": {"type": "http", "scheme": "bearer"},
    "admin_token": {"type": "apiKey", "in": "header", "name": "X-Admin-Token"},
    "admin_session": {"type": "apiKey", "in": "header", "name": "X-Admin-Session"},
}
_FORMAT: Final = {
    "name": "format",
    "in": "query",
    "required": False,
    "description": "'text' asks for the text form, as 'Accept: text/plain' does.",
    "schema": {"type": "string", "enum": ["json", "text"]},
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "Leaves fields that have their default out of the JSON.",
    "schema": {"type": "string", "enum": ["return=minimal"]},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "Posts only if there is nothing for you after this cursor.",
    "schema": {"type": "string", "pattern": '^("[0-9]{1,15}"|[0-9]{1,15})$'},
}
_EAR: Final = {
    "name": "X-Argybargy-Ear",
    "in": "header",
    "required": False,
    "description": "The program that listens for the agent, for receipts.",
    "schema": {"type": "string", "maxLength": EAR_CHARS},
}
_ROOM: Final = {
    "name": "room",
    "in": "query",
    "required": False,
    "description": "One of the rooms of a code that opens several. Default: the first.",
    "schema": NAME,
}
_LATER: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
"""Statuses of errors with a Retry-After."""


def openapi_json(routes: Sequence[Route], limits: Limits) -> bytes:
    """Return the document as JSON.

    Args:
        routes: Endpoints, in the order of the document.
        limits: Limits that bound the fields.
    """
    types = [kind for route in routes for kind in _types(route)]
    schemas = _schemas([*dict.fromkeys([*types, ErrorBody, UnreadBody])], limits)
    queries = {route.query.__name__ for route in routes if route.query is not None}
    paths: dict[str, Schema] = {}
    for route in routes:
        operation = _operation(route, schemas, limits)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Argybargy", "version": __version__, "description": WHAT},
        "paths": paths,
        "components": {
            "schemas": {
                name: schema for name, schema in schemas.items() if name not in queries
            },
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return msgspec.json.encode(document)


def _types(route: Route) -> Iterable[type]:
    kinds = (route.response_body, route.minimal_body, route.body, route.query)
    return filter(None, (*kinds, *route.other_bodies))


def _schemas(types: Sequence[type], limits: Limits) -> dict[str, Any]:
    """Return the schemas of types and of the types of their fields, by name."""
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    for (name, field), rule in field_rules(limits).items():
        properties = schemas.get(name, {}).get("properties", {})
        if field in properties:
            properties[field] |= rule
    for name, rule in type_rules().items():
        if name in schemas:
            schemas[name] |= rule
    return schemas


def _operation(route: Route, schemas: Mapping[str, Any], limits: Limits) -> Schema:
    described: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.caller.value],
        "security": _SECURITY[route.caller],
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, schemas),
            *_header_parameters(route, limits),
        ],
        "responses": _responses(route),
    }
    if route.takes_lines:
        described["requestBody"] = {"content": {LINES: {}}}
    elif route.body is not None:
        described["requestBody"] = _request_body(route, route.body, schemas)
    return described


def _path_parameters(route: Route) -> list[Schema]:
    rules = path_rules()
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": rules.get(name, {"type": "string"}),
        }
        for name in _PLACEHOLDER.findall(route.path)
    ]


def _query_parameters(route: Route, schemas: Mapping[str, Any]) -> list[Schema]:
    form: list[Schema] = [_FORMAT] if route.speaks_text else []
    if route.caller is Caller.AGENT:
        form.append(_ROOM)
    if route.query is None:
        return form
    described = schemas[route.query.__name__]
    required = described.get("required", ())
    return form + [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(schema),
        }
        for name, schema in described["properties"].items()
    ]


def _without_null(schema: Schema) -> Schema:
    """Return the schema without null, which a query parameter cannot express."""
    if "anyOf" not in schema:
        return schema
    others = {key: value for key, value in schema.items() if key != "anyOf"}
    if others.get("default", ...) is None:
        del others["default"]
    kinds = [kind for kind in schema["anyOf"] if kind != NULL]
    return others | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _header_parameters(route: Route, limits: Limits) -> list[Schema]:
    found = [] if route.minimal_body is None else [_PREFER]
    if route.is_repeatable:
        most = limits.idempotency_key_chars
        pattern = f"^[ -~]{{1,{most}}}$"
        schema = {"type": "string", "pattern": pattern}
        found.append({"name": "Idempotency-Key", "in": "header", "schema": schema})
    if route.is_conditional:
        found.append(_IF_MATCH)
    if route.takes_ear:
        found.append(_EAR)
    return found


def _request_body(route: Route, body: type, schemas: Mapping[str, Any]) -> Schema:
    content: Schema = {"application/json": _content(body)}
    if route.takes_text:
        content["text/plain"] = {"schema": schemas[body.__name__]["properties"]["text"]}
    is_required = not {"required", "anyOf"}.isdisjoint(schemas[body.__name__])
    return {"required": is_required, "content": content}


def _responses(route: Route) -> Schema:
    is_json = route.media_type in {"application/json", LINES}
    answer = {route.media_type: _content(route.response_body) if is_json else {}}
    if route.minimal_body is not None:
        kinds = (route.response_body, route.minimal_body, *route.other_bodies)
        bodies = [_content(kind)["schema"] for kind in kinds]
        answer[route.media_type] = {"schema": {"anyOf": bodies}}
    answer |= {media_type: {} for media_type in route.media_types[1:]}
    found: Schema = {"200": {"description": "Success.", "content": answer}}
    if route.waits_on:
        found["202"] = {"description": "Still waiting: ask again.", "content": answer}
    if route.other_media_types:
        found["303"] = {"description": "Redirect of a browser to the dashboard."}
    for status in sorted(_refusals(route)):
        found[str(status)] = _refusal(HTTPStatus(status))
        if route.speaks_text:
            found[str(status)]["content"]["text/plain"] = {}
    return found


def _refusals(route: Route) -> set[int]:
    """Return the statuses of all errors of an endpoint."""
    statuses = set(route.refusals)
    if route.caller is Caller.AGENT:
        statuses |= _agents_refusals(route)
    if route.caller is not Caller.ANYONE:
        statuses |= {401, 429, 503}
    if route.body is not None or route.takes_lines:
        statuses |= {413, 415, 422}
    if route.query is not None:
        statuses |= {414, 422}
    if route.speaks_text:
        statuses.add(422)
    if route.is_conditional:
        statuses.add(412)
    if _PLACEHOLDER.search(route.path):
        statuses.add(422)
    return statuses


def _agents_refusals(route: Route) -> set[int]:
    """Return the statuses of the errors that a code can lead to at any endpoint."""
    choosing = {404, 422}  # the code does not open that room, or the query is invalid
    # A reader changes nothing.
    return choosing if route.method == "GET" else choosing | {HTTPStatus.FORBIDDEN}


def _error_body(status: HTTPStatus) -> type:
    return UnreadBody if status is HTTPStatus.PRECONDITION_FAILED else ErrorBody


def _refusal(status: HTTPStatus) -> Schema:
    described: Schema = {
        "description": status.phrase,
        "content": {"application/json": _content(_error_body(status))},
    }
    if status in _LATER:
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        described["headers"] = {"Retry-After": seconds}
    return described


def _content(kind: type) -> Schema:
    return {"schema": {"$ref": _REF.format(name=kind.__name__)}}
