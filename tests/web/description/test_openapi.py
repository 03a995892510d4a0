"""The OpenAPI document: consistent, and true of the endpoints."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from argybargy.domain.limits import Limits
from argybargy.web.description.field_rules import field_rules
from argybargy.web.description.manifest import MANIFEST_ROUTE
from argybargy.web.description.openapi import openapi_json
from argybargy.web.endpoints.agent_routes import AGENT_ROUTES, JOIN_ROUTES, OPEN_ROUTES
from argybargy.web.endpoints.operator_routes import ADMIN_ROUTES
from argybargy.web.endpoints.route import Caller, Route

ROUTES = (MANIFEST_ROUTE, *OPEN_ROUTES, *JOIN_ROUTES, *AGENT_ROUTES, *ADMIN_ROUTES)


Json = dict[str, Any]


def document(limits: Limits | None = None) -> Json:
    found: Json = msgspec.json.decode(openapi_json(ROUTES, limits or Limits()))
    return found


def operation(route: Route) -> Json:
    found: Json = document()["paths"][route.path][route.method.lower()]
    return found


def every(key: str, value: object) -> Iterator[Any]:
    """Yield the values of a key, at any depth."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from every(key, each)


def test_every_reference_resolves_to_a_schema() -> None:
    api = document()
    known = {f"#/components/schemas/{name}" for name in api["components"]["schemas"]}
    referred = set(every("$ref", api))
    assert referred <= known
    assert "#/components/schemas/ErrorDetail" in referred, "none at all were found"


def test_every_operation_id_is_unique() -> None:
    names = list(every("operationId", document()))
    assert len(names) == len(set(names)) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: f"{each.method} {each.path}")
def test_an_operation_lists_its_path_parameters_and_security(
    route: Route,
) -> None:
    told = operation(route)
    named = {each["name"] for each in told["parameters"] if each["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", route.path))
    assert bool(told["security"]) is (route.caller is not Caller.ANYONE)
    assert ("401" in told["responses"]) or route.caller is Caller.ANYONE
    assert all(
        "Retry-After" in answer["headers"]
        for status, answer in told["responses"].items()
        if status in {"429", "503"}
    )


def test_every_field_rule_names_an_existing_field() -> None:
    types = {
        kind.__name__: set(kind.__struct_encode_fields__)
        for route in ROUTES
        for kind in (route.body, route.query)
        if kind is not None and issubclass(kind, msgspec.Struct)
    }
    ruled = field_rules(Limits())
    assert {name for name, _ in ruled} <= set(types)
    assert all(field in types[name] for name, field in ruled)


def test_the_schema_has_the_configured_limits() -> None:
    schemas = document(Limits(text_chars=77))["components"]["schemas"]
    assert schemas["PostRequest"]["properties"]["text"]["maxLength"] == 77


def test_a_post_may_be_plain_text_and_repeated() -> None:
    (route,) = (each for each in ROUTES if each.path == "/messages" and each.body)
    told = operation(route)
    assert set(told["requestBody"]["content"]) == {"application/json", "text/plain"}
    assert "Idempotency-Key" in {each["name"] for each in told["parameters"]}
