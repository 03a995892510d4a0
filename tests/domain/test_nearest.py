"""The known word that a mistyped one is nearest to."""

import pytest

from argybargy.domain.nearest import MAX_COMPARED, nearest

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


def test_only_so_many_known_words_are_compared() -> None:
    fillers = [f"{number:x}" for number in range(MAX_COMPARED)]
    assert nearest("carol", [*fillers, "carol2"]) is None
    assert nearest("carol", [*fillers[1:], "carol2"]) == "carol2"
