"""Recipes for the network of one person: devices, local models, watchers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.chat_model import open_chat_model
from support.recipe_house import RECIPES, Room, wait_until

pytestmark = pytest.mark.e2e


def run_once(room: Room, device: str, list_file: Path, *arguments: str) -> str:
    process = room.run("my_devices", *arguments, name=device, LIST=str(list_file))
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    return out


def test_devices_have_the_same_list_although_one_slept_and_one_died(
    room: Room, tmp_path: Path
) -> None:
    lists = {name: tmp_path / name for name in ("laptop", "server")}
    for name, path in lists.items():
        room.run("my_devices", "device", name=name, LIST=str(path))
    run_once(room, "phone", tmp_path / "phone", "add", "milk")
    wait_until(lambda: all("milk" in read(path) for path in lists.values()))

    room.agents["laptop"].kill()  # it sleeps, and misses three messages
    for arguments in (("add", "bread"), ("done", "milk"), ("add", "tea")):
        run_once(room, "phone", tmp_path / "phone", *arguments)
    wait_until(lambda: read(lists["server"]) == ["bread", "tea"])
    assert read(lists["laptop"]) == ["milk"]
    room.run("my_devices", "device", name="laptop", LIST=str(lists["laptop"]))
    wait_until(lambda: read(lists["laptop"]) == ["bread", "tea"])
    assert run_once(room, "phone", tmp_path / "phone", "show") == "bread\ntea\n"


def test_a_list_is_the_same_when_it_is_made_anew_from_many_messages(
    room: Room, tmp_path: Path
) -> None:
    phone = room.seat("phone")
    for number in range(30):
        phone.say(f"add {number}")
        phone.say(f"done {number}")
    phone.say("add milk")
    assert run_once(room, "tablet", tmp_path / "tablet", "show") == "milk\n"


def read(path: Path) -> list[str]:
    return list(json.loads(path.read_text())[1]) if path.exists() else []


def test_two_local_models_answer_and_check_each_other(room: Room) -> None:
    def say(prompt: str) -> str:
        return "Paris, since 987." if "Objection" in prompt else "Lyon."

    def check(prompt: str) -> str:
        return "right." if "Paris" in prompt else "wrong: it is Paris."

    with open_chat_model(say) as one, open_chat_model(check) as other:
        room.run("local_models", "writer", **one.variables("llama3.2"))
        room.run("local_models", "checker", **other.variables("qwen2.5"))
        told = room.ask("writer", "What is the capital of France?")["text"]
    assert told == "Paris, since 987."
    assert [each["model"] for each in one.requests] == ["llama3.2"] * 2
    assert len(other.requests) == 1
    room.close()


def test_an_answer_of_a_local_model_arrives_unchecked_when_the_checker_is_gone(
    room: Room,
) -> None:
    with open_chat_model(lambda _: "Paris.") as model:
        room.run("local_models", "writer", PATIENCE_SECONDS="0.3", **model.variables())
        assert room.ask("writer", "The capital of France?")["text"] == "Paris."


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"OPENAI_BASE_URL": "https://8.8.8.8/v1"}, "8.8.8.8 is outside"),
        ({"OPENAI_BASE_URL": "http://[2001:4860:4860::8888]/v1"}, "is outside"),
        ({}, "Set OPENAI_BASE_URL to an address"),
        ({"RELAY": "https://1.1.1.1"}, "RELAY: 1.1.1.1 is outside"),
    ],
)
def test_an_agent_with_something_outside_of_the_network_does_not_start(
    room: Room, variables: dict[str, str], reason: str
) -> None:
    relay = variables.pop("RELAY", "")
    agent = room.run("local_models", "writer", relay=relay, **variables)
    _, errors = agent.communicate(timeout=20)
    assert agent.returncode == 1
    assert reason in errors


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A log, a service that is broken, and a remedy that mends it."""
    (tmp_path / "app.log").write_text("INFO started\n")
    (tmp_path / "broken").touch()
    restart = ["rm", str(tmp_path / "broken")]
    (tmp_path / "remedies.json").write_text(json.dumps({"restart": restart}))
    return tmp_path


