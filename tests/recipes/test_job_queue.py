"""Recipe: a queue of jobs that workers claim."""

import queue
from collections import Counter

import pytest

from support.chat_model import open_chat_model
from support.recipe_house import Room, open_house, open_room

pytestmark = pytest.mark.e2e
JOBS = [f"job number {number}" for number in range(12)]
WORKERS = ("ann", "bob", "cleo")


def answers(room: Room) -> Counter[int]:
    """Return how often each job was answered, by its number."""
    jobs = {m["seq"] for m in room.questions("boss")}
    return Counter(
        m["reply_to"]
        for m in room.history()
        if m["reply_to"] in jobs and m["from_kind"] == "agent"
    )


def test_every_job_is_done_exactly_once_although_a_worker_dies(room: Room) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        stuck = {"name": "ann", "LEASE_SECONDS": "1", **model.variables()}
        room.run("job_queue", "worker", **stuck)
        room.run("job_queue", "boss")
        order = room.tell("boss", "\n".join(JOBS), expects_reply="boss")
        held = room.wait_for(lambda m: m["claimed_by"] == "ann")
        room.agents["ann"].kill()
        for name in WORKERS[1:]:
            room.run("job_queue", "worker", name=name)
        report = room.answer(order)["text"].splitlines()
        gate.put("too late")
    assert [line.partition(" = ")[0] for line in report] == JOBS
    assert all("= 3 words (by " in line for line in report)
    assert "ann" not in "".join(report)
    assert list(answers(room).values()) == [1] * len(JOBS)
    assert held["seq"] in answers(room)


def test_a_worker_that_lost_its_claim_says_nothing(room: Room) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    with open_chat_model(lambda _: gate.get()) as model:
        slow = {"name": "ann", "LEASE_SECONDS": "1", **model.variables()}
        room.run("job_queue", "worker", **slow)
        boss = room.seat("boss")
        first = boss.say("a job", expects_reply="anyone")
        room.wait_for(lambda m: m["claimed_by"] == "ann")
        room.run("job_queue", "worker", name="bob")
        assert boss.answer(first)["from"] == "bob"
        gate.put("my result")
        second = boss.say("another job", to="ann")
        gate.put("done")
        assert boss.answer(second)["text"] == "done"
    assert answers(room)[first] == 1, room.transcript()


def test_a_worker_without_a_model_gives_its_job_back(room: Room) -> None:
    with open_chat_model(lambda _: 400) as model:
        room.run("job_queue", "worker", name="ann", **model.variables())
        boss = room.seat("boss")
        job = boss.say("a job", expects_reply="anyone")
        room.wait_for(lambda m: m.get("event") == "reopened")
        room.run("job_queue", "worker", name="bob")
        assert boss.answer(job)["from"] == "bob"


@pytest.mark.parametrize("is_kill", [False, True], ids=["stopped", "killed"])
def test_every_job_is_done_once_although_the_relay_was_restarted(
    tmp_path_factory: pytest.TempPathFactory, *, is_kill: bool
) -> None:
    gate: queue.SimpleQueue[str] = queue.SimpleQueue()
    data = tmp_path_factory.mktemp("restarted") / "data"
    with (
        open_chat_model(lambda _: gate.get()) as model,
        open_house(data, ARGYBARGY_RATE_MAX="0") as house,
        open_room(house, "jobs") as room,
    ):
        room.run("job_queue", "boss")
        for name in WORKERS:
            room.run("job_queue", "worker", name=name, **model.variables())
        order = room.tell("boss", "\n".join(JOBS), expects_reply="boss")
        for name in WORKERS:
            room.wait_for(lambda m, name=name: m["claimed_by"] == name)  # type: ignore[misc]
        house.stop(is_kill=is_kill)
        for _ in JOBS:
            gate.put("done")
        house.start()
        report = room.answer(order)["text"].splitlines()
        assert [line.partition(" (")[0] for line in report] == [
            f"{job} = done" for job in JOBS
        ]
        assert list(answers(room).values()) == [1] * len(JOBS)
        room.close()


def test_jobs_beyond_the_rate_limit_wait_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    limits = {"ARGYBARGY_RATE_MAX": "2", "ARGYBARGY_RATE_WINDOW": "0.5"}
    data = tmp_path_factory.mktemp("limited") / "data"
    with open_house(data, **limits) as house, open_room(house, "jobs") as room:
        room.run("job_queue", "boss")
        for name in WORKERS:
            room.run("job_queue", "worker", name=name)
        report = room.ask("boss", "\n".join(JOBS[:5]))["text"]
        assert report.count("= 3 words") == 5
        assert list(answers(room).values()) == [1] * 5
