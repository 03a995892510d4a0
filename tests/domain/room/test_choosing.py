"""Questions with choices, and replies that take one."""

import attrs
import pytest

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.room.commands import Post
from support.room import UNHURRIED, Scene, post

OFFERED = ("Red", "dark blue")


def problems(error: RelayError) -> list[dict[str, str]]:
    assert error.problem is Problem.INVALID_REQUEST
    found = error.facts["errors"]
    assert isinstance(found, list)
    return found


def choosing(sender: str, choice: str, text: str = "", **how: object) -> Post:
    return attrs.evolve(post(sender, text, **how), choice=choice)  # type: ignore[arg-type]


def asking(sender: str = "anna", **how: object) -> Post:
    return attrs.evolve(post(sender, "which?", **how), choices=OFFERED)  # type: ignore[arg-type]


def test_a_choice_answers_and_is_its_own_text_as_it_was_offered() -> None:
    scene = Scene()
    scene.do(asking(to="bob"))
    assert scene.message(1).choices == OFFERED
    scene.do(choosing("bob", "DARK BLUE", reply_to=1))
    answer = scene.newest
    assert (answer.text, answer.choice) == ("dark blue", "dark blue")
    assert scene.open_questions == []
    scene.restart()
    assert scene.message(2).choice == "dark blue"


def test_a_choice_may_come_with_a_text_of_its_own() -> None:
    scene = Scene()
    scene.do(asking(expects="anyone"))
    scene.do(choosing("bob", "red", "Red, but soon.", reply_to=1))
    assert (scene.newest.text, scene.newest.choice) == ("Red, but soon.", "Red")


def test_a_text_without_a_choice_answers_as_well() -> None:
    scene = Scene()
    scene.do(asking(to="bob"))
    scene.post("bob", "neither", reply_to=1)
    assert scene.newest.choice is None
    assert scene.open_questions == []


def test_a_choice_of_a_question_older_than_the_tail_is_known() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=1))
    scene.do(asking(expects="anyone"))
    scene.post("carol")
    assert 1 not in scene.room.messages
    scene.do(choosing("bob", "red", reply_to=1))
    assert scene.newest.text == "Red"


@pytest.mark.parametrize(
    "command",
    [
        asking(),
        asking(to="bob carol"),
        asking(expects="none"),
        asking(expects="anna"),
        asking(to="anna"),
    ],
)
def test_only_a_question_to_somebody_offers_choices(command: Post) -> None:
    scene = Scene()
    (found,) = problems(scene.refusal(command))
    assert found["field"] == "choices"
    assert scene.room.head == 0


def test_only_a_choice_that_is_offered_is_taken() -> None:
    scene = Scene()
    scene.do(asking(to="bob"))
    scene.post("anna", "why?", to="bob")
    told = {
        choosing("bob", "green", reply_to=1): "message 1 offers 'Red', 'dark blue'",
        choosing("bob", "red", reply_to=2): (
            "message 2 offers no choices: answer it with text"
        ),
        choosing("bob", "red"): (
            "only a reply takes a choice: name the question with reply_to"
        ),
    }
    for command, said in told.items():
        error = scene.refusal(command)
        assert problems(error) == [{"field": "choice", "problem": said}]
    assert scene.room.head == 2


def test_a_retry_gets_the_first_message_and_another_choice_is_a_conflict() -> None:
    scene = Scene()
    scene.do(asking(to="bob", key="q"))
    assert scene.do(asking(to="bob", key="q")).is_duplicate  # type: ignore[union-attr]
    other = attrs.evolve(asking(to="bob", key="q"), choices=("Red", "green"))
    assert scene.refusal(other).problem is Problem.IDEMPOTENCY_CONFLICT
    scene.do(choosing("bob", "red", reply_to=1, key="a"))
    again = scene.do(choosing("bob", "RED", reply_to=1, key="a"))
    assert again.is_duplicate  # type: ignore[union-attr]
    error = scene.refusal(choosing("bob", "dark blue", reply_to=1, key="a"))
    assert error.problem is Problem.IDEMPOTENCY_CONFLICT


def test_a_post_without_choices_has_the_digest_of_earlier_versions() -> None:
    assert post("anna", "hello", to="bob").digest.hex() == (
        "fa5eafcd894d43150a32ab91f7296907"
    )


def test_a_retry_whose_message_has_left_memory_has_its_choice_as_text() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, tail_messages=1))
    scene.do(asking(to="bob"))
    first = choosing("bob", "red", reply_to=1, key="a")
    scene.do(first)
    scene.post("carol")
    again = scene.do(first).message  # type: ignore[union-attr]
    assert (again.seq, again.text, again.choice) == (2, "Red", "Red")
