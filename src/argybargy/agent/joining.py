"""Take a seat and give it up: ``join`` and ``leave``.

The code goes from the relay, or from standard input, into a file that only its owner
can read. It is never an argument, in the environment or in the output.
"""

import argparse
import os
from pathlib import Path
from typing import Any, Final

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.join_link import check_base, parse_link
from argybargy.agent.process import Process
from argybargy.agent.relay_client import RelayClient, RelayRefused
from argybargy.agent.seat import (
    Seat,
    SeatFacts,
    choose_seat,
    find_project_file,
    parse_header,
    read_project_file,
    seat_at,
)
from argybargy.agent.seat_name import (
    PROJECT_FILE,
    seat_name_of,
    with_seat,
    without_seat,
)
from argybargy.domain.names import NAME_RULE, is_name
from argybargy.system.files import replace_file

_MOST_CODE_CHARS: Final = 1000
_GIT_SECONDS: Final = 10.0
_NEW_FILE: Final = 0o644


def join(process: Process, options: argparse.Namespace) -> Exit:
    """Take a seat in a room, and name it in the project.

    Raises:
        AgentError: The invitation or the code is refused, or a file is in the way.
    """
    for name in filter(None, (options.name, options.program)):
        if not is_name(name):
            raise AgentError(NAME_RULE.capitalize() + ".", "", Exit.USAGE)
    if options.code_stdin or options.header_file:
        base, code = _given_code(process, options)
        answer = RelayClient(base, code).ask("GET", "/whoami", is_json=True).json()
    else:
        invitation = parse_link(options.link)
        base, body = invitation.base, {"invite": invitation.secret}
        body |= {"name": options.name} if options.name else {}
        body |= {"client": options.program} if options.program else {}
        answer = _trade(RelayClient(base), body)
        code = str(answer.get("code", ""))
    facts = _facts(base, answer, options.program or "")
    if not code.isascii() or not code.isprintable() or not code:
        raise _no_answer(base)
    seat = seat_at(process.environment, seat_name_of(base, facts.room, facts.name))
    refuse_tracked(seat.header_path)
    seat.store(facts, code)
    process.write(f"{facts.name} in {facts.room} at {base}\nseat {seat}")
    if not options.no_file:
        _name_in_project(process, seat)
    return Exit.OK


def _trade(client: RelayClient, body: dict[str, str]) -> dict[str, Any]:
    """Trade an invitation for a code.

    Raises:
        RelayRefused: The relay refuses; the hint says what to add for want of a name.
        RelayAway: There is no answer.
    """
    try:
        return client.post("/join", body, is_json=True).json()
    except RelayRefused as refusal:
        if refusal.problem == "invalid_request" and "name" not in body:
            refusal.hint = "Add --as NAME"
        raise


def _facts(base: str, answer: dict[str, Any], program: str) -> SeatFacts:
    room, name = str(answer.get("room", "")), str(answer.get("name", ""))
    if not is_name(room) or not is_name(name):
        raise _no_answer(base)
    return SeatFacts(base, room, name, program, os.urandom(8).hex())


def _no_answer(base: str) -> AgentError:
    text = f"The server at {base} does not answer as a relay."
    return AgentError(text, "Ask the operator for a new link.")


def _given_code(process: Process, options: argparse.Namespace) -> tuple[str, str]:
    """Return the address of the relay, and a code that the agent has already.

    Raises:
        AgentError: There is no code, or it is in a file that git tracks.
    """
    base = check_base(options.link)
    try:
        if options.code_stdin:
            return base, parse_header(process.input.read(_MOST_CODE_CHARS))
        path = process.directory / options.header_file
        refuse_tracked(path)
        return base, parse_header(path.read_text("utf-8"))
    except (OSError, ValueError):
        hint = "It is the code, or the line 'Authorization: Bearer CODE'."
        raise AgentError("There is no code to read.", hint, Exit.USAGE) from None


def refuse_tracked(path: Path) -> None:
    """Refuse a file for a code that git tracks: the next push would publish it.

    Raises:
        AgentError: Git tracks it.
    """
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not any((each / ".git").exists() for each in (folder, *folder.parents)):
        return
    import subprocess  # noqa: PLC0415 - it takes long, and is seldom needed

    command = ["git", "-C", str(folder), "ls-files", "--error-unmatch", "--"]
    try:
        found = subprocess.run(  # noqa: S603 - no shell, and the path follows --
            [*command, str(path.resolve())],
            capture_output=True,
            check=False,
            timeout=_GIT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # without git nothing is published by it
    if found.returncode == 0:
        text = f"{path} is tracked by git; a code must not be in it."
        hint = "Remove it from the repository, and revoke the code: it was published."
        raise AgentError(text, hint)


def _name_in_project(process: Process, seat: Seat) -> None:
    """Add the seat to ``.argybargy``, the nearest one or a new one.

    Raises:
        AgentError: The file leads out of the project, or cannot be written.
    """
    path = find_project_file(process.directory) or process.directory / PROJECT_FILE
    if path.exists() or path.is_symlink():
        read_project_file(path)
    _rewrite(path, with_seat(_content(path), seat.seat_name))


def _content(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""


def _rewrite(path: Path, text: str) -> None:
    target = path.resolve()
    try:
        replace_file(target, text.encode(), _NEW_FILE)
    except OSError as error:
        problem = f"The seat is taken, but {path} cannot be written: {error.strerror}."
        hint = "Name the seat in each command: --seat SEAT"
        raise AgentError(problem, hint) from None


def leave(process: Process, options: argparse.Namespace) -> Exit:
    """Give up a seat: delete its code from this machine.

    Raises:
        AgentError: There is no such seat.
    """
    seat = choose_seat(process, options.seat)
    seat.remove()
    path = find_project_file(process.directory)
    if path is not None and not path.is_symlink():
        text = _content(path)
        left = without_seat(text, seat.seat_name)
        if not left:
            path.unlink()
        elif left != text:
            _rewrite(path, left)
    process.write(f"left {seat}")
    return Exit.OK
