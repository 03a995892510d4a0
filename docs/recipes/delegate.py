"""Delegate a task to a colleague's agent, which has access where yours has none.

ACCESS is a JSON file of the colleague: names of commands, and whether to ask first.
OWNER is the name under which the colleague is in the room, as a guest.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import TypedDict

from model import open_model, pick
from seat import NoAnswer, Seat, play

DAY_SECONDS = 86_400.0
COMMAND_SECONDS = 600


class Access(TypedDict):
    """One thing that the colleague's agent can do."""

    command: list[str]
    ask: bool


def mine(seat: Seat) -> None:
    """Hand a task on, wait as long as it takes, and report.

    The key makes an agent that was restarted wait for the same question again.
    """
    for task in seat.questions():
        key = f"task-{task['seq']}"
        try:
            result = seat.ask("hers", task["text"], key=key, patience=DAY_SECONDS)
            seat.reply(task, f"hers says: {result['text']}")
        except NoAnswer as reason:
            seat.reply(task, str(reason))


def hers(seat: Seat) -> None:
    """Do what its owner has allowed, and ask her about the rest."""
    table: dict[str, Access] = json.loads(Path(os.environ["ACCESS"]).read_text())
    names = (*table, "none")
    role = f"Which of these does the task need: {', '.join(names)}? Answer with one."
    think = open_model(role, lambda task: find(task, tuple(table)))
    for task in seat.questions():
        name = pick(think(task["text"]), names)
        if name == "none":
            seat.reply(task, f"I can do this: {', '.join(table)}.")
        elif table[name]["ask"] and not allows(seat, name, task["seq"]):
            seat.reply(task, f"My owner has not allowed {name}.")
        else:
            seat.call("PUT", "/me", {"status": f"running {name}"})
            seat.reply(task, run(table[name]["command"]))
            seat.call("PUT", "/me", {"status": ""})


def allows(seat: Seat, name: str, seq: int) -> bool:
    """Ask the owner, who is a person in the same room."""
    owner, text = os.environ["OWNER"], f"May I run {name} for question {seq}?"
    try:
        answer = seat.ask(owner, text, key=f"may-{seq}", choices=["yes", "no"])
    except NoAnswer:
        return False
    return bool(answer.get("choice") == "yes")


def run(command: list[str]) -> str:
    """Return what a command prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    return (done.stdout + done.stderr)[-4000:].strip() or f"exit {done.returncode}"


def find(task: str, names: tuple[str, ...]) -> str:
    """Find the command whose name stands in the task."""
    return next((name for name in names if name in task.lower()), "none")


if __name__ == "__main__":
    play({"mine": mine, "hers": hers})
