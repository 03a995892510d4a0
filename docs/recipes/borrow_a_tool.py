"""Ask a peer that has a tool: an analyst without a database asks whoever has one.

DATABASE is the SQLite file of the peer that has it. Nothing is ever written to it.
"""

import os
import sqlite3
from pathlib import Path

from model import code_of, open_model
from seat import NoAnswer, Seat, play

ROWS = 50
STEPS = 5_000_000
"""Steps of SQLite's machine after which a query is cut off: a second or so."""
SCHEMA = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"


def analyst(seat: Seat) -> None:
    """Turn a question into SQL, have it run, and turn the rows into a sentence."""
    write = open_model("Answer with one SQLite query for this question.", to_sql)
    explain = open_model("Answer the question from the rows, in a sentence.", to_words)
    for task in seat.questions():
        try:
            schema = seat.ask("can:sql", SCHEMA, key=f"schema-{task['seq']}")["text"]
            query = code_of(write(f"{schema}\n\n{task['text']}"))
            rows = seat.ask("can:sql", query, key=f"query-{task['seq']}")
        except NoAnswer:
            seat.reply(task, "Nobody here has the database at the moment.")
            continue
        told = explain(f"{task['text']}\n\n{rows['text']}")
        seat.reply(task, f"{told} (asked {rows['from']})")


def owner(seat: Seat) -> None:
    """Run the queries of others, read-only, with a bound on rows and time."""
    seat.call("PUT", "/me", {"capabilities": ["sql"]})
    for asked in seat.questions():
        seat.reply(asked, run(asked["text"]))


def run(query: str) -> str:
    """Return the rows of a query as lines, or the error."""
    path = Path(os.environ["DATABASE"]).resolve()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.set_progress_handler(lambda: 1, STEPS)
    connection.set_authorizer(allow_reading)
    try:
        rows = connection.execute(query).fetchmany(ROWS)
    except (sqlite3.Error, sqlite3.Warning) as trouble:
        return f"error: {trouble}"
    finally:
        connection.close()
    return "\n".join(", ".join(map(str, row)) for row in rows) or "no rows"


def allow_reading(action: int, *_: object) -> int:
    """Allow what reads; deny ATTACH, PRAGMA and everything that writes."""
    reads = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
    return sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY


def to_sql(prompt: str) -> str:
    """Know one query, and pass on what is SQL already."""
    question = prompt.rpartition("\n\n")[2]
    if question.lower().startswith(("select", "delete", "drop")):
        return question
    return "SELECT count(*) FROM orders WHERE month = 'May'"


def to_words(prompt: str) -> str:
    """Repeat the rows."""
    _, _, rows = prompt.rpartition("\n\n")
    return f"The answer is {rows}."


if __name__ == "__main__":
    play({"analyst": analyst, "owner": owner})
