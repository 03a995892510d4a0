"""Check a seat and the files of its program: ``doctor``.

Each finding is a line that says what was checked. One that fails says what to do.
"""

import argparse
import json
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from argybargy.agent.ear_lock import read_holder
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Entry
from argybargy.agent.process import Process
from argybargy.agent.reading import client_of
from argybargy.agent.seat import Seat, choose_seat, seats_folder
from argybargy.agent.spool import Spool
from argybargy.agent.wakers import QueueError, queue
from argybargy.agent.wrapping import wrapper
from argybargy.agent.written_files import has_our_part
from argybargy.system.files import is_locked

WAKE_SECONDS: Final = 40.0
"""Time for a test to be handed over: an ear looks between two polls of 25 seconds."""
_LOOK_SECONDS: Final = 0.5
_OTHERS: Final = 0o077
_TEST: Final = "argy doctor: a test of waking. No answer is expected."
_MOST_FILE_BYTES: Final = 4 * 1024 * 1024


class Finding(NamedTuple):
    """The outcome of a check.

    Attributes:
        text: What was found.
        hint: What to do; empty if all is well.
    """

    text: str
    hint: str = ""

    @property
    def line(self) -> str:
        """The finding as a line of text."""
        return f"no  {self.text}: {self.hint}" if self.hint else f"ok  {self.text}"


def doctor(process: Process, options: argparse.Namespace) -> Exit:
    """Check the seat, the relay, the files of the program and the ear.

    Raises:
        AgentError: There is no seat to check.
    """
    seat = choose_seat(process, options.seat)
    has_failed = False
    for finding in _findings(process, seat, tests_waking=options.wake):
        process.write(process.typed(finding.line))
        has_failed = has_failed or bool(finding.hint)
    return Exit.FAILED if has_failed else Exit.OK


def _findings(process: Process, seat: Seat, *, tests_waking: bool) -> Iterator[Finding]:
    facts = seat.facts()
    yield Finding(f"seat {seat}, for {facts.program or 'no program'}")
    yield _code(seat)
    yield _relay(seat)
    yield from _files(process, seat, facts.program)
    yield _ear(seat)
    if tests_waking:
        yield _wake(process, seat, facts.room)


def _code(seat: Seat) -> Finding:
    path = seat.folder / "header"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return Finding("code", f"{path} cannot be read. argy join LINK")
    if mode & _OTHERS:
        return Finding("code", f"others can read it: chmod 600 {path}")
    return Finding("code in a file that only its owner can read")


def _relay(seat: Seat) -> Finding:
    """Check the relay, from here: a sandbox may block the way."""
    name = f"relay at {seat.facts().base}"
    try:
        client_of(seat).ask("GET", "/whoami")
    except AgentError as error:
        if error.code is Exit.AWAY:
            hint = f"{error.text} Does it run? Does a sandbox block this machine?"
            return Finding(name, hint)
        return Finding(name, f"{error.text} {error.hint}".strip())
    return Finding(f"{name} accepts the code")


def _ear(seat: Seat) -> Finding:
    if not is_locked(seat.ear_lock_path):
        hint = "no program of this seat runs, or its files are not connected"
        return Finding("ear", f"none listens; {hint}")
    holder = read_holder(seat.ear_lock_path)
    return Finding(f"ear listens (process {holder.pid}, {holder.waker})")


# -- files ------------------------------------------------------------------------


def _files(process: Process, seat: Seat, program: str) -> Iterator[Finding]:
    """Check the files that ``argybargy connect`` has written for the seat."""
    root = seats_folder(process.environment).parent / "connections"
    found = False
    for path in sorted(root.glob("*/receipt.json")):
        receipt = _json(path)
        if receipt.get("seat") != str(seat):
            continue
        found = True
        again = _connect_again(seat, receipt)
        for file in receipt.get("files", []):
            yield _file(file, again)
        directory = Path(str(receipt.get("directory")))
        yield from _trust(process, str(receipt.get("program")), directory)
    if not found:
        where = "" if program else ", where PROGRAM is the one of this agent"
        receipt = {"program": program or "PROGRAM", "directory": process.directory}
        command = _connect_again(seat, receipt)
        text = f"'connect --write' has written none for this seat. {command}{where}"
        yield Finding("files of the program", text)


def _connect_again(seat: Seat, receipt: Mapping[str, Any]) -> str:
    """Return the command that writes the files of a connection again."""
    facts = seat.facts()
    words = ["connect", str(receipt["program"]), "--room", facts.room, "--write"]
    words += ["--name", facts.name, "--directory", str(receipt["directory"])]
    relay = receipt.get("relay")
    for name, value in (relay if isinstance(relay, dict) else {}).items():
        words += [_OPTIONS.get(name, f"--{name}"), str(value)]
    return f"argybargy {shlex.join(words)}"


_OPTIONS: Final = {"url": "--relay", "token_file": "--token-file"}


def _file(file: Any, again: str) -> Finding:  # noqa: ANN401 - JSON
    path = Path(str(file["root"]), str(file["path"]))
    content = _read(path)
    if content is None:
        return Finding(str(path), f"it is gone. {again}")
    if not has_our_part(content, file["share"]):
        return Finding(str(path), f"our part of it was changed. {again}")
    return Finding(str(path))


def _trust(process: Process, program: str, directory: Path) -> Iterator[Finding]:
    """Check what only the user approves, as far as the program says it in a file."""
    home = Path(process.environment.get("HOME", "/"))
    if program == "claude":
        project = _json(home / ".claude.json").get("projects", {})
        known = project.get(str(directory), {}) if isinstance(project, dict) else {}
        is_trusted = isinstance(known, dict) and known.get("hasTrustDialogAccepted")
        hint = f"start Claude Code in {directory}, and trust it when it asks"
        yield Finding("Claude Code trusts the project", "" if is_trusted else hint)
    if program == "codex":
        folder = process.environment.get("CODEX_HOME")
        config = (Path(folder) if folder else home / ".codex") / "config.toml"
        hooks = str(directory / ".codex" / "hooks.json").encode()
        is_trusted = hooks in (_read(config) or b"")
        hint = "start Codex, and choose 'Trust all and continue' when it asks"
        yield Finding("Codex trusts the hooks", "" if is_trusted else hint)


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(_read(path) or b"")
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_FILE_BYTES)
    except OSError:
        return None


# -- a test of waking -------------------------------------------------------------


def _wake(process: Process, seat: Seat, room: str) -> Finding:
    """Hand a line of ours to the program, by the way of messages."""
    name = "a test was handed over"
    if not is_locked(seat.ear_lock_path):
        return Finding(name, "no ear listens, so nothing would wake the agent")
    holder = read_holder(seat.ear_lock_path)
    if holder.waker == "queue":
        try:
            queue(process, seat.state().handed_to, f"{wrapper(room)}\n0 {_TEST}")
        except QueueError as error:
            return Finding(name, str(error))
        return Finding(f"{name}: Codex shows it as a prompt now")
    spool = Spool(seat.spool_path)
    with seat.locked(process):
        spool.append([Entry(0, f"0 {_TEST}")])
    end = process.now() + WAKE_SECONDS
    while process.now() < end:
        if not spool.entries():
            return Finding(f"{name}: the program shows it now")
        process.sleep(_LOOK_SECONDS)
    hint = "the program took nothing; it may be busy, or hear in its next turn only"
    with seat.locked(process):
        spool.drop_through(0)
    return Finding(name, hint)
