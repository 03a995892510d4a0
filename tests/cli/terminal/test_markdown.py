"""Markdown, wrapped for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.cli.terminal.columns import columns_of
from argybargy.cli.terminal.markdown import markdown_lines, wrap_line


def lines(text: str, columns: int = 20) -> list[str]:
    return [line.text for line in markdown_lines(text, columns)]


def test_a_paragraph_is_wrapped_at_spaces() -> None:
    assert lines("one two three four five six") == ["one two three four", "five six"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- one two three four five", ["- one two three four", "  five"]),
        ("12. one two three four", ["12. one two three", "    four"]),
        ("- [x] one two three four", ["- [x] one two three", "      four"]),
        ("> one two three four five", ["> one two three four", "> five"]),
        ("  one two three four five", ["  one two three four", "  five"]),
    ],
)
def test_further_lines_hang_below_the_text(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


def test_code_in_fences_keeps_its_lines() -> None:
    code = "    if x:   # a long line that is not to be wrapped"
    text = f"Look:\n```python\n{code}\n~~~\n```\nand more words after the code"
    found = list(markdown_lines(text, 20))
    assert [line.text for line in found] == [
        *("Look:", "```python", code, "~~~", "```"),
        *("and more words after", "the code"),
    ]
    assert [line.is_fence for line in found] == [
        *(False, True, False, False, True, False, False),
    ]


def test_a_longer_fence_contains_a_shorter_one() -> None:
    text = "````\n```\nvery long code that is not to be wrapped\n````\ntext"
    assert lines(text) == text.split("\n")


def test_a_fence_without_an_end_is_code_to_the_end() -> None:
    text = "```\nvery long code that is not to be wrapped at all"
    assert lines(text) == text.split("\n")


def test_indented_code_and_tables_keep_their_lines() -> None:
    text = "\n    very long code that is not to be wrapped\n    and more of it"
    assert lines(text) == text.split("\n")
    text = "| a table | with long lines |\n|---|---|\n| is | left as it was written |"
    assert lines(text) == text.split("\n")


def test_control_characters_are_escaped_and_tabs_are_spaces() -> None:
    assert lines("a\x1b[31m\u202eb\r\n\tc") == ["a\\x1b[31m\\u202eb", "    c"]
    assert lines("```\n\tx\x07\n```") == ["```", "    x\\x07", "```"]


def test_a_long_word_is_split_and_an_address_is_not() -> None:
    assert lines("see " + "A" * 50) == ["see", "A" * 20, "A" * 20, "A" * 10]
    address = "https://example.com/a/very/long/path"
    assert lines(f"see {address} now") == ["see", address, "now"]


def test_wide_characters_count_twice() -> None:
    assert lines("漢字" * 6) == ["漢字" * 5, "漢字"]


@given(st.text(max_size=300), st.integers(0, 60))
def test_no_character_is_lost_and_no_line_is_empty_by_wrapping(
    text: str, columns: int
) -> None:
    line = "".join(each for each in text if each.isprintable())
    parts = wrap_line(line, max(4, columns))
    assert "".join("".join(parts).split()) == "".join(line.split())
    if "://" not in line:
        fits = [columns_of(part) <= max(4, columns) for part in parts]
        assert all(fits)
