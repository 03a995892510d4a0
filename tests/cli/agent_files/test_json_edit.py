"""Members of ours go into a user's JSON file, and come out without a trace."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.cli.agent_files.json_edit import (
    Addition,
    Conflict,
    merge,
    parse,
    take_out,
)

KEYS = st.sampled_from(["hooks", "Stop", "env", "a", "ünï", "x y", ""])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(KEYS, each, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n\n  "])
OURS = {
    "hooks": {
        "Stop": [{"hooks": [{"type": "command", "command": "argybargy"}]}],
        "Start": [{"matcher": ".*"}],
    },
    "env": {"ARGYBARGY_SEAT": "build/claude"},
}


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A JSON object as a person or a program may have written it."""
    text = json.dumps(
        draw(OBJECTS),
        indent=draw(st.sampled_from([None, 2, 4, "\t"])),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
    )
    # Spaces within empty brackets; a string may hold brackets, so only some texts.
    if '"{}' not in text and "[]" not in text:
        text = re.sub(r"\{\}$", "{" + draw(BLANKS) + "}", text)
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + draw(BLANKS) + text + draw(BLANKS)


@given(documents(), OBJECTS)
def test_taking_out_gives_back_the_text_byte_for_byte(
    text: str, ours: dict[str, Any]
) -> None:
    try:
        merged, additions = merge(text, ours)
    except Conflict:
        return
    assert take_out(merged, additions) == text
    restored = tuple(Addition.from_json(each.to_json()) for each in additions)
    assert restored == additions


@given(documents(), OBJECTS)
def test_everything_of_both_is_in_the_merged_document(
    text: str, ours: dict[str, Any]
) -> None:
    try:
        merged, _ = merge(text, ours)
    except Conflict:
        return
    assert includes(parse(merged), parse(text))
    assert includes(parse(merged), ours)
    again, additions = merge(merged, ours)
    assert (again, additions) == (merged, ())


def includes(document: Any, part: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        return isinstance(document, dict) and all(
            key in document and includes(document[key], value)
            for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(document, list) and all(each in document for each in part)
    return bool(document == part)


@given(documents(), KEYS, VALUES)
def test_an_edit_since_then_stays(text: str, key: str, value: object) -> None:
    try:
        merged, additions = merge(text, OURS)
    except Conflict:
        return
    edited = json.loads(merged.removeprefix("\ufeff"))
    edited[key + "theirs"] = value
    left = take_out(json.dumps(edited), additions)
    assert json.loads(left) == {**parse(text), key + "theirs": value}


def test_what_a_person_adds_to_our_objects_stays() -> None:
    merged, additions = merge("{}", OURS)
    edited = json.loads(merged)
    edited["hooks"]["Stop"].insert(0, {"theirs": 1})
    edited["env"]["THEIRS"] = "1"
    left = take_out(json.dumps(edited, indent=4), additions)
    assert json.loads(left) == {
        "hooks": {"Stop": [{"theirs": 1}]},
        "env": {"THEIRS": "1"},
    }


def test_additions_look_like_their_neighbours() -> None:
    text = '{\r\n    "env": {"A": "b"},\r\n    "list": []\r\n}\r\n'
    merged, _ = merge(text, {"env": {"C": "d"}, "list": [1], "new": {"x": [2]}})
    assert merged == (
        '{\r\n    "env": {"A": "b", "C": "d"},\r\n    "list": [\r\n        1\r\n    ],'
        '\r\n    "new": {\r\n        "x": [\r\n            2\r\n        ]\r\n    }'
        "\r\n}\r\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "[]", "1", "{", '{"a": 1,}', '{"a": NaN}', "// note\n{}", "null"),
        *('{"a": 1, "a": 2}', "[" * 100_000, '{"a": {"b": 1, "b": 1}}'),
    ],
)
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        merge(text, {"ours": 1})


def test_another_value_at_our_place_is_a_conflict() -> None:
    with pytest.raises(Conflict, match=re.escape("env.ARGYBARGY_SEAT")):
        merge('{"env": {"ARGYBARGY_SEAT": "other"}}', OURS)
