"""Recipe: fan a job out, and gather what comes back."""

import queue
from pathlib import Path

import pytest

from support.chat_model import open_chat_model
from support.recipe_house import Room

pytestmark = pytest.mark.e2e
FILES = 7


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for number in range(FILES):
        text = f"x = {number}\n# TODO: number {number}\n"
        (tmp_path / f"part{number}.py").write_text(text)
    return tmp_path


def found_in(report: str) -> list[str]:
    return sorted(line.partition(":")[0] for line in report.splitlines())


ALL = [f"part{number}.py" for number in range(FILES)]


def test_each_file_is_read_by_one_of_the_readers(room: Room, project: Path) -> None:
    for name in ("ann", "bob", "cleo"):
        room.run("fan_out", "reader", name=name, PROJECT=str(project))
    room.wait_able("ann", "bob", "cleo")
    room.run("fan_out", "lead", PROJECT=str(project))
    report = room.ask("lead", "List what is to do.")["text"]
    assert found_in(report) == ALL
    assert "part3.py: # TODO: number 3" in report
    shares = [m["text"].splitlines()[1:] for m in room.questions("lead")]
    assert sorted(map(len, shares)) == [2, 2, 3]
    room.close()


def test_the_share_of_a_reader_that_died_is_read_by_the_others(
    room: Room, project: Path
) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        room.run(
            "fan_out", "reader", name="ann", PROJECT=str(project), **model.variables()
        )
        room.run("fan_out", "reader", name="bob", PROJECT=str(project))
        room.wait_able("ann", "bob")
        room.run("fan_out", "lead", PROJECT=str(project), PATIENCE_SECONDS="1.5")
        job = room.tell("lead", "List what is to do.", expects_reply="lead")
        room.wait_for(lambda m: m["to"] == "ann")
        room.agents["ann"].kill()
        assert found_in(room.answer(job)["text"]) == ALL
        gate.put("too late")
    states = {m["to"]: m["question"]["state"] for m in room.questions("lead")[:2]}
    assert states == {"ann": "withdrawn", "bob": "answered"}
    assert [m["to"] for m in room.questions("lead")[2:]] == ["bob"]
