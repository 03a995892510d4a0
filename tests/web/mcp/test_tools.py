"""The MCP tools: their schemas, and the requests that they stand for."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.web.fast_path import RouteMatcher
from argybargy.web.mcp.tools import BY_NAME, INSTRUCTIONS, TOOLS, ToolRequest

MOST_TOKENS: Final = 300
"""What the listed tools cost a model at each turn, at most."""
ARGUMENTS: Final[dict[str, dict[str, object]]] = {
    "read": {"wait": 50},
    "post": {"text": "hello", "to": "ann", "ask": "ann", "reply": 3},
    "claim": {"n": 3},
    "who": {},
    "search": {"q": "retry"},
}


def test_each_tool_stands_for_a_request_that_agents_can_make() -> None:
    assert set(ARGUMENTS) == set(BY_NAME)
    matcher = RouteMatcher.make()
    for name, arguments in ARGUMENTS.items():
        wanted = BY_NAME[name].request(arguments)
        match = matcher.match(wanted.method, wanted.path)
        assert match is not None, name
        assert match.route.speaks_text, name


def test_a_post_sends_what_was_said_and_to_everybody_if_to_nobody() -> None:
    assert BY_NAME["post"].request({"text": "hello"}) == ToolRequest(
        "POST", "/messages", body={"text": "hello", "to": "all"}
    )
    assert BY_NAME["post"].request(ARGUMENTS["post"]).body == {
        "text": "hello",
        "to": "ann",
        "expects_reply": "ann",
        "reply_to": 3,
    }
    assert BY_NAME["post"].request({"reply": 3, "choice": "yes"}).body == {
        "to": "all",
        "reply_to": 3,
        "choice": "yes",
    }


def test_a_post_that_waits_asks() -> None:
    wanted = BY_NAME["post"].request({"text": "May I?", "to": "operator", "wait": 9})
    body = {"text": "May I?", "to": "operator", "wait": 9}
    assert wanted == ToolRequest("POST", "/ask", body=body)
    match = RouteMatcher.make().match(wanted.method, wanted.path)
    assert match is not None
    assert match.route.speaks_text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read", {"wait": 51}),
        ("read", {"wait": -1}),
        ("read", {"wait": "5"}),
        ("post", {"text": 1}),
        ("post", {"text": "a", "wait": 51}),
        ("post", {"text": "a", "room": "other"}),
        ("claim", {}),
        ("claim", {"n": "1/../../admin"}),
        ("claim", {"n": 1.5}),
        ("who", {"room": "other"}),
        ("search", {"q": None}),
    ],
)
def test_other_arguments_are_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        BY_NAME[name].request(arguments)


@given(st.integers())
def test_no_number_leads_to_another_path(number: int) -> None:
    assert BY_NAME["claim"].request({"n": number}).path == f"/messages/{number}/claim"


def test_the_schemas_list_the_arguments() -> None:
    for tool in TOOLS:
        fields = msgspec.structs.fields(tool.arguments)
        assert set(tool.properties) == {field.name for field in fields}
        required = {field.name for field in fields if field.required}
        assert set(tool.required) == required


def test_the_tools_cost_a_model_at_most_300_tokens() -> None:
    tokenizer = pytest.importorskip("bpe_openai").get_encoding("o200k_base")
    listed = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": tool.input_schema,
        }
        for tool in TOOLS
    ]
    text = msgspec.json.encode(listed).decode()
    assert len(tokenizer.encode(text)) <= MOST_TOKENS
    assert len(tokenizer.encode(INSTRUCTIONS)) <= MOST_TOKENS / 3
