"""Fan a job out to all readers in the room, and gather what they find.

PROJECT is the directory to read; each reader has it, or a copy on its own machine.
"""

import os
from pathlib import Path

from model import open_model
from seat import NoAnswer, Seat, play

PROJECT = Path(os.environ.get("PROJECT", ".")).resolve()
TURNS = 5


def lead(seat: Seat) -> None:
    """Share the files out, and share again what a reader did not read in time."""
    think = open_model("Merge these findings into one short report.", str)
    for job in seat.questions():
        left = sorted(str(path.relative_to(PROJECT)) for path in PROJECT.glob("*.py"))
        found: list[str] = []
        late: set[str] = set()
        for turn in range(TURNS):
            readers = [name for name in seat.peers(can="read") if name not in late]
            shares = {
                name: left[number :: len(readers)]
                for number, name in enumerate(readers[: len(left)])
            }
            asked = {
                name: seat.say(
                    "\n".join([job["text"], *share]),
                    to=name,
                    key=f"read-{job['seq']}.{turn}.{name}",
                )
                for name, share in shares.items()
            }
            for name, seq in asked.items():
                try:
                    found += seat.answer(seq)["text"].splitlines()
                    left = [each for each in left if each not in shares[name]]
                except NoAnswer:
                    late.add(name)
            if not left:
                break
        report = think("\n".join(sorted(found)))
        seat.reply(job, report + (f"\nNot read: {', '.join(left)}" if left else ""))


def reader(seat: Seat) -> None:
    """Read the files of a share, one after the other."""
    seat.call("PUT", "/me", {"capabilities": ["read"]})
    role = "Say what you find in this file, in one line for each place."
    think = open_model(role, list_todos)
    for share in seat.questions():
        wish, *names = share["text"].splitlines()
        found = []
        for name in names:
            path = (PROJECT / name).resolve()
            if path.is_relative_to(PROJECT) and path.is_file():
                seen = think(f"{wish}\n{path.read_text()}")
                found.append(f"{name}: {seen}")
        seat.reply(share, "\n".join(found))


def list_todos(prompt: str) -> str:
    """Find what a search for TODO finds."""
    lines = prompt.splitlines()[1:]
    return " / ".join(line.strip() for line in lines if "TODO" in line) or "nothing"


if __name__ == "__main__":
    play({"lead": lead, "reader": reader})
