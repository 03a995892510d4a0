"""Let the agents of two organisations talk about one thing, and about nothing else.

STOCK is a file of the supplier: lines of 'item, pieces, what we paid'. The last column
is never shown to a model, so that no prompt can get it out.
"""

import os
import sys
from pathlib import Path

from model import open_model
from seat import NoAnswer, Seat, play

ORDER_LIMIT = 100
"""Pieces that the supplier promises without asking its human."""


def supplier(seat: Seat) -> None:
    """Answer questions of the other side, from the public columns alone."""
    role = "You sell these items. Answer in a sentence; you know nothing else."
    think = open_model(role, look_up)
    for asked in seat.questions():
        wanted = max((int(w) for w in asked["text"].split() if w.isdigit()), default=0)
        if wanted > ORDER_LIMIT and not allows(seat, asked["text"], asked["seq"]):
            seat.reply(asked, "We cannot promise so many.")
            continue
        rows = [line.split(",")[:2] for line in read_stock()]
        table = "\n".join(f"{item.strip()}: {pieces.strip()}" for item, pieces in rows)
        seat.reply(asked, think(f"{table}\n\nThey ask: {asked['text']}"))


def allows(seat: Seat, text: str, seq: int) -> bool:
    """Ask the supplier's own human about a large order."""
    wish = f"May I promise this? {text}"
    try:
        answer = seat.ask("operator", wish, key=f"order-{seq}", choices=["yes", "no"])
    except NoAnswer:
        return False
    return bool(answer.get("choice") == "yes")


def read_stock() -> list[str]:
    """Return the lines of the stock."""
    return Path(os.environ["STOCK"]).read_text().splitlines()


def buyer(seat: Seat) -> None:
    """Ask the supplier what stands on the command line, and print the answer."""
    question = " ".join(sys.argv[2:])
    try:
        print(seat.ask("supplier", question)["text"])
    except NoAnswer as reason:
        raise SystemExit(str(reason)) from None


def look_up(prompt: str) -> str:
    """Find the item that is asked for."""
    table, _, question = prompt.partition("\n\n")
    for row in table.splitlines():
        item, _, pieces = row.partition(": ")
        if item in question:
            return f"We have {pieces} {item}."
    return "We do not have that."


if __name__ == "__main__":
    play({"supplier": supplier, "buyer": buyer})
