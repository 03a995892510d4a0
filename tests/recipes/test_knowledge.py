"""Recipes for what agents know and can do: a notebook, and a tool of a peer."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.chat_model import open_chat_model
from support.recipe_house import Room

pytestmark = pytest.mark.e2e
QUESTION = "How is the token cache keyed?"


def test_a_later_session_knows_what_an_earlier_one_has_learned(room: Room) -> None:
    room.run("notebook", "session", name="monday")
    first = room.ask("monday", QUESTION)["text"]
    assert first == "The token cache is keyed by user and scope."
    lesson = room.wait_for(lambda m: m["text"].startswith("Lesson:"))
    room.agents.pop("monday").kill()
    room.run("notebook", "session", name="tuesday")
    second = room.ask("tuesday", QUESTION)["text"]
    assert second == f"{first} (from note #{lesson['seq']})"
    lessons = [m for m in room.history() if m["text"].startswith("Lesson:")]
    assert len(lessons) == 1  # what is known is not written again
    room.close()


def test_a_session_reads_old_lessons_that_fit_before_new_ones_that_do_not(
    room: Room,
) -> None:
    other = room.seat("other")
    for text in ("token cache: by user", *(f"news {n}" for n in range(60))):
        other.say(f"Lesson: {text}")
    with open_chat_model(lambda _: "By user.") as model:
        room.run("notebook", "session", **model.variables())
        assert room.ask("session", QUESTION)["text"] == "By user."
    notes = model.requests[0]["messages"][-1]["content"].splitlines()
    assert notes[0] == "#1 Lesson: token cache: by user"
    assert notes[1] == "#61 Lesson: news 59"
    assert len(notes) == 8 + 2  # eight notes, an empty line, the question


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER, month TEXT)")
        months = ["May"] * 3 + ["June"]
        connection.executemany("INSERT INTO orders VALUES (?, ?)", enumerate(months))
    return path


def test_an_analyst_without_a_database_has_a_peer_ask_it(
    room: Room, database: Path
) -> None:
    room.run("borrow_a_tool", "owner", DATABASE=str(database))
    room.wait_able("owner")
    room.run("borrow_a_tool", "analyst")
    told = room.ask("analyst", "How many orders had we in May?")["text"]
    assert told == "The answer is 3. (asked owner)"
    room.close()


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "DROP TABLE orders",
        "SELECT writefile('/tmp/x', 'y')",
        "ATTACH '/tmp/other.db' AS other",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT count(*) FROM n",
    ],
)
def test_a_query_that_does_more_than_read_a_little_is_refused(
    database: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    import borrow_a_tool  # noqa: PLC0415 - a program of the docs

    monkeypatch.setenv("DATABASE", str(database))
    before = database.read_bytes()
    assert borrow_a_tool.run(query).startswith("error: ")
    assert database.read_bytes() == before
    assert borrow_a_tool.run("SELECT count(*) FROM orders") == "4"
    assert borrow_a_tool.run("SELECT 1 WHERE 0") == "no rows"


def test_a_question_waits_for_somebody_who_can(room: Room, database: Path) -> None:
    room.run("borrow_a_tool", "analyst")
    task = room.tell("analyst", "How many in May?", expects_reply="analyst")
    room.wait_for(lambda m: m["expects_reply"] == "can:sql")
    room.run("borrow_a_tool", "owner", DATABASE=str(database))
    assert room.answer(task)["text"] == "The answer is 3. (asked owner)"


def test_another_owner_answers_when_the_first_one_dies(
    room: Room, database: Path
) -> None:
    first = room.seat("first")
    first.call("PUT", "/me", {"capabilities": ["sql"]})
    room.run("borrow_a_tool", "analyst")
    task = room.tell("analyst", "How many in May?", expects_reply="analyst")
    asked = next(first.questions(lease_seconds=1))  # claims it, and dies
    assert asked["expects_reply"] == "can:sql"
    room.run("borrow_a_tool", "owner", DATABASE=str(database))
    assert room.answer(task)["text"] == "The answer is 3. (asked owner)"


def test_an_analyst_says_when_nobody_has_the_tool(room: Room) -> None:
    room.run("borrow_a_tool", "analyst", PATIENCE_SECONDS="0.3")
    told = room.ask("analyst", "How many?")["text"]
    assert told == "Nobody here has the database at the moment."
