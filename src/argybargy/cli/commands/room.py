"""The command that opens a room and creates the codes of two agents."""

from collections.abc import Sequence
from typing import Final

import attrs

from argybargy.cli.client.answers import Invited, State
from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.commands.codes import ask_for_code, check_peer, check_room
from argybargy.cli.environment import Environment, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import peer_key, room_key
from argybargy.onboarding.instructions import connect_instruction, room_brief
from argybargy.system.values import frozen

_FOR_THE_OPERATOR = "coordinates this room"
_DELETE = "argybargy room delete ROOM"
_VERBS: Final = {
    **dict.fromkeys(("del", "rm", "remove", "drop"), _DELETE),
    **dict.fromkeys(("create", "new", "add", "open", "make"), "argybargy room ROOM"),
    **dict.fromkeys(("list", "ls"), "argybargy rooms"),
    **{verb: f"argybargy {verb} ROOM" for verb in ("close", "reopen", "history")},
    "show": "argybargy history ROOM",
}
"""Commands that are meant by ``room`` and another word."""


@frozen
class RoomPlan:
    """Arguments of ``room``.

    Attributes:
        room: Name of the room.
        worker: Name of the agent that works in it.
        operator: Name of the agent that coordinates the room for the human.
        expires: Lifetime of both codes.
        capabilities: Short description of what the worker can do.
        url: Address of the relay for agents; ``None`` takes the relay's own.
    """

    room: str
    worker: str
    operator: str
    expires: str | None
    capabilities: str | None
    url: str | None

    def check(self) -> None:
        """Reject invalid names before the relay is called.

        Raises:
            CliError: A name is invalid, or both names are the same.
        """
        check_room(self.room)
        check_peer(self.worker, "Give the worker another name: --worker.")
        check_peer(self.operator, "Give the coordinator another name: --operator.")
        if peer_key(self.worker) == peer_key(self.operator):
            text = "Worker and coordinator have the same name, so they cannot talk."
            hint = "Give them different names: --worker and --operator."
            raise CliError(text, hint, Exit.USAGE)


@frozen
class ReadyRoom:
    """Room with its new codes.

    Attributes:
        url: Address of the relay for agents.
        worker: The relay's answer to the worker's invitation.
        operator: The relay's answer to the coordinator's invitation.
        brief: Text for the worker's prompt.
        revoked: Key ids of the older codes, now revoked.
        was_there: Whether the room was there before.
        kept: Names of others with codes for the room, which stay valid.
    """

    url: str
    worker: Invited
    operator: Invited
    brief: str
    revoked: tuple[str, ...]
    was_there: bool = False
    kept: tuple[str, ...] = ()


def room(
    env: Environment,
    name: str,
    *,
    worker: str | None = None,
    operator: str | None = None,
    url: str | None = None,
    expires: str | None = None,
    capabilities: str | None = None,
) -> int:
    """Open a room, and print a text to paste into an agent's prompt.

    It creates two codes: one for the worker, which is in the text, and one for an
    agent that coordinates the room for you. Running it again replaces both codes; other
    codes of the room stay valid.

    Example: argybargy room migration-review --expires 1d

    Args:
        name: The room.
        worker: Name of the worker. Default: the room's name and '-worker'.
        operator: Name of the coordinator. Default: the room's name and '-operator'.
        url: Address of the relay for agents, used in the text for them.
        expires: Lifetime of both codes: 10m, 1h, 1d, 1w or 1mo; a bare number is
            hours; never or 0 is unlimited.
        capabilities: Short description of what the worker can do.
    """
    out = env.output
    _refuse_verb(env.arguments)
    plan = RoomPlan(
        room=name,
        worker=worker or f"{name}-worker",
        operator=operator or f"{name}-operator",
        expires=expires,
        capabilities=capabilities,
        url=url and read_url(url),
    )
    plan.check()

    times = env.machine.times

    def work(client: Operator) -> int:
        show_room(out, plan, make_room(client, plan, times), times)
        return Exit.OK

    return env.prepare(work)


