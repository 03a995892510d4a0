"""What is wrong with a body that is no JSON object, and where."""

import msgspec
import pytest

from argybargy.domain.errors import RelayError
from argybargy.web.codec.decode import _parse
from argybargy.web.codec.json_errors import json_problem


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"a":1,}', "this is not JSON: trailing comma in object at line 1, column 8"),
        (
            b"{'a':1}",
            "this is not JSON: object keys must be strings at line 1, column 2",
        ),
        (b'{"a":1}\n x', "this is not JSON: trailing characters at line 2, column 2"),
        (
            b'{"a":"\\x"}',
            "this is not JSON: invalid escape character in string at line 1, column 8",
        ),
        (b"hello", "this is not JSON: invalid character at line 1, column 1"),
        (
            '{"é":\n"ü\n"}'.encode(),
            "this is not JSON: invalid character at line 2, column 3"
            " (inside a string, write a line break as \\n)",
        ),
        (
            b'{"a":"it ends',
            "this is not JSON: it ends at line 1, column 14, inside an object or a"
            " string",
        ),
        (
            b'{"a":"\\ud800"}',
            "this is not JSON: it ends at line 1, column 15, inside an object or a"
            " string or half of a pair of \\u escapes",
        ),
        (b"", "it is empty: send a JSON object"),
        (b" \n", "it is empty: send a JSON object"),
        (b"[1]", "this is JSON, but not an object: send {...}"),
        (b'{"a":1e999999}', "a number in it is out of range"),
        (b'{\n"a":"\xff"}', "this is not UTF-8 at line 2, column 6"),
    ],
)
def test_the_problem_of_a_body(raw: bytes, problem: str) -> None:
    with pytest.raises(RelayError) as caught:
        _parse(raw)
    assert caught.value.facts["errors"] == [{"field": "body", "problem": problem}]


def test_an_error_of_an_unknown_form_is_a_general_one() -> None:
    for error in (msgspec.DecodeError("?"), msgspec.ValidationError("?")):
        assert json_problem(b"{}", error) == "this is not a JSON object"
