"""The command that connects an agent to a room: code file, listener, instructions."""

from pathlib import Path
from typing import Final, Literal

import attrs

from argybargy.cli.agent_files.credentials import SeatFiles
from argybargy.cli.agent_files.installation import Installation
from argybargy.cli.client.answers import Invited, State
from argybargy.cli.client.protocol import Operator
from argybargy.cli.commands.codes import ask_for_code, check_peer, check_room
from argybargy.cli.commands.room import revoke_code
from argybargy.cli.environment import Environment, Machine, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes, wrapped
from argybargy.cli.terminal.output import Output
from argybargy.onboarding.seat import CLIENTS, Client, Seat, seat_brief

_COLUMNS: Final = 80
"""Width of the text without a terminal."""

ClientKey = Literal["claude", "codex", "gemini", "curl"]


@attrs.frozen
class ConnectPlan:
    """Validated arguments of ``connect``.

    Attributes:
        client: Program that the agent runs in.
        room: Room to join; created if it is missing.
        name: Name of the agent.
        expires: Lifetime of the code.
        capabilities: Short description of what the agent can do.
        url: Address of the relay for the agent; ``None`` takes the relay's own.
        installation: Instruction file to write; ``None`` writes none.
    """

    client: Client
    room: str
    name: str
    expires: str | None
    capabilities: str | None
    url: str | None
    installation: Installation | None


@attrs.frozen
class Connected:
    """Result of connecting an agent.

    Attributes:
        invited: The relay's answer; of the code, only the key id is shown.
        files: Files with the code and the listener script.
        seat: Facts for the agent's instructions.
        revoked: Key ids of its older codes.
    """

    invited: Invited
    files: SeatFiles
    seat: Seat
    revoked: tuple[str, ...]


def connect(
    env: Environment,
    client: ClientKey,
    *,
    room: str = "default",
    name: str | None = None,
    write: bool = False,
    directory: Path | None = None,
    url: str | None = None,
    expires: str | None = None,
    capabilities: str | None = None,
) -> int:
    """Connect an agent to a room, and print the instructions for it.

    The access code goes into a file that only you can read, and into no prompt.
    Connecting the agent again replaces the code.

    Example: argybargy connect claude --room review --json

    Args:
        client: Program that the agent runs in.
        room: The room; it is created if it is missing.
        name: Name of the agent. Default: the name of the program.
        write: Write the instructions into the project in --directory.
        directory: Project directory for --write.
        url: Address of the relay for the agent.
        expires: Lifetime of the code: 10m, 1h, 1d, 1w or 1mo; a bare number is
            hours; never or 0 is unlimited.
        capabilities: Short description of what the agent can do.
    """
    chosen = CLIENTS[client]
    out = env.output
    check_room(room)
    check_peer(name or client, "Choose another --name, such as 'alice'.")
    if directory is not None and not write:
        text = "--directory needs --write."
        raise CliError(text, "Give both options, or neither.", Exit.USAGE)
    plan = ConnectPlan(
        client=chosen,
        room=room,
        name=name or client,
        expires=expires,
        capabilities=capabilities,
        url=url and read_url(url),
        installation=Installation.plan(chosen, room, directory) if write else None,
    )

    machine = env.machine

    def work(operator: Operator) -> int:
        done = give_seat(operator, plan, machine.times)
        show_connected(out, plan, done, machine)
        return Exit.OK

    return env.prepare(work)


def give_seat(operator: Operator, plan: ConnectPlan, times: LocalTimes) -> Connected:
    """Create a code, store it in a file, and write the instructions if requested.

    Older codes are revoked last, so that a failure leaves the agent with a valid code.

    Raises:
        CliError: The room is closed, the relay refuses, or a file cannot be written.
    """
    state = State.read(operator.call("GET", "/admin/state"))
    state.refuse_closed(plan.room, times)
    operator.call("POST", f"/admin/rooms/{plan.room}/open", {})
    answer = ask_for_code(
        operator, plan.name, plan.room, plan.expires, plan.capabilities
    )
    invited = Invited.read(answer, name=plan.name, room=plan.room)
    base = plan.url or invited.url
    files = SeatFiles.of(base, invited.room, invited.name)
    seat = files.seat(base, invited, state.limits)
    try:
        if plan.installation is not None:
            plan.installation.install(seat)
        files.store(invited.code, seat)  # last: it overwrites the older, valid code
    except CliError:
        # The code was not shown to anybody, so it would stay valid unnoticed.
        revoke_code(operator, invited.key_id)
        raise
    older = state.codes_in(plan.room, {plan.name})
    for key_id in older:
        revoke_code(operator, key_id)
    return Connected(invited, files, seat, older)


def show_connected(
    out: Output, plan: ConnectPlan, done: Connected, machine: Machine
) -> None:
    """Print the instructions as data, and everything else as notes."""
    if out.is_json:
        out.write_json(_as_json(plan, done))
        return
    invited, seat, client = done.invited, done.seat, plan.client
    end = "does not expire"
    if invited.expires:
        end = f"expires at {machine.times.show(invited.expires)}"
    columns = machine.columns() or _COLUMNS
    out.say(
        f"{seat.name} has a seat in room {seat.room} of {seat.base}. Its code {end}; "
        f"it is in\n  {done.files.header}\nwhich only you can read. "
        f"'argybargy revoke {invited.key_id}' revokes it."
    )
    if done.revoked:
        out.warn(
            f"{seat.name} had a code for {seat.room}, which is revoked "
            f"({', '.join(done.revoked)}). For a second agent use --name."
        )
    out.say("")
    for text in (
        f"While it works: {client.while_working}",
        f"While it is idle: {client.while_idle}",
    ):
        out.say(wrapped(text, columns))
    out.say(
        f"The listener prints a line for each message to it: {seat.listen_command}\n"
        f"To follow the room yourself: argybargy watch {seat.room}\n"
    )
    _show_instructions(out, plan, seat)


def _show_instructions(out: Output, plan: ConnectPlan, seat: Seat) -> None:
    there = plan.installation
    if there is None:
        out.say(f"Give {seat.name} these instructions:\n")
        out.write(seat_brief(seat))
        return
    out.say(f"Tell {seat.name}: join the room {seat.room}.\nTo undo: {there.undo}.")
    out.say("The instructions contain no secret. They are in")
    out.write(str(there.path))


def _as_json(plan: ConnectPlan, done: Connected) -> dict[str, object]:
    """Return the result without the code, which is in its file."""
    seat, there = done.seat, plan.installation
    return {
        "client": plan.client.key,
        "room": seat.room,
        "name": seat.name,
        "url": seat.base,
        "key_id": done.invited.key_id,
        "expires": done.invited.expires,
        "header_file": str(done.files.header),
        "listener": str(done.files.listener),
        "instructions": seat_brief(seat),
        "while_working": plan.client.while_working,
        "while_idle": plan.client.while_idle,
        "written": None if there is None else str(there.path),
        "undo": None if there is None else there.undo,
        "revoked": list(done.revoked),
    }
