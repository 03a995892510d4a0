"""Let one agent propose, and others criticise, until they accept."""

from model import open_model, pick
from seat import NoAnswer, Seat, play

ROUNDS = 4


def author(seat: Seat) -> None:
    """Write a draft, ask every critic, and write it again with their objections."""
    think = open_model("Write what is asked for, in at most 60 words.", write)
    for task in seat.questions():
        draft, objections = think(task["text"]), ["nobody was here to read it"]
        for number in range(1, ROUNDS + 1):
            objections = criticise(seat, draft, f"{task['seq']}.{number}")
            if not objections or number == ROUNDS:
                break
            draft = think("\n".join([task["text"], draft, "Objections:", *objections]))
        note = "".join(f"\nStill open: {each}" for each in objections)
        seat.reply(task, draft + note)


def criticise(seat: Seat, draft: str, key: str) -> list[str]:
    """Return what the critics object to; one that does not answer is named as well."""
    asked = {
        name: seat.say(
            draft, to=name, choices=["accept", "object"], key=f"draft-{key}.{name}"
        )
        for name in seat.peers(can="criticise")
    }
    objections = [] if asked else ["nobody was here to read it"]
    for name, seq in asked.items():
        try:
            verdict = seat.answer(seq)
        except NoAnswer:
            objections.append(f"{name} has not read it")
            continue
        if verdict.get("choice") != "accept":
            objections.append(f"{name}: {verdict['text']}")
    return objections


def critic(seat: Seat) -> None:
    """Criticise as the specialist that the agent is named after."""
    seat.call("PUT", "/me", {"capabilities": ["criticise"]})
    role = f"You are the {seat.name}. Begin with 'accept' or 'object', and say why."
    think = open_model(role, OPINIONS.get(seat.name, lambda _: "accept"))
    for draft in seat.questions():
        opinion = think(draft["text"])
        seat.reply(draft, opinion, choice=pick(opinion, ("accept", "object")))


def write(prompt: str) -> str:
    """Exaggerate at first."""
    if "Objections:" in prompt:
        return "A message is on the disk before the relay says that it is sent."
    return "We guarantee that nobody will ever lose anything again, whatever happens!"


OPINIONS = {
    "lawyer": lambda draft: (
        "object: we guarantee nothing." if "guarantee" in draft else "accept"
    ),
    "editor": lambda draft: (
        "object: no exclamation marks." if "!" in draft else "accept"
    ),
}

if __name__ == "__main__":
    play({"author": author, "critic": critic})