def break_down(place: Path, times: int = 50) -> None:
    with (place / "app.log").open("a") as log:
        for number in range(times):
            log.write(f"12:00:{number:02} ERROR pool is exhausted ({number} waiting)\n")


def variables(place: Path) -> dict[str, str]:
    return {
        "LOG": str(place / "app.log"),
        "REMEDIES": str(place / "remedies.json"),
        "LOOK_SECONDS": "0.2",
    }


def watch(room: Room, place: Path, name: str = "watcher", **more: str) -> None:
    room.run("watchers", "watcher", name=name, **variables(place), **more)
    position = place / f"app.log.{name}"
    wait_until(lambda: position.exists() and position.read_text() != "")


def test_fifty_errors_are_one_incident_which_the_fixer_ends(
    room: Room, place: Path
) -> None:
    room.run("watchers", "fixer", **variables(place))
    watch(room, place)
    break_down(place)
    over = room.wait_for(lambda m: "is over" in m["text"])
    assert over["text"].startswith("Incident pool is exhausted waiting is over. fixer")
    assert not (place / "broken").exists()
    (call,) = room.questions("watcher")
    assert call["expects_reply"] == "anyone"
    assert call["question"]["state"] == "answered"
    room.close()


def test_another_error_during_an_incident_is_an_incident_of_its_own(
    room: Room, place: Path
) -> None:
    watch(room, place)
    break_down(place)
    room.wait_for(lambda m: "Incident pool" in m["text"])
    break_down(place)
    with (place / "app.log").open("a") as log:
        log.write("12:01 ERROR disk is full\n")
    room.run("watchers", "fixer", **variables(place))
    room.wait_for(lambda m: "Incident disk is full is over" in m["text"])
    assert len(room.questions("watcher")) == 2


def test_two_watchers_of_one_log_call_once(room: Room, place: Path) -> None:
    watch(room, place, "one")
    break_down(place)
    room.wait_for(lambda m: "Incident" in m["text"])
    (place / "app.log.two").write_text("0")  # it reads the same errors
    room.run("watchers", "watcher", name="two", **variables(place))
    size = str((place / "app.log").stat().st_size)
    wait_until(lambda: (place / "app.log.two").read_text() == size)
    assert len(room.questions("one") + room.questions("two")) == 1


def test_the_human_is_called_when_no_fixer_answers(room: Room, place: Path) -> None:
    watch(room, place, PATIENCE_SECONDS="0.3")
    break_down(place)
    call = room.wait_for(lambda m: m["to"] == "operator")
    assert call["question"]["state"] == "open"
    assert "No fixer has answered." in call["text"]


def test_the_human_is_called_when_the_errors_go_on(room: Room, place: Path) -> None:
    line = f"echo '12:01 ERROR pool is exhausted (9 waiting)' >> {place}/app.log"
    loop = f"for i in $(seq 60); do {line}; sleep 0.05; done"
    remedies = {"restart": ["sh", "-c", f"({loop}) > /dev/null 2>&1 &"]}
    (place / "remedies.json").write_text(json.dumps(remedies))
    room.run("watchers", "fixer", **variables(place))
    watch(room, place)
    break_down(place, times=1)
    call = room.wait_for(lambda m: m["to"] == "operator")
    assert "restart: exit 0" in call["text"]
    assert call["text"].endswith("The errors go on.")


def test_a_watcher_reads_on_after_a_restart_where_it_stopped(
    room: Room, place: Path
) -> None:
    watch(room, place)
    room.agents["watcher"].kill()
    break_down(place, times=3)
    room.run("watchers", "watcher", **variables(place))
    call = room.wait_for(lambda m: "Incident" in m["text"])
    assert call["text"].count("ERROR") == 3


def test_every_recipe_says_how_to_call_it() -> None:
    for script in sorted(RECIPES.glob("*.py")):
        if script.stem in {"seat", "model", "local_models"}:
            continue
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"Usage: {script} "), done.stderr
