"""The module that the recipes share, and that readers copy: `seat`."""

import subprocess
import sys

import pytest

from model import ModelFailed, code_of, complete, pick
from seat import Dismissed, NoAnswer, Refused, Seat
from support.chat_model import open_chat_model
from support.recipe_house import RECIPES, Room, open_house, open_room

pytestmark = pytest.mark.e2e


def test_a_question_that_is_asked_again_in_other_words_has_its_first_answer(
    room: Room,
) -> None:
    ann, bob = room.seat("ann"), room.seat("bob")
    first = ann.say("May I?", to="bob", key="task-1")
    question = next(bob.questions())
    bob.reply(question, "Yes.")
    again = room.seat("ann")  # after a restart, with a model that says it otherwise
    assert again.ask("bob", "Am I allowed to?", key="task-1")["text"] == "Yes."
    assert [m["seq"] for m in room.questions("ann")] == [first]


def test_a_question_that_nobody_answers_is_withdrawn(room: Room) -> None:
    ann, bob = room.seat("ann"), room.seat("bob")
    with pytest.raises(NoAnswer):
        ann.ask("bob", "May I?", patience=0.2)
    (question,) = room.questions("ann")
    assert question["question"]["state"] == "withdrawn"
    ann.say("Never mind?", to="bob")
    assert next(bob.questions())["text"] == "Never mind?"  # not the first one


def test_asking_the_asker_back_leaves_its_question_open(room: Room) -> None:
    ann, bob = room.seat("ann"), room.seat("bob")
    asked = ann.say("Do it.", to="bob")
    next(bob.questions())
    with pytest.raises(NoAnswer):
        bob.ask("ann", "Really?", patience=0.1)
    assert ann.read(asked)["question"]["state"] == "open"


def test_what_was_not_acknowledged_is_heard_again(room: Room) -> None:
    ann = room.seat("ann")
    ann.say("one", to="bob")
    ann.say("two", to="bob")
    assert next(room.seat("bob").questions())["text"] == "one"
    heard = room.seat("bob").questions()
    assert [next(heard)["text"], next(heard)["text"]] == ["one", "two"]


def test_an_agent_is_dismissed_when_nobody_speaks(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("silent") / "data"
    with (
        open_house(
            data, ARGYBARGY_MAX_IDLE_SECONDS="1", ARGYBARGY_MAX_WAIT="1"
        ) as house,
        open_room(house, "silent") as room,
        pytest.raises(Dismissed, match="idle_timeout"),
    ):
        next(room.seat("ann").hear())


def test_a_code_that_is_no_code_dismisses_and_another_server_is_named(
    room: Room,
) -> None:
    with pytest.raises(Dismissed):
        Seat(room.house.address, "argy_a1_nonsense")
    with open_chat_model(str) as model, pytest.raises(Refused, match="not_the_relay"):
        Seat(f"http://127.0.0.1:{model.port}", "code")


def test_the_program_exchanges_an_invite_for_a_code(room: Room) -> None:
    invite = {"room": room.name}
    link = room.house.admin("POST", "/admin/invites", invite)["link"]
    command = [sys.executable, str(RECIPES / "seat.py"), link, "dora"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    word, relay, code = done.stdout.split()
    assert (word, relay) == ("export", f"RELAY={room.house.address}")
    assert Seat(room.house.address, code.removeprefix("CODE=")).name == "dora"


def test_a_model_is_told_its_role_and_tried_again_after_a_failure() -> None:
    answers = iter((503, "Yes."))
    with open_chat_model(lambda _: next(answers)) as model:
        base = f"http://127.0.0.1:{model.port}/v1"
        assert complete(base, "small", "You judge.", "Is it right?") == "Yes."
    assert len(model.requests) == 2
    assert model.requests[0]["messages"] == [
        {"role": "system", "content": "You judge."},
        {"role": "user", "content": "Is it right?"},
    ]


def test_a_model_that_refuses_is_not_tried_again() -> None:
    with open_chat_model(lambda _: 404) as model:
        base = f"http://127.0.0.1:{model.port}/v1"
        with pytest.raises(ModelFailed, match=r"small at .*: 404"):
            complete(base, "small", "", "")
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        ("approve: good", "approve"),
        ("**Approve** it.", "approve"),
        ("change it", "change"),
        ("I would approve", "change"),
        ("", "change"),
    ],
)
def test_a_choice_is_what_an_answer_begins_with_else_the_careful_one(
    answer: str, choice: str
) -> None:
    assert pick(answer, ("approve", "change")) == choice


def test_the_longest_choice_that_fits_is_taken() -> None:
    assert pick("disk-usage", ("disk", "disk-usage", "none")) == "disk-usage"


@pytest.mark.parametrize(
    "answer",
    ["x = 1\n", "Here it is:\n```python\nx = 1\n```\nDone.", "```\nx = 1\n```"],
)
def test_code_is_read_with_and_without_a_fence(answer: str) -> None:
    assert code_of(answer) == "x = 1\n"
