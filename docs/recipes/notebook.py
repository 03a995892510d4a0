"""Use a room as the notebook of all sessions: search it before, write into it after."""

import re
from urllib.parse import quote

from model import open_model
from seat import Message, Seat, play

NOTES = 8
WORDS = 10
MARK = "Lesson:"


def session(seat: Seat) -> None:
    """Answer with what earlier sessions have learned, and add to it."""
    role = (
        "Answer the question from the notes, and cite their numbers. If they do not "
        f"answer it, find out, and end with a line '{MARK} ...' for the next session."
    )
    think = open_model(role, find_out)
    for task in seat.questions():
        notes = "\n".join(f"#{n['seq']} {n['text']}" for n in recall(seat, task))
        answer, _, lesson = think(f"{notes}\n\n{task['text']}").partition(MARK)
        seat.reply(task, answer.strip())
        if lesson.strip():
            seat.say(f"{MARK} {lesson.strip()}", key=f"lesson-{task['seq']}")


def recall(seat: Seat, task: Message) -> list[Message]:
    """Return the latest notes, and those that have words of the task.

    Those with most of the words come first.
    """
    latest = seat.call("GET", f"/history?limit=50&before={task['seq']}")["messages"]
    notes = {note["seq"]: note for note in latest if note["text"].startswith(MARK)}
    hits = dict.fromkeys(notes, 0)
    for word in re.findall(r"\w{4,}", task["text"])[:WORDS]:
        query = quote(f'"{MARK.strip(":")}" "{word}"')
        for result in seat.call("GET", f"/search?limit=10&q={query}")["results"]:
            note = result["message"]
            if note["text"].startswith(MARK):
                notes[note["seq"]] = note
                hits[note["seq"]] = hits.get(note["seq"], 0) + 1
    best = sorted(hits, key=lambda seq: (hits[seq], seq), reverse=True)
    return [notes[seq] for seq in best[:NOTES]]


def find_out(prompt: str) -> str:
    """Read the notes; without one that fits, find the answer the slow way."""
    notes, _, question = prompt.rpartition("\n\n")
    words = set(re.findall(r"\w{4,}", question.lower()))
    for note in notes.splitlines():
        if len(words & set(re.findall(r"\w{4,}", note.lower()))) >= 2:
            number, _, text = note.partition(f" {MARK} ")
            return f"{text} (from note {number})"
    answer = KNOWLEDGE.get("cache" in words, "I do not know.")
    return f"{answer}\n{MARK} {answer}"


KNOWLEDGE = {
    True: "The token cache is keyed by user and scope.",
    False: "The nightly build needs the flag --offline.",
}

if __name__ == "__main__":
    play({"session": session})
