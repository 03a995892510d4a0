"""Let a red team attack what a blue team wrote, and ship only what withstands it.

A referee runs the code with each attack, so that only faults that happen count. It runs
what models write: give it a container without network, and nothing to lose.
"""

import ast
import subprocess
import sys

from model import code_of, open_model
from seat import NoAnswer, Seat, play

ATTACKS = 8
MISSES = 2
"""Attacks in a row that find nothing, after which the code may ship."""
RUN_SECONDS = 5
CONTRACT = (
    "parse_price(text) returns whole cents, or raises ValueError; it never raises "
    "anything else, whatever it is given."
)
PROGRAM = """
{code}
try:
    assert type(parse_price({attack})) is int, "this is no whole number"
except ValueError:
    pass
"""


def referee(seat: Seat) -> None:
    """Lead the match, and tell the operator whether to ship."""
    for task in seat.questions():
        try:
            outcome = match(seat, f"{task['text']}\n{CONTRACT}", task["seq"])
        except NoAnswer as reason:
            outcome = f"hold: {reason}"
        seat.reply(task, outcome)


def match(seat: Seat, contract: str, number: int) -> str:
    """Have the code attacked until nothing is found any more."""
    code = code_of(seat.ask("blue", contract, key=f"code-{number}")["text"])
    found: list[str] = []
    tried: list[str] = []
    misses = 0
    while misses < MISSES and len(tried) < ATTACKS:
        wish = "\n".join([contract, code, "Tried:", *tried])
        attack = seat.ask("red", wish, key=f"attack-{number}.{len(tried)}")["text"]
        tried.append(attack)
        fault = fault_of(code, attack)
        misses = 0 if fault else misses + 1
        if fault:
            found.append(attack)
            wish = f"{contract}\n{code}\nparse_price({attack}) fails: {fault}"
            code = code_of(
                seat.ask("blue", wish, key=f"fix-{number}.{len(tried)}")["text"]
            )
    broken = [attack for attack in found if fault_of(code, attack)]
    is_safe = misses == MISSES and not broken
    verdict = "ship" if is_safe else "hold"
    return f"{verdict}: {len(tried)} attacks, {len(found)} faults found.\n{code}"


def fault_of(code: str, attack: str) -> str:
    """Run the code with an attack; return the last line of its error, if any."""
    try:
        value = ast.literal_eval(attack)
    except (ValueError, SyntaxError):
        return ""  # not an input, so not a fault
    program = PROGRAM.format(code=code, attack=repr(value))
    command = [sys.executable, "-I", "-c", program]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no result in {RUN_SECONDS} seconds"
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def blue(seat: Seat) -> None:
    """Write the code, and mend it."""
    think = open_model("Write this function. Answer with all of the code.", write)
    for wish in seat.questions():
        seat.reply(wish, think(wish["text"]))


def red(seat: Seat) -> None:
    """Find an input that breaks the code."""
    role = "Answer with one argument that breaks this code, as a Python literal."
    think = open_model(role, attack)
    for wish in seat.questions():
        seat.reply(wish, think(wish["text"]))


def write(prompt: str) -> str:
    """Write three versions, each against what was found."""
    body = "return int(float(text) * 100)"
    if "Overflow" in prompt:
        body = (
            "euros, _, cents = text.partition('.')\n    return int(euros + cents[:2])"
        )
    if "AttributeError" in prompt:
        body = (
            "euros, _, cents = str(text).partition('.')\n"
            "    return int(euros + cents[:2].ljust(2, '0'))"
        )
    return f"def parse_price(text):\n    {body}"


def attack(prompt: str) -> str:
    """Try one argument after the other."""
    tried = prompt.partition("Tried:")[2]
    for each in ("'1.50'", "'inf'", "None", "''", "'-0'", "[]"):
        if each not in tried:
            return each
    return "'0'"


if __name__ == "__main__":
    play({"referee": referee, "blue": blue, "red": red})
