"""Choices: which are valid, and which of them a reply takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.choices import are_choices, find_choice, fold_choice, is_choice
from argybargy.domain.limits import Limits

LIMITS = Limits()
some = st.text(min_size=1, max_size=8).map(str.strip)


@given(st.lists(some, max_size=8))
def test_valid_choices_are_few_and_told_apart_by_anybody(choices: list[str]) -> None:
    is_valid = are_choices(choices, LIMITS)
    assert is_valid == (
        2 <= len(choices) <= 6
        and all(is_choice(each, LIMITS) for each in choices)
        and len(set(map(fold_choice, choices))) == len(choices)
    )
    for each in choices if is_valid else ():
        assert find_choice(choices, each) == each
        assert find_choice(choices, each.upper()) in {each, None}, "İ has two forms"


@given(st.text(max_size=50))
def test_a_choice_is_one_plain_line(text: str) -> None:
    if is_choice(text, LIMITS):
        assert len(text.splitlines()) == 1
        assert " | " not in f"{text} | {text}".replace(" | ", "", 1)
        assert text == text.strip()


@pytest.mark.parametrize("text", ["", " a", "a ", "a\nb", "a|b", "a\u2028b", "x" * 41])
def test_what_is_no_choice(text: str) -> None:
    assert not is_choice(text, LIMITS)


@given(st.lists(some, max_size=6), some)
def test_a_choice_that_is_not_offered_is_not_found(
    offered: list[str], wanted: str
) -> None:
    found = find_choice(offered, wanted)
    assert (found is None) == (fold_choice(wanted) not in map(fold_choice, offered))


def test_a_choice_is_found_in_any_case_and_form() -> None:
    assert find_choice(("Yes", "N\u00e9"), "YES") == "Yes"
    assert find_choice(("Yes", "N\u00e9"), "ne\u0301") == "N\u00e9"
