"""Recipes in which agents make each other think: critique, debate, attack."""

import queue

import pytest

from support.chat_model import open_chat_model
from support.recipe_house import Room

pytestmark = pytest.mark.e2e


def test_a_draft_is_written_again_until_all_critics_accept(room: Room) -> None:
    for name in ("editor", "lawyer"):
        room.run("critique", "critic", name=name)
    room.wait_able("editor", "lawyer")
    room.run("critique", "author")
    told = room.ask("author", "Announce the new storage.")["text"]
    assert told == "A message is on the disk before the relay says that it is sent."
    votes = [m["choice"] for m in room.history() if "choice" in m]
    assert sorted(votes[:2]) == ["object", "object"]
    assert votes[2:] == ["accept", "accept"]
    room.close()


def test_a_critic_that_died_is_named_as_an_open_objection(room: Room) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        room.run("critique", "critic", name="lawyer")
        room.run("critique", "critic", name="editor", **model.variables())
        room.wait_able("editor", "lawyer")
        room.run("critique", "author", PATIENCE_SECONDS="0.5")
        task = room.tell("author", "Announce it.", expects_reply="author")
        room.wait_for(lambda m: m["to"] == "editor")
        room.agents["editor"].kill()
        draft, *open_points = room.answer(task)["text"].splitlines()
        gate.put("accept")
    assert draft.startswith("A message is on the disk")
    assert open_points == ["Still open: editor has not read it"]


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_debate_has_its_rounds_and_a_verdict(room: Room, rounds: int) -> None:
    for name in ("llama", "qwen"):
        room.run("debate", "debater", name=name)
    room.run("debate", "moderator", ROUNDS=str(rounds))
    verdict = room.ask("moderator", "Ship today, or wait for the tests?")["text"]
    speeches = [m for m in room.history() if m["from"] in ("llama", "qwen")]
    assert [m["from"] for m in speeches] == ["llama", "qwen"] * rounds
    assert {m["to"] for m in speeches} == {"all"}
    winner = "qwen" if rounds > 1 else "nobody"
    assert verdict.startswith(f"{winner}, after {rounds} rounds.")
    room.close()


def test_every_debater_thinks_with_a_model_of_its_own_and_hears_the_others(
    room: Room,
) -> None:
    with open_chat_model(lambda _: "No: it is too early.") as model:
        for name in ("llama", "qwen"):
            room.run("debate", "debater", name=name, **model.variables(f"{name}-8b"))
        room.run("debate", "moderator", ROUNDS="1")
        room.ask("moderator", "Ship today?")
    first, second = model.requests
    assert (first["model"], second["model"]) == ("llama-8b", "qwen-8b")
    assert "llama: No: it is too early." in second["messages"][-1]["content"]


def test_a_debate_goes_on_without_a_debater_that_died(room: Room) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        room.run("debate", "debater", name="llama", **model.variables())
        room.run("debate", "debater", name="qwen")
        room.wait_able("llama", "qwen")
        room.run("debate", "moderator", PATIENCE_SECONDS="0.5")
        motion = room.tell("moderator", "Ship?", expects_reply="moderator")
        room.wait_for(lambda m: m["expects_reply"] == "llama")
        room.agents["llama"].kill()
        assert room.answer(motion)["text"].startswith("qwen, after 2 rounds.")
        gate.put("late")
    assert [m["from"] for m in room.history() if m["from"] == "qwen"] == ["qwen"] * 2


def test_code_ships_when_two_attacks_in_a_row_find_nothing(room: Room) -> None:
    for role in ("referee", "blue", "red"):
        room.run("red_team", role)
    verdict, _, code = room.ask("referee", "Write parse_price.")["text"].partition("\n")
    assert verdict == "ship: 5 attacks, 2 faults found."
    names: dict[str, object] = {}
    exec(code, names)
    parse_price = names["parse_price"]
    assert callable(parse_price)
    assert parse_price("1.50") == 150
    room.close()


def test_code_that_is_not_mended_is_held_back(room: Room) -> None:
    with open_chat_model(lambda _: "def parse_price(t):\n  return 1 / 0") as model:
        room.run("red_team", "referee")
        room.run("red_team", "red")
        room.run("red_team", "blue", **model.variables())
        verdict = room.ask("referee", "Write parse_price.")["text"].splitlines()[0]
    assert verdict == "hold: 8 attacks, 8 faults found."


def test_an_attack_that_is_no_input_finds_no_fault(room: Room) -> None:
    with open_chat_model(lambda _: "__import__('os').abort()") as model:
        room.run("red_team", "referee")
        room.run("red_team", "blue")
        room.run("red_team", "red", **model.variables())
        verdict = room.ask("referee", "Write parse_price.")["text"].splitlines()[0]
    assert verdict == "ship: 2 attacks, 0 faults found."


def test_without_a_red_team_nothing_ships(room: Room) -> None:
    room.run("red_team", "referee", PATIENCE_SECONDS="0.5")
    room.run("red_team", "blue")
    assert room.ask("referee", "Write parse_price.")["text"].startswith(
        "hold: Nobody has answered"
    )
