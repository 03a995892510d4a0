"""Work under a human's eye: ask before what is risky, and stop when told to.

PLAN is a file with a command a line; a line that begins with '?' needs a yes first.
"""

import os
import shlex
import subprocess
from pathlib import Path

from seat import Message, NoAnswer, Seat, play

STEP_SECONDS = 600


def deployer(seat: Seat) -> None:
    """Carry out the plan, and report what was done and what was not."""
    for task in seat.questions():
        steps = Path(os.environ["PLAN"]).read_text().splitlines()
        report = []
        for number, step in enumerate(filter(None, steps), 1):
            if is_told_to_stop(seat, task):
                report.append(f"Stopped before: {step}")
                break
            report.append(carry_out(seat, step, f"{task['ts']} {number}"))
        seat.reply(task, "\n".join(report))


def carry_out(seat: Seat, step: str, mark: str) -> str:
    """Do one step, at most once: the journal remembers those that were begun."""
    command = step.lstrip("? ")
    journal = Path(f"{os.environ['PLAN']}.journal")
    noted = journal.read_text().splitlines() if journal.exists() else []
    if f"{mark} done" in noted:
        return f"done: {command}"
    if f"{mark} begins" in noted:
        if not may(seat, f"I was restarted during this. Again? {command}", f"{mark}+"):
            return f"in doubt: {command}"
    elif step.startswith("?") and not may(seat, f"May I run this? {command}", mark):
        return f"not allowed: {command}"
    seat.call("PUT", "/me", {"status": f"running {command}"[:120]})
    note(journal, f"{mark} begins")
    done = subprocess.run(
        shlex.split(command),
        capture_output=True,
        timeout=STEP_SECONDS,
        check=False,
    )
    note(journal, f"{mark} done")
    return (
        f"exit {done.returncode}: {command}" if done.returncode else f"done: {command}"
    )


def note(journal: Path, line: str) -> None:
    """Write a line into the journal, onto the disk."""
    with journal.open("a") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def may(seat: Seat, text: str, key: str) -> bool:
    """Ask the human; everything but a yes in time is a no."""
    try:
        answer = seat.ask("operator", text, key=key, choices=["yes", "no"])
    except NoAnswer:
        return False
    return bool(answer.get("choice") == "yes")


def is_told_to_stop(seat: Seat, task: Message) -> bool:
    """Return whether the human has said stop since the task."""
    return any(
        message["from_kind"] == "operator" and "stop" in message["text"].lower()
        for message in seat.call("GET", "/history?limit=200")["messages"]
        if message["seq"] > task["seq"]
    )


if __name__ == "__main__":
    play({"deployer": deployer})
