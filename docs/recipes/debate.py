"""Let several models debate a question, in rounds, and a moderator judge it."""

import os

from model import open_model, pick
from seat import Message, NoAnswer, Seat, play

ROUNDS = int(os.environ.get("ROUNDS", "2"))
SEATS = int(os.environ.get("SEATS", "2"))


def moderator(seat: Seat) -> None:
    """Give everybody the word in each round, and pronounce a verdict."""
    role = "Judge this debate. Begin with the name of the speaker who convinces you."
    think = open_model(role, count_evidence)
    for motion in seat.questions():
        speakers = seat.peers(can="debate", at_least=SEATS)
        said = [f"Motion: {motion['text']}"]
        for number in range(1, ROUNDS + 1):
            for name in speakers:
                wish = f"Round {number} of {ROUNDS}, {name}: {motion['text']}"
                key = f"word-{motion['seq']}.{number}.{name}"
                try:
                    speech = seat.ask("all", wish, key=key, expects_reply=name)
                    said.append(f"{name}: {speech['text']}")
                except NoAnswer:
                    said.append(f"({name} does not speak in round {number}.)")
        verdict = think("\n".join(said))
        winner = pick(verdict, (*(name.lower() for name in speakers), "nobody"))
        seat.reply(motion, f"{winner}, after {ROUNDS} rounds. {verdict}")


def debater(seat: Seat) -> None:
    """Speak when the moderator gives the word, with all that was said before."""
    seat.call("PUT", "/me", {"capabilities": ["debate"]})
    role = f"You are {seat.name} in a debate. Answer the others, in two sentences."
    think = open_model(role, lambda prompt: script(seat.name, prompt))
    for word in seat.questions():
        before = seat.call("GET", f"/history?limit=50&before={word['seq']}")["messages"]
        speech = think("\n".join([*map(line, before), word["text"]]))
        seat.reply(word, speech, to="all")


def line(message: Message) -> str:
    """Return a message as a line of a transcript."""
    return f"{message['from']}: {message['text']}"


def script(name: str, prompt: str) -> str:
    """Claim in the first round, and give evidence in the second."""
    is_first = "Round 1" in prompt.splitlines()[-1]
    if name == "qwen":
        return "Wait for the tests." if is_first else "Measured: 1 in 9 releases broke."
    return "Ship it now." if is_first else "Users have waited for long enough."


def count_evidence(prompt: str) -> str:
    """Find the first speaker who has measured something."""
    for speech in prompt.splitlines():
        if "Measured" in speech:
            return f"{speech.partition(':')[0]} has figures."
    return "nobody has figures."


if __name__ == "__main__":
    play({"moderator": moderator, "debater": debater})
