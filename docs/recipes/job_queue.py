"""Work off a queue of jobs: any number of workers claim them, one at a time."""

import os
import time

from model import ModelFailed, open_model
from seat import NoAnswer, Seat, play

OPEN_JOBS = 100
"""Jobs that are in the queue at a time; the relay allows 200 open questions."""
LEASE_SECONDS = int(os.environ.get("LEASE_SECONDS", "300"))
"""Longer than any job: then a job whose worker has died goes to another one."""
PAUSE_SECONDS = 30


def boss(seat: Seat) -> None:
    """Put each line of a list into the queue, and report the results."""
    for order in seat.questions():
        jobs = [line for line in order["text"].splitlines() if line.strip()]
        results = []
        for first in range(0, len(jobs), OPEN_JOBS):
            asked = [
                seat.say(
                    job, expects_reply="anyone", key=f"job-{order['seq']}.{number}"
                )
                for number, job in enumerate(jobs[first : first + OPEN_JOBS], first)
            ]
            results += [result_of(seat, seq) for seq in asked]
        lines = [f"{job} = {result}" for job, result in zip(jobs, results, strict=True)]
        seat.reply(order, "\n".join(lines))


def result_of(seat: Seat, seq: int) -> str:
    """Return the result of a job."""
    try:
        answer = seat.answer(seq)
    except NoAnswer:
        return "not done"
    return f"{answer['text']} (by {answer['from']})"


def worker(seat: Seat) -> None:
    """Do the jobs whose claim it wins."""
    think = open_model("Do this job, and answer with the result alone.", count_words)
    for job in seat.questions(lease_seconds=LEASE_SECONDS):
        try:
            result = think(job["text"])
        except ModelFailed as trouble:
            seat.call("PUT", "/me", {"status": str(trouble)[:120]})
            seat.release(job["seq"])
            time.sleep(PAUSE_SECONDS)  # the others are faster now
            continue
        seat.reply(job, result)


def count_words(prompt: str) -> str:
    """Do a job that needs no model."""
    return f"{len(prompt.split())} words"


if __name__ == "__main__":
    play({"boss": boss, "worker": worker})
