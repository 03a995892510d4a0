"""Speak in the room: ``say``, ``ask``, ``claim``, ``release`` and ``withdraw``."""

import argparse
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import split_entries
from argybargy.agent.process import Process
from argybargy.agent.reading import client_of
from argybargy.agent.relay_client import RelayAnswer
from argybargy.agent.seat import Seat, choose_seat

_MOST_TEXT_BYTES: Final = 4 * 1024 * 1024
"""Longest text that is read from standard input; the relay allows far less."""


def say(process: Process, options: argparse.Namespace) -> Exit:
    """Post a message.

    Raises:
        AgentError: The relay refuses or is away.
    """
    body: dict[str, Any] = {}
    if options.text or options.choice is None:
        body["text"] = _text(process, options.text)
    if options.choice is not None:
        body["choice"] = options.choice
    if options.to:
        body["to"] = options.to if len(options.to) > 1 else options.to[0]
    if options.re is not None:
        body["reply_to"] = options.re
    if options.fyi:
        body["expects_reply"] = "none"
    _post(process, choose_seat(process, options.seat), "/messages", body)
    return Exit.OK


def ask(process: Process, options: argparse.Namespace) -> Exit:
    """Ask a question: one name, or anyone in the room.

    Raises:
        AgentError: The relay refuses or is away.
    """
    to = options.to or "all"
    asked = options.to or "anyone"
    body = {"text": _text(process, options.text), "to": to, "expects_reply": asked}
    if options.choices:
        body["choices"] = listed(options.choices)
    seat = choose_seat(process, options.seat)
    if options.wait is None:
        _post(process, seat, "/messages", body)
        return Exit.OK
    body["wait"] = options.wait
    answer = _post(process, seat, "/ask", body, options.wait)
    # Polls deliver the answer, too. The ear has it in half a second: a note of it now
    # saves the agent a turn for what it has just read.
    seen = [entry.number for entry in split_entries(answer.text)]
    if seen:
        with seat.locked(process):
            seat.save_state(seat.state().saw(seen))
    # An answer, or a question about the question, which is to be answered first.
    is_late = answer.status == HTTPStatus.ACCEPTED and not seen
    return Exit.TIMEOUT if is_late else Exit.OK


def claim(process: Process, options: argparse.Namespace) -> Exit:
    """Claim a question before answering it.

    Raises:
        AgentError: Another agent has it, or the relay refuses or is away.
    """
    return _change(process, options, "POST")


def release(process: Process, options: argparse.Namespace) -> Exit:
    """Release a claim.

    Raises:
        AgentError: There is no such claim, or the relay refuses or is away.
    """
    return _change(process, options, "DELETE")


def withdraw(process: Process, options: argparse.Namespace) -> Exit:
    """Withdraw a question of this agent.

    Raises:
        AgentError: There is no such question, or the relay refuses or is away.
    """
    seat = choose_seat(process, options.seat)
    query = f"?{urlencode({'reason': options.reason})}" if options.reason else ""
    target = f"/messages/{options.number}/question{query}"
    answer = client_of(seat).ask("DELETE", target)
    confirm_handed(process, seat)
    process.write(answer.text)
    return Exit.OK


def listed(values: list[str]) -> list[str]:
    """Return the values of an option: repeated, separated by commas, or both."""
    words = [each.strip() for value in values for each in value.split(",")]
    return [each for each in words if each]


def _change(process: Process, options: argparse.Namespace, method: str) -> Exit:
    seat = choose_seat(process, options.seat)
    answer = client_of(seat).ask(method, f"/messages/{options.number}/claim")
    confirm_handed(process, seat)
    process.write(answer.text)
    return Exit.OK


def _text(process: Process, words: list[str]) -> str:
    """Return the text of the command line, or that of standard input for ``-``."""
    text = " ".join(words)
    if words == ["-"]:
        try:
            text = process.input.read(_MOST_TEXT_BYTES)
        except UnicodeDecodeError:
            text = ""
        text = text.removesuffix("\n")
    if not text.strip():
        hint = 'argy say "done", or pipe the text into: argy say -'
        raise AgentError("There is no text, or it is not UTF-8.", hint, Exit.USAGE)
    return text


def _post(
    process: Process,
    seat: Seat,
    target: str,
    body: Mapping[str, object],
    wait_seconds: float = 0,
) -> RelayAnswer:
    client = client_of(seat)
    answer = client.post(target, body, wait_seconds=wait_seconds)
    confirm_handed(process, seat)
    process.write(answer.text)
    return answer


def confirm_handed(process: Process, seat: Seat) -> None:
    """Note that the agent is awake, and so has seen what its program was given."""
    state = seat.state()
    if state.handed <= (state.told or 0):
        return
    from argybargy.agent.spool import Spool  # noqa: PLC0415 - seldom needed

    with seat.locked(process):
        state = seat.state()
        told = max(state.told or 0, state.handed)
        seat.save_state(state._replace(told=told))
        Spool(seat.spool_path).drop_through(told)