def _refuse_verb(arguments: Sequence[str]) -> None:
    """Reject ``room del``: it means a command, and would open a room of that name.

    Raises:
        CliError: The word after ``room`` is a verb.
    """
    words = [*arguments, ""]
    meant = _VERBS.get(words[1]) if words[0] == "room" else None
    if meant is not None:
        text = f"'room {words[1]}' is no command."
        hint = f"Type: {meant}\nA room of that name: argybargy room --name {words[1]}"
        raise CliError(text, hint, Exit.USAGE)


def make_room(client: Operator, plan: RoomPlan, times: LocalTimes) -> ReadyRoom:
    """Open a room, create its two codes, and revoke the older ones.

    The older codes are revoked last, so that a failure leaves valid codes.

    Raises:
        CliError: The room is closed, or the relay refuses.
    """
    state = State.read(client.call("GET", "/admin/state"))
    state.refuse_closed(plan.room, times)
    client.call("POST", f"/admin/rooms/{plan.room}/open", {})
    worker = _invite(client, plan, plan.worker, plan.capabilities)
    try:
        operator = _invite(client, plan, plan.operator, _FOR_THE_OPERATOR)
    except CliError:
        # The first code is not shown to anybody, so it would stay valid unnoticed.
        revoke_code(client, worker.key_id)
        raise
    older = state.codes_in(plan.room, {plan.worker, plan.operator})
    for key_id in older:
        revoke_code(client, key_id)
    base = plan.url or worker.url
    brief = room_brief(base, worker.room, worker.name, worker.code, state.limits)
    ours = {peer_key(plan.worker), peer_key(plan.operator)}
    holders = state.holders_in(plan.room)
    kept = tuple(name for name in holders if peer_key(name) not in ours)
    was_there = room_key(plan.room) in state.rooms
    return ReadyRoom(base, worker, operator, brief, older, was_there, kept)


def _invite(
    client: Operator, plan: RoomPlan, name: str, capabilities: str | None
) -> Invited:
    answer = ask_for_code(client, name, plan.room, plan.expires, capabilities)
    return Invited.read(answer, name=name, room=plan.room)


def revoke_code(client: Operator, key_id: str) -> None:
    """Revoke a code by its key id."""
    client.call("POST", "/admin/revoke", {"target": key_id})


def show_room(out: Output, plan: RoomPlan, ready: ReadyRoom, times: LocalTimes) -> None:
    """Print the brief as data, and everything else as notes."""
    if out.is_json:
        out.write_json(_room_json(ready))
        return
    worker, operator = ready.worker, ready.operator
    end = "do not expire"
    if worker.expires:
        end = f"expire at {times.show(worker.expires)}"
    out.say(
        f"Room {worker.room} is open at {ready.url}. "
        f"The codes are shown only once; they {end}."
    )
    if ready.was_there and not ready.revoked:
        names = ", ".join(ready.kept)
        kept = f" The codes of {names} stay valid." if names else ""
        out.warn(
            f"The room was there before. It has two codes more now: {plan.worker} and "
            f"{plan.operator}.{kept}"
        )
    if ready.revoked:
        out.warn(
            f"The older codes for {plan.worker} and {plan.operator} are revoked "
            f"({', '.join(ready.revoked)}). Use the new ones."
        )
    out.warn(
        f"Code for {operator.name}, which coordinates the room for you: {operator.code}"
    )
    instruction = connect_instruction(ready.url, operator.code)
    out.say(f"Paste this into its prompt, if it is an agent:\n\n{instruction}\n")
    out.say(f"Paste this into the prompt of {worker.name}:\n")
    out.write(ready.brief)


def _room_json(ready: ReadyRoom) -> Json:
    return {
        "room": ready.worker.room,
        "url": ready.url,
        "worker": {**attrs.asdict(ready.worker), "url": ready.url},
        "operator": {**attrs.asdict(ready.operator), "url": ready.url},
        "brief": ready.brief,
        "revoked": list(ready.revoked),
        "was_there": ready.was_there,
    }
