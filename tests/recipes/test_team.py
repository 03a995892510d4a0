"""Recipe: planner, coder, reviewer and tester on one codebase."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.recipe_house import Room

pytestmark = pytest.mark.e2e
TESTS = """
import unittest
from text_tools import slugify

class Slugs(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slugify("Hello, World!"), "hello-world")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_slugs.py").write_text(TESTS)
    return tmp_path


def test_the_code_is_written_again_until_reviewer_and_tests_pass(
    room: Room, project: Path
) -> None:
    for role in ("planner", "coder", "reviewer", "tester"):
        room.run("team", role, PROJECT=str(project))
    told = room.ask("planner", "Write slugify(text) in text_tools.py.")
    assert told["text"] == "Done, in version 3: Write slugify(text) in text_tools.py."
    verdicts = [
        (m["from"], m["choice"]) for m in room.history() if m.get("choice") is not None
    ]
    assert verdicts == [
        ("reviewer", "change"),
        ("reviewer", "approve"),
        ("tester", "fail"),
        ("reviewer", "approve"),
        ("tester", "pass"),
    ]
    check = [sys.executable, "-m", "unittest"]
    subprocess.run(check, cwd=project, check=True, capture_output=True)
    room.close()


def test_a_planner_that_died_goes_on_where_it_stopped(
    room: Room, project: Path
) -> None:
    for role in ("planner", "coder"):
        room.run("team", role, PROJECT=str(project))
    task = room.tell("planner", "Write slugify(text).", expects_reply="planner")
    room.wait_for(lambda m: m["expects_reply"] == "reviewer")  # it waits for the review
    room.agents["planner"].kill()
    for role in ("reviewer", "tester", "planner"):
        room.run("team", role, PROJECT=str(project))
    assert room.answer(task)["text"].startswith("Done, in version 3")
    asked = [m["expects_reply"] for m in room.questions("planner")]
    assert asked.count("coder") == 3  # none of them twice
    assert asked.count("reviewer") == 3
    room.close()


def test_a_coder_that_is_gone_is_reported(room: Room, project: Path) -> None:
    room.run("team", "planner", PROJECT=str(project), PATIENCE_SECONDS="0.3")
    assert room.ask("planner", "Do it.")["text"].startswith("Not done. Nobody has")
    assert [m["question"]["state"] for m in room.questions("planner")] == ["withdrawn"]


def test_a_file_outside_of_the_project_is_not_written(
    room: Room, project: Path
) -> None:
    from support.chat_model import open_chat_model  # noqa: PLC0415

    with open_chat_model(lambda _: "../evil.py\n```python\nx = 1\n```") as model:
        room.run("team", "coder", PROJECT=str(project), **model.variables())
        assert room.ask("coder", "Do it.")["text"].startswith("I have written nothing")
    assert not (project.parent / "evil.py").exists()
