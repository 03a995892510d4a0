"""Keep one list in sync on all devices of one person, whichever are awake.

LIST is a file on the device. It is made from the room alone, so that devices that have
read the same messages have the same list, in whatever order they woke up.
"""

import json
import os
import sys
from pathlib import Path

from seat import Message, Seat, play


def device(seat: Seat) -> None:
    """Follow the room; a device that slept reads on from where it stopped."""
    sync(seat)
    for _ in seat.hear():
        sync(seat)


def add(seat: Seat) -> None:
    """Add what stands on the command line."""
    seat.say(f"add {' '.join(sys.argv[2:])}")


def done(seat: Seat) -> None:
    """Take it off the list."""
    seat.say(f"done {' '.join(sys.argv[2:])}")


def show(seat: Seat) -> None:
    """Print the list."""
    for item in sync(seat):
        print(item)


def sync(seat: Seat) -> list[str]:
    """Bring the file up to date and return the items.

    The number of the last message is in the same file, which is replaced in one step:
    a device that dies in between has the old list, and reads the same messages again.
    """
    path = Path(os.environ["LIST"])
    seen, items = json.loads(path.read_text()) if path.exists() else (0, [])
    last = seen
    for message in new_messages(seat, seen):
        verb, _, item = message["text"].strip().partition(" ")
        if verb == "add" and item not in items:
            items.append(item)
        if verb == "done" and item in items:
            items.remove(item)
        last = message["seq"]
    if last != seen:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps([last, items]))
        fresh.replace(path)
    return [str(item) for item in items]


def new_messages(seat: Seat, seen: int) -> list[Message]:
    """Return all messages after a number, own ones as well, oldest first."""
    found: list[Message] = []
    before, more = "", True
    while more:
        page = seat.call("GET", f"/history?limit=500{before}")
        found = [m for m in page["messages"] if m["seq"] > seen] + found
        first = page["messages"][0]["seq"] if page["messages"] else 0
        more = page["more"] and first > seen + 1
        before = f"&before={first}"
    return found


if __name__ == "__main__":
    play({"device": device, "add": add, "done": done, "show": show})
