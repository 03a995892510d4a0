"""Capabilities: words of a text, and addresses of words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.capabilities import (
    MAX_STATED_CHARS,
    MAX_WORD_CHARS,
    MAX_WORDS,
    WORD_PATTERN,
    addresses_of,
    is_word,
    text_of,
    word_of_address,
    words_of,
)
from argybargy.domain.names import is_name

WORDS = st.lists(
    st.from_regex(WORD_PATTERN, fullmatch=True),
    max_size=MAX_WORDS,
    unique=True,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("sql postgres", ("sql", "postgres")),
        ("Rust, reviews; can run tests.", ("rust", "reviews", "can", "run", "tests")),
        ("C++ (SQL)", ("c", "sql")),
        ("sql, SQL and .net", ("sql", "and", "net")),
        ("w" * 33 + " ok", ("ok",)),
        ("naïve", ("na", "ve")),
    ],
)
def test_words_of_a_text(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_any_text_has_a_bounded_number_of_valid_words(text: str) -> None:
    words = words_of(text)
    assert len(words) <= MAX_WORDS
    assert len(set(words)) == len(words)
    assert all(map(is_word, words))
    assert all(len(word) <= MAX_WORD_CHARS for word in words)
    assert words_of(text_of(words)) == words


@given(WORDS)
def test_stated_words_are_the_words_of_their_text(words: list[str]) -> None:
    text = text_of(words)
    assert words_of(text) == tuple(words)
    assert len(text) <= MAX_STATED_CHARS


@given(st.text())
def test_an_address_and_its_word_belong_together(text: str) -> None:
    word = word_of_address(text)
    assert word is None or (is_word(word) and not is_name(text))
    for address in addresses_of(text):
        assert word_of_address(address) in words_of(text)


@pytest.mark.parametrize("name", ["sql", "can:", "can:a b", "can:.x", "can", "all"])
def test_other_names_are_no_addresses_of_capabilities(name: str) -> None:
    assert word_of_address(name) is None
