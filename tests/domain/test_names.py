import pytest

from argybargy.domain.names import RESERVED_PEER_NAMES, fold, is_name, is_peer_name


@pytest.mark.parametrize("text", ["a", "7", "Anna", "gpt-5.2_b", "a" * 64, "0.0"])
def test_a_name_is_letters_digits_dots_dashes_and_underscores(text: str) -> None:
    assert is_name(text)
    assert is_peer_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".a",
        "-a",
        "_a",
        "a b",
        "a/b",
        "a" * 65,
        "a\n",
        "é",
        "١",
        "a\0",
        "\u212a",
    ],
)
def test_other_characters_make_an_invalid_name(text: str) -> None:
    assert not is_name(text)
    assert not is_peer_name(text)


@pytest.mark.parametrize("text", [*sorted(RESERVED_PEER_NAMES), "ALL", "Operator"])
def test_a_reserved_word_is_an_address_but_no_name_of_an_agent(text: str) -> None:
    assert is_name(text)
    assert not is_peer_name(text)


def test_two_spellings_of_a_name_are_equal_when_folded() -> None:
    assert fold("Anna") == fold("aNNA") == "anna"
