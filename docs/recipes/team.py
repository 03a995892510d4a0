"""Change one codebase with a planner, a coder, a reviewer and a tester.

PROJECT is the directory of the code; the coder, the reviewer and the tester see it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from model import code_of, open_model, pick
from seat import NoAnswer, Seat, play

PROJECT = Path(os.environ.get("PROJECT", ".")).resolve()
VERSIONS = 5
TEST_SECONDS = 300


def planner(seat: Seat) -> None:
    """Split a task into steps, and lead each one through the others."""
    think = open_model("Split the task into steps, one a line, at most 5.", str)
    for task in seat.questions():
        steps = [line for line in think(task["text"]).splitlines() if line.strip()]
        try:
            done = [
                build(seat, step, f"{task['seq']}.{number}")
                for number, step in enumerate(steps, 1)
            ]
        except NoAnswer as reason:
            done = [f"Not done. {reason}"]
        seat.reply(task, "\n".join(done))


def build(seat: Seat, step: str, key: str) -> str:
    """Lead one step through coder, reviewer and tester, until both approve.

    The keys make a planner that was restarted find its earlier questions again.
    """
    wish = step
    for version in range(1, VERSIONS + 1):
        mark = f"{key}.{version}"
        written = seat.ask("coder", wish, key=f"code-{mark}")
        for critic, good, bad in (
            ("reviewer", "approve", "change"),
            ("tester", "pass", "fail"),
        ):
            shown = f"{step}\n{written['text']}"
            verdict = seat.ask(
                critic, shown, key=f"{critic}-{mark}", choices=[good, bad]
            )
            if verdict.get("choice") != good:
                wish = f"{step}\nThe {critic} says: {verdict['text']}"
                break
        else:
            return f"Done, in version {version}: {step}"
    return f"Not done after {VERSIONS} versions: {step}"


def coder(seat: Seat) -> None:
    """Write what is wished into a file of the project."""
    role = "Change the code. Answer with the name of one file, and its whole new text."
    think = open_model(role, script_of_the_coder)
    for wish in seat.questions():
        answer = think(f"{wish['text']}\n\n{sources()}")
        named = re.search(r"[\w/-]+\.py", answer)
        path = (PROJECT / named[0]).resolve() if named else PROJECT
        if named and path.is_relative_to(PROJECT):
            code = code_of(answer.partition(named[0])[2].lstrip("\n"))
            path.write_text(code)
            seat.reply(wish, f"I have written {path.relative_to(PROJECT)}.")
        else:
            seat.reply(wish, "I have written nothing: that is no file of the project.")


def reviewer(seat: Seat) -> None:
    """Read the project, and approve it or say what to change."""
    role = "Review the code. Begin with 'approve' or 'change', and say why."
    think = open_model(role, script_of_the_reviewer)
    for asked in seat.questions():
        answer = think(f"{asked['text']}\n\n{sources()}")
        seat.reply(asked, answer, choice=pick(answer, ("approve", "change")))


def tester(seat: Seat) -> None:
    """Run the tests of the project. This needs no model."""
    command = [sys.executable, "-m", "unittest"]
    for asked in seat.questions():
        done = subprocess.run(
            command,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=TEST_SECONDS,
            check=False,
        )
        choice = "fail" if done.returncode else "pass"
        seat.reply(asked, done.stderr[-2000:], choice=choice)


def sources() -> str:
    """Return all code of the project, as a model reads it."""
    files = sorted(PROJECT.glob("**/*.py"))
    return "\n\n".join(f"# {path.name}\n{path.read_text()}" for path in files)


def script_of_the_coder(prompt: str) -> str:
    """Write three versions: a first one, one for the review, one for the tests."""
    body = 'text.replace(" ", "-")'
    if "The reviewer says" in prompt:
        body = 'text.lower().replace(" ", "-")'
    if "The tester says" in prompt:
        body = '"-".join(re.findall(r"[a-z0-9]+", text.lower()))'
    return f"text_tools.py\nimport re\n\n\ndef slugify(text):\n    return {body}\n"


def script_of_the_reviewer(prompt: str) -> str:
    """Insist on lower case."""
    if ".lower()" in prompt.partition("# text_tools.py")[2]:
        return "approve: short and readable."
    return "change: addresses are in lower case."


if __name__ == "__main__":
    play(
        {"planner": planner, "coder": coder, "reviewer": reviewer, "tester": tester},
    )
