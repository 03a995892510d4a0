"""Messages of MCP, as far as the shim knows them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.agent.mcp_messages import (
    MessageError,
    agreed_version,
    answer_line,
    error_answer,
    parse_message,
)

VERSION = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def line(**fields: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode()


def test_a_tool_call_names_method_and_tool_in_headers() -> None:
    params = {"name": "post", "arguments": {}, **VERSION}
    call = parse_message(line(id=7, method="tools/call", params=params))
    assert (call.identifier, call.name) == ("7", "post")
    headers = call.headers("2025-06-18")
    assert headers["MCP-Protocol-Version"] == "2026-07-28"
    assert (headers["Mcp-Method"], headers["Mcp-Name"]) == ("tools/call", "post")


def test_older_revisions_have_a_version_and_no_method() -> None:
    call = parse_message(line(id="a", method="tools/list"))
    assert "MCP-Protocol-Version" not in call.headers("")
    headers = call.headers("2025-06-18")
    assert headers["MCP-Protocol-Version"] == "2025-06-18"
    assert "Mcp-Method" not in headers


def test_a_notification_gets_no_identifier_and_may_cancel() -> None:
    params = {"requestId": "x"}
    call = parse_message(line(method="notifications/cancelled", params=params))
    assert (call.identifier, call.cancels) == ("", '"x"')


@given(st.text(), st.text())
def test_no_header_can_be_forged(name: str, method: str) -> None:
    params = {"name": name, **VERSION}
    call = parse_message(line(id=1, method=method, params=params))
    for value in call.headers("2026-07-28").values():
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "1", "{}", '{"method": 1}', "[" * 10_000, "\xff"]
)
def test_what_is_no_message_is_answered_with_an_error(text: str) -> None:
    with pytest.raises(MessageError) as caught:
        parse_message(text.encode("latin-1"))
    answer = json.loads(caught.value.answer)
    assert answer["id"] is None
    assert answer["error"]["code"] in {-32600, -32700}


@given(st.binary(max_size=50) | st.text().map(lambda text: json.dumps(text).encode()))
def test_every_answer_is_one_line_for_the_request(body: bytes) -> None:
    call = parse_message(line(id="q\n", method="m"))
    answer = answer_line(call, 502, body)
    assert answer.count(b"\n") == 1
    assert json.loads(answer)["id"] == "q\n"


def test_a_refusal_of_the_relay_says_what_to_do() -> None:
    detail = {"detail": {"error": "unauthorized", "detail": "No such code."}}
    call = parse_message(line(id=1, method="tools/list"))
    answer = json.loads(answer_line(call, 401, json.dumps(detail).encode()))
    assert "unauthorized: No such code." in answer["error"]["message"]
    assert "argy join LINK" in answer["error"]["message"]


def test_the_agreed_version_is_that_of_the_answer() -> None:
    answer = json.dumps({"result": {"protocolVersion": "2025-06-18"}}).encode()
    assert agreed_version(answer) == "2025-06-18"
    for other in (b"", b"[]", b"{}", b'{"result": {"protocolVersion": 1}}'):
        assert agreed_version(other) == ""
    assert error_answer("1", -32000, "x" * 1000).count(b"x") == 500
