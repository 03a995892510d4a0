"""G11, secret: access codes and the admin token are in no file, log or response.

A code that was revoked is refused by every relay from the answer on.
"""

import json
import stat
from pathlib import Path
from typing import Any, Final

import trio

from argybargy.torture.harness import Faults, ProofEnvironment, ProofResult
from argybargy.torture.relay_process import AgentClient, RelayProcess
from argybargy.torture.shared_server import dump

CODES: Final = 100
_OPERATOR_ROUTES: Final = ("/admin/state", "/admin/stats", "/admin/audit?limit=1000")
_AGENT_ROUTES: Final = ("/history", "/peers", "/resume", "/whoami", "/", "/ready")
_TEXT: Final = "What agent0 says to agent1 is in no log, and this is message "
_HOLDER_OF_ADMIN: Final = "admin.token"
"""The only file that may contain the admin token."""
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


async def prove(environment: ProofEnvironment) -> ProofResult:
    """Create 100 codes, use and misuse them; search all files, logs and responses."""
    faults, searched = Faults(), 0
    async with environment.open_relay(ARGYBARGY_LOG_LEVEL="debug") as relay:
        token = relay.token()
        guests = [await relay.guest(f"agent{n}", f"room{n % 5}") for n in range(CODES)]
        await _use(relay, guests, faults)
        secrets = [token, *(guest.code for guest in guests)]
        responses = await _collect_responses(relay, guests[0])
        for where, text in responses.items():
            searched += 1
            _check(where, text.encode(), secrets, faults)
        searched += _check_files(relay, secrets, faults)
        await relay.stop()
        if relay.store_url:
            tables = await trio.to_thread.run_sync(dump, relay.store_url)
            for name, content in tables.items():
                searched += 1
                _check(f"the table {name}", content, secrets, faults)
            is_there = _TEXT.encode() in tables["messages"]
            faults.check("the tables have no texts: nothing was read", is_good=is_there)
    for each in relay.all:
        is_hidden = _TEXT.encode() not in each.log.read_bytes()
        faults.check("the text of a message is in the log", is_good=is_hidden)
    searched += _check_files(relay, secrets, faults)
    figure = (
        f"{faults.count} of {CODES} codes and the token found in {searched} files, "
        "logs and responses"
    )
    return ProofResult(figure, {"codes": CODES, "places": searched}, faults.all())


async def _use(relay: RelayProcess, guests: list[AgentClient], faults: Faults) -> None:
    """Use codes as intended, and in the ways that the manual warns against."""
    for number, guest in enumerate(guests):
        await guest.post(f"{_TEXT}{number}")
    for guest in guests[1:4]:
        reply = await guests[0].post(f"take this: {guest.code}")
        is_refused = reply.status == 422
        faults.check(
            f"a post of a code was answered {reply.status}", is_good=is_refused
        )
    for guest in guests[-10:]:
        guest.move()
        await relay.admin("POST", "/admin/revoke", {"target": guest.code})
        reply = await guest.post("still here?")
        # Valid codes are never throttled, so 429 also means that the code is invalid.
        faults.check(
            f"{guest.name} was revoked, and its post answered {reply.status}",
            is_good=reply.status in {401, 429},
        )
    # No instruction puts a code into a path or a query, but users will.
    for target in (f"/messages?code={guests[0].code}", f"/{guests[0].code}"):
        await guests[0].call("GET", target)
    wrong = relay.returning("stranger", guests[0].code[:-1] + "!")
    await wrong.call("GET", "/whoami")


async def _collect_responses(relay: RelayProcess, guest: AgentClient) -> dict[str, str]:
    answers: dict[str, Any] = {}
    for route in _OPERATOR_ROUTES:
        answers[route] = (await relay.admin("GET", route)).json
    for route in _AGENT_ROUTES:
        answers[route] = (await guest.call("GET", route)).json
    return {route: json.dumps(body) for route, body in answers.items()}


def _check_files(relay: RelayProcess, secrets: list[str], faults: Faults) -> int:
    return sum(_check_files_of(each, secrets, faults) for each in relay.all)


def _check_files_of(relay: RelayProcess, secrets: list[str], faults: Faults) -> int:
    files = [path for path in relay.data.rglob("*") if path.is_file()]
    for path in [*files, relay.log]:
        known = secrets[1:] if path.name == _HOLDER_OF_ADMIN else secrets
        _check(path.name, path.read_bytes(), known, faults)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    for name, mode in modes.items():
        faults.check(f"{name} has mode {mode:o}", is_good=mode == _PRIVATE_FILE)
    _check_folder(relay.data, faults)
    return len(files) + 1


def _check_folder(folder: Path, faults: Faults) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    is_private = mode == _PRIVATE_FOLDER
    faults.check(f"the data directory has mode {mode:o}", is_good=is_private)


def _check(where: str, content: bytes, secrets: list[str], faults: Faults) -> None:
    for number, secret in enumerate(secrets):
        is_hidden = secret.encode() not in content
        faults.check(f"secret {number} is in {where}", is_good=is_hidden)
