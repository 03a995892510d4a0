"""A block of ours goes into a user's text file, and comes out without a trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.cli.agent_files.text_block import Marks, insert_block, take_out_block

MARKS = Marks.comment("codex", "#")
PARTS = ("a", "#", " ", "\n", "\r\n", "\r", "\t", "ü", "\ufeff")
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
BLOCK = "[table]\nkey = 1\n"


@given(TEXTS)
def test_taking_out_gives_back_the_text_byte_for_byte(text: str) -> None:
    merged, inserted = insert_block(text, MARKS, BLOCK)
    assert merged.startswith(text)
    assert take_out_block(merged, MARKS, inserted) == text


@given(TEXTS, TEXTS, TEXTS)
def test_text_around_the_block_and_changes_in_it_do_no_harm(
    before: str, after: str, change: str
) -> None:
    merged, inserted = insert_block(before, MARKS, BLOCK)
    assert take_out_block(merged + after, MARKS, inserted) == before + after
    changed = merged.replace("key = 1", f"key = 2{change}")
    left = take_out_block(changed, MARKS, inserted)
    assert left.startswith(before)
    assert left.strip("\r\n") == before.strip("\r\n")


def test_line_endings_are_those_of_the_file() -> None:
    merged, _ = insert_block("a\r\nb", MARKS, BLOCK)
    assert merged.count("\n") == merged.count("\r\n")
    assert merged.startswith("a\r\nb\r\n\r\n#")


@pytest.mark.parametrize("there", [MARKS.begin, MARKS.end])
def test_a_mark_that_is_there_is_refused(there: str) -> None:
    with pytest.raises(ValueError, match="block of that name"):
        insert_block(there, MARKS, BLOCK)
    with pytest.raises(ValueError, match="incomplete"):
        take_out_block(there, MARKS, "")


def test_a_text_without_the_block_stays_as_it_is() -> None:
    assert take_out_block("mine\n", MARKS, "gone") == "mine\n"
