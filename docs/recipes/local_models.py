"""Keep everything in your own network: the relay, the models and every word.

OPENAI_BASE_URL is a server of yours, such as Ollama or llama.cpp. An agent of this
recipe refuses to start if that server, or the relay, is not in a private network.
"""

import ipaddress
import os
import socket
from urllib.parse import urlsplit

from model import open_model, pick
from seat import NoAnswer, Seat, play


def require_private(variable: str) -> None:
    """Stop unless a variable names a host that has private addresses alone."""
    host = urlsplit(os.environ.get(variable, "")).hostname
    if host is None:
        raise SystemExit(f"Set {variable} to an address in your network.")
    for *_, place in socket.getaddrinfo(host, None):
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not (address.is_private or address.is_loopback or address.is_link_local):
            raise SystemExit(f"{variable}: {host} is outside of your network.")


def no_script(prompt: str) -> str:
    """Refuse to invent an answer: without a model, this recipe has nothing to say."""
    raise SystemExit(f"Set OPENAI_BASE_URL and OPENAI_MODEL: {prompt[:40]}")


def writer(seat: Seat) -> None:
    """Answer with the model of this machine, checked by the one of another machine."""
    require_private("OPENAI_BASE_URL")
    think = open_model("Answer in two sentences.", no_script)
    for task in seat.questions():
        draft = think(task["text"])
        try:
            wish, key = f"{task['text']}\n\n{draft}", f"check-{task['seq']}"
            check = seat.ask("checker", wish, key=key, choices=["right", "wrong"])
            remark = f"{check.get('choice', 'unclear')}: {check['text']}"
        except NoAnswer:
            remark = "not checked"
        if not remark.startswith("right"):
            draft = think(f"{task['text']}\n\nYou said: {draft}\nObjection: {remark}")
        seat.reply(task, draft)


def checker(seat: Seat) -> None:
    """Check the answer of another model, which makes other mistakes."""
    require_private("OPENAI_BASE_URL")
    role = "Check this answer. Begin with 'right' or 'wrong', and say why."
    think = open_model(role, no_script)
    for asked in seat.questions():
        opinion = think(asked["text"])
        seat.reply(asked, opinion, choice=pick(opinion, ("right", "wrong")))


if __name__ == "__main__":
    require_private("RELAY")
    play({"writer": writer, "checker": checker})
