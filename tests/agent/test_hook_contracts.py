"""The contracts of programs on hooks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.agent.command_table import PROGRAMS
from argybargy.agent.hook_contracts import (
    ANSWERS,
    EVENTS,
    Payload,
    encode_answer,
    facts,
    is_foreign,
    parse_payload,
)

MOST_FACTS_TOKENS = 200


@given(st.text())
def test_every_answer_is_one_line_of_json_with_the_whole_text(text: str) -> None:
    for shapes in ANSWERS.values():
        assert set(shapes) <= set(EVENTS)
        for shape in shapes.values():
            line = encode_answer(shape(text))
            assert line.isascii()
            assert "\n" not in line
            assert json.dumps(text) in line


@given(st.binary() | st.recursive(st.none(), st.lists).map(json.dumps).map(str.encode))
def test_no_standard_input_is_an_error(content: bytes) -> None:
    assert isinstance(parse_payload(content), Payload)


@given(
    st.dictionaries(
        st.sampled_from(["session_id", "sessionId", "cwd", "prompt", "through"]),
        st.none() | st.text(max_size=3) | st.integers() | st.lists(st.none()),
    )
)
def test_a_field_of_another_type_is_empty(read: dict[str, object]) -> None:
    payload = parse_payload(json.dumps(read).encode())
    assert all(isinstance(each, str) for each in payload[:3])
    assert payload.directory in (read.get("cwd"), "")


def test_each_program_names_the_session_its_own_way() -> None:
    for name in ("session_id", "sessionId", "conversation_id"):
        assert parse_payload(json.dumps({name: "s"}).encode()).session == "s"


def test_cursor_does_not_run_the_hooks_of_claude_code() -> None:
    assert is_foreign("claude", {"CURSOR_VERSION": "3.7"})
    assert not is_foreign("claude", {})
    assert not is_foreign("cursor", {"CURSOR_VERSION": "3.7"})


# The vocabulary's package opens its data in a deprecated way.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_facts_at_the_start_are_short(program: str) -> None:
    vocabulary = pytest.importorskip("bpe_openai").get_encoding("o200k_base")
    text = facts(program, "claude", "payments")
    assert len(vocabulary.encode(text)) <= MOST_FACTS_TOKENS
    assert "\n" not in text
    long = facts(program, "a", "b", seat="127.0.0.1-8765/b/a")
    assert (
        program in {"codex", "gemini"}
        or "argy say --seat 127.0.0.1-8765/b/a --re" in long
    )
