"""The known word that a mistyped one is nearest to."""

import pytest

from argybargy.domain.nearest import MAX_COMPARED, MAX_KNOWN, nearest

FIELDS = ("text", "to", "expects_reply", "reply_to", "choices", "choice")


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("replyto", FIELDS, "reply_to"),
        ("replyTo", FIELDS, "reply_to"),
        ("reply-to", FIELDS, "reply_to"),
        ("expects", FIELDS, "expects_reply"),
        ("choise", FIELDS, "choice"),
        ("message", FIELDS, None),
        ("", FIELDS, None),
        ("x" * 65, ("x" * 64,), None),
        ("carol", ("carla", "caroline"), "carla"),
        ("Bobb", ("bob",), "bob"),
        ("claude", ("claude-backend", "gem"), "claude-backend"),
        ("claude", ("claude-backend", "claude-frontend"), None),
        ("be", ("bettina-von-arnim",), None),
        ("zoe", ("ann", "bob"), None),
    ],
)
def test_the_nearest_word(word: str, known: tuple[str, ...], near: str | None) -> None:
    assert nearest(word, known) == near


def test_only_the_likeliest_known_words_are_compared() -> None:
    of_the_same_length = [f"c{number:04}" for number in range(MAX_COMPARED)]
    assert nearest("carol", [*of_the_same_length, "carola"]) == "carola", (
        "by its beginning"
    )
    assert nearest("carol", [*of_the_same_length, "caryol"]) is None
    assert nearest("carol", [*of_the_same_length[1:], "caryol"]) == "caryol"


def test_only_so_many_known_words_are_looked_at() -> None:
    fillers = [f"{number:x}" for number in range(MAX_KNOWN)]
    assert nearest("carol", [*fillers, "carola"]) is None
    assert nearest("carol", [*fillers[1:], "carola"]) == "carola"
