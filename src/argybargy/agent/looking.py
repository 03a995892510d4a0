"""Look around, and say what others see: ``who``, ``find``, ``status``, ``me``."""

import argparse
from typing import Any
from urllib.parse import urlencode

from argybargy.agent.errors import Exit
from argybargy.agent.process import Process
from argybargy.agent.reading import client_of
from argybargy.agent.seat import Seat, choose_seat
from argybargy.agent.talking import listed
from argybargy.system.files import is_locked


def who(process: Process, options: argparse.Namespace) -> Exit:
    """Print the peers of the room, and whether they are there.

    Raises:
        AgentError: The relay refuses or is away.
    """
    seat = choose_seat(process, options.seat)
    process.write(client_of(seat).ask("GET", "/peers").text)
    return Exit.OK


def find(process: Process, options: argparse.Namespace) -> Exit:
    """Search messages.

    Raises:
        AgentError: The relay refuses or is away.
    """
    seat = choose_seat(process, options.seat)
    query = urlencode({"q": " ".join(options.words), "limit": options.limit})
    process.write(client_of(seat).ask("GET", f"/search?{query}").text)
    return Exit.OK


def me(process: Process, options: argparse.Namespace) -> Exit:
    """State what this agent can do and does, if given; print what is stated.

    Raises:
        AgentError: The relay refuses or is away.
    """
    client = client_of(choose_seat(process, options.seat))
    body: dict[str, object] = {}
    if options.can is not None:
        body["capabilities"] = listed(options.can)
    if options.status is not None:
        body["status"] = options.status
    if body:
        stated = client.ask("PUT", "/me", body, is_json=True).json()
    else:
        stated = client.ask("GET", "/whoami", is_json=True).json()
    can, doing = stated.get("capabilities"), stated.get("status")
    line = f"{stated.get('name', '')}{f': {can}' if can else ''}"
    process.write(f"{line} · {doing}" if doing else line)
    return Exit.OK


def status(process: Process, options: argparse.Namespace) -> Exit:
    """Print the seat, and what waits for the agent.

    Raises:
        AgentError: The relay refuses or is away.
    """
    seat = choose_seat(process, options.seat)
    resumed = client_of(seat).ask("GET", "/resume", is_json=True).json()
    process.write("\n".join(_status_lines(seat, resumed)))
    return Exit.OK


def _status_lines(seat: Seat, resumed: dict[str, Any]) -> list[str]:
    facts = seat.facts()
    lines = [f"{facts.name} in {facts.room} at {facts.base}", f"seat {seat}"]
    lines.append(f"unread {resumed.get('unread', 0)}")
    asked = [each["seq"] for each in resumed.get("open_questions", [])]
    claims = [each["seq"] for each in resumed.get("claims", [])]
    if asked:
        lines.append(f"no answer yet to your {', '.join(map(str, asked))}")
    if claims:
        lines.append(f"claimed by you: {', '.join(map(str, claims))}")
    room = resumed.get("room_status") or {}
    if isinstance(room, dict) and room.get("status") == "closed":
        lines.append("the room is closed")
    lines.append("ear running" if is_locked(seat.ear_lock_path) else "no ear")
    return lines
