"""Let watchers call a fixer when a log shows errors, and a human when it cannot help.

LOG is the file that a watcher follows; REMEDIES is a JSON file of the fixer: names of
commands that it may run. It can run nothing else.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

from model import open_model, pick
from seat import Dismissed, NoAnswer, Seat, play

LOOK_SECONDS = float(os.environ.get("LOOK_SECONDS", "5"))
LINES = 5
COMMAND_SECONDS = 300


def watcher(seat: Seat) -> None:
    """Follow the log, and call for help once for each kind of error.

    A watcher is not dismissed by silence, which is good news; only by a closed room.
    """
    log = Path(os.environ["LOG"])
    mark = log.with_name(f"{log.name}.{seat.name}")  # survives a restart
    position = int(mark.read_text()) if mark.exists() else size_of(log)
    while True:
        page = seat.call("GET", f"/messages?since=next&wait={LOOK_SECONDS}")
        if page["room_closed"]:
            raise Dismissed("The room is closed.")
        errors, position = new_errors(log, position)
        while errors:
            kind = next(iter(errors))
            report = "\n".join([f"Incident {kind}", *errors.pop(kind)[:LINES]])
            if not is_known(seat, kind):
                call_for_help(seat, log, report)
                later, position = new_errors(log, position)
                later.pop(kind, None)  # from before it was over
                errors = later | errors
        mark.write_text(str(position))


def call_for_help(seat: Seat, log: Path, report: str) -> None:
    """Ask a fixer, look whether it helped, and ask the human if it did not."""
    try:
        answer = seat.ask("all", report)
    except NoAnswer:
        seat.say(f"{report}\nNo fixer has answered.", to="operator")
        return
    told = f"{answer['from']} says: {answer['text']}"
    position = size_of(log)
    seat.call("GET", f"/messages?since=next&wait={LOOK_SECONDS}&wake=asks")
    incident = report.splitlines()[0]
    kind = incident.removeprefix("Incident ")
    if kind in new_errors(log, position)[0]:
        seat.say(f"{report}\n{told}\nThe errors go on.", to="operator")
    else:
        seat.say(f"{incident} is over. {told}")


def new_errors(log: Path, position: int) -> tuple[dict[str, list[str]], int]:
    """Return the new errors by kind, and the position in the log after them."""
    if size_of(log) < position:
        position = 0  # a new log
    if size_of(log) == position:
        return {}, position
    with log.open("rb") as file:
        file.seek(position)
        whole, end, _ = file.read().rpartition(b"\n")
    errors: dict[str, list[str]] = {}
    for line in whole.decode(errors="replace").splitlines():
        if "ERROR" in line:
            kind = re.sub(r"\W+|\d+", " ", line.partition("ERROR")[2])
            errors.setdefault(" ".join(kind.split()[:6]), []).append(line[:500])
    return errors, position + len(whole + end)


def size_of(log: Path) -> int:
    """Return the size of the log in bytes; 0 if there is none."""
    return log.stat().st_size if log.exists() else 0


def is_known(seat: Seat, kind: str) -> bool:
    """Return whether another watcher has called for the same reason already."""
    query = quote(f'"Incident {kind}"')
    found = seat.call("GET", f"/search?limit=5&q={query}")
    states = [r["message"].get("question", {}).get("state") for r in found["results"]]
    return "open" in states or "claimed" in states


def fixer(seat: Seat) -> None:
    """Choose a remedy for an incident, and run it."""
    remedies = json.loads(Path(os.environ["REMEDIES"]).read_text())
    names = (*remedies, "none")
    role = f"Which remedy helps: {', '.join(names)}? Answer with one of these words."
    think = open_model(role, lambda _: names[0])
    for incident in seat.questions():
        name = pick(think(incident["text"]), names)
        if name == "none":
            seat.reply(incident, "I have no remedy for this.")
            continue
        done = subprocess.run(
            remedies[name],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        seat.reply(incident, f"{name}: exit {done.returncode}. {done.stdout[-500:]}")


if __name__ == "__main__":
    play({"watcher": watcher, "fixer": fixer})
