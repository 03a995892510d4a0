"""The command that connects an agent to a room."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import attrs

from argybargy.agent.errors import AgentError
from argybargy.agent.joining import refuse_tracked
from argybargy.agent.seat import SeatFacts
from argybargy.agent.seat_name import seat_name_of
from argybargy.cli.agent_files.connection import Connection, seat_in_state
from argybargy.cli.agent_files.credentials import SeatFiles
from argybargy.cli.agent_files.programs import PROGRAMS
from argybargy.cli.agent_files.receipt import Receipt
from argybargy.cli.client.answers import Invited, State
from argybargy.cli.client.protocol import Operator
from argybargy.cli.commands.codes import ask_for_code, check_peer, check_room
from argybargy.cli.commands.other_seat import (
    refuse_other_seat,
    relay_words,
    revoke_command,
    seat_words,
)
from argybargy.cli.commands.room import revoke_code
from argybargy.cli.environment import Environment, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes, wrapped
from argybargy.onboarding.seat import CLIENTS, Client, Seat, seat_brief
from argybargy.system.values import frozen

_COLUMNS: Final = 80
"""Width of the text without a terminal."""
_POLLS: Final = (
    "It hears you at its next poll, between its steps, and not after its turn has "
    "ended. With --write, messages come to it by themselves."
)
_ANY_RELAY: Final = "http://127.0.0.1"
"""Stands for the relay in a plan that is made before the relay was asked."""

ClientKey = Literal[
    "claude", "codex", "opencode", "copilot", "gemini", "cursor", "goose", "curl"
]


@frozen
class ConnectPlan:
    """Validated arguments of ``connect``.

    Attributes:
        client: Program that the agent runs in.
        room: Room to join; created if it is missing.
        name: Name of the agent.
        expires: Lifetime of the code.
        capabilities: Short description of what the agent can do.
        url: Address of the relay for the agent; ``None`` takes the relay's own.
        directory: Project whose files are written; ``None`` writes none.
        is_headless: Whether the program runs without a person.
        relay: Options of commands that lead to the relay, by name.
    """

    client: Client
    room: str
    name: str
    expires: str | None
    capabilities: str | None
    url: str | None
    directory: Path | None
    is_headless: bool
    relay: Mapping[str, str]

    def connection(self, base: str, key_id: str = "") -> Connection | None:
        """Plan the files of the program, for a relay at an address.

        Args:
            base: The address.
            key_id: Public id of the seat's code.

        Raises:
            CliError: A file cannot be changed safely.
        """
        if self.directory is None:
            return None
        if not self.directory.is_dir():
            text = f"There is no directory {self.directory}."
            raise CliError(text, "Name an existing one: --directory DIR", Exit.USAGE)
        seat = seat_name_of(base, self.room, self.name)
        key = self.client.key
        return Connection.plan(
            key,
            seat,
            self.directory,
            is_headless=self.is_headless,
            relay=self.relay,
            key_id=key_id,
        )


@frozen
class Connected:
    """Result of connecting an agent.

    Attributes:
        invited: The relay's answer; of the code, only the key id is shown.
        base: Address of the relay.
        header: File with the code.
        seat: Facts for the agent's instructions; ``None`` if files were written.
        connection: Files that were written.
        revoked: Key ids of its older codes.
        replaced: The record of the connection that was replaced by another seat.
    """

    invited: Invited
    base: str
    header: Path
    seat: Seat | None
    connection: Connection | None
    revoked: tuple[str, ...]
    replaced: Receipt | None = None


def connect(
    env: Environment,
    client: ClientKey,
    *,
    room: str = "default",
    name: str | None = None,
    write: bool = False,
    directory: Path | None = None,
    headless: bool = False,
    replace: bool = False,
    url: str | None = None,
    expires: str | None = None,
    capabilities: str | None = None,
) -> int:
    """Connect an agent to a room; with --write, by the files of its program.

    Without --write, the instructions for the agent are printed. The access code goes
    into a file that only you can read, and into no prompt. Connecting the agent again
    replaces the code; a seat in another room or of another relay is replaced only with
    --replace. 'argybargy disconnect' takes out what was written.

    Example: argybargy connect claude --room review --write

    Args:
        client: Program that the agent runs in.
        room: The room; it is created if it is missing.
        name: Name of the agent. Default: the name of the program.
        write: Write into the files of the program, so that messages come by themselves.
        directory: Project directory for --write. Default: the current one.
        headless: With --write, for a program that runs without a person: it waits for
            messages at the end of a turn.
        replace: With --write, put the new seat in the place of another one.
        url: Address of the relay for the agent.
        expires: Lifetime of the code: 10m, 1h, 1d, 1w or 1mo; a bare number is
            hours; never or 0 is unlimited.
        capabilities: Short description of what the agent can do.
    """
    check_room(room)
    check_peer(name or client, "Choose another --name, such as 'alice'.")
    given = {
        "--directory": directory is not None,
        "--headless": headless,
        "--replace": replace,
    }
    if not write and any(given.values()):
        option = next(name for name, is_given in given.items() if is_given)
        text = f"{option} needs --write."
        raise CliError(text, "Give both options, or neither.", Exit.USAGE)
    plan = ConnectPlan(
        client=CLIENTS[client],
        room=room,
        name=name or client,
        expires=expires,
        capabilities=capabilities,
        url=url and read_url(url),
        directory=(directory or Path.cwd()) if write else None,
        is_headless=headless,
        relay=env.leading_options(),
    )
    planned = plan.connection(plan.url or _ANY_RELAY)
    if planned is not None:
        refuse_other_seat(env, planned, plan.url, may_replace=replace)
    machine = env.machine

    def work(operator: Operator) -> int:
        done = give_seat(operator, plan, machine.times)
        show_connected(env, plan, done)
        return Exit.OK

    return env.prepare(work)


def give_seat(operator: Operator, plan: ConnectPlan, times: LocalTimes) -> Connected:
    """Create a code, store it in a file, and write the program's files if requested.

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
    try:
        done = _store(invited, plan, state)
    except CliError:
        # The code was not shown to anybody, so it would stay valid unnoticed.
        revoke_code(operator, invited.key_id)
        raise
    older = state.codes_in(plan.room, {plan.name})
    for key_id in older:
        revoke_code(operator, key_id)
    return attrs.evolve(done, revoked=older)


def _store(invited: Invited, plan: ConnectPlan, state: State) -> Connected:
    """Write the code into a private file, and the files of the program."""
    base = plan.url or invited.url
    connection = plan.connection(base, invited.key_id)
    if connection is None:
        files = SeatFiles.of(base, invited.room, invited.name)
        seat = files.seat(base, invited, state.limits)
        files.store(invited.code, seat)
        return Connected(invited, base, files.header, seat, None, ())
    place = seat_in_state(seat_name_of(base, invited.room, invited.name))
    header = place.folder / "header"
    try:
        refuse_tracked(header)
        connection.write()
        session = secrets.token_hex(8)  # a seat on another machine has another one
        key = plan.client.key
        facts = SeatFacts(base, invited.room, invited.name, key, session)
        place.store(facts, invited.code)  # last: it overwrites the older, valid code
    except AgentError as error:
        raise CliError(error.text, error.hint) from None
    replaced = connection.remove_older_seat()
    return Connected(invited, base, header, None, connection, (), replaced)


def show_connected(env: Environment, plan: ConnectPlan, done: Connected) -> None:
    """Print the instructions or the files as data, and everything else as notes."""
    out, machine = env.output, env.machine
    if out.is_json:
        out.write_json(_as_json(plan, done, out.typed))
        return
    invited = done.invited
    end = "does not expire"
    if invited.expires:
        end = f"expires at {machine.times.show(invited.expires)}"
    out.say(
        f"{invited.name} has a seat in room {invited.room} of {done.base}. Its code "
        f"{end}; it is in\n  {done.header}\nwhich only you can read. "
        f"'argybargy revoke {invited.key_id}' revokes it."
    )
    if done.revoked:
        out.warn(
            f"{invited.name} had a code for {invited.room}, which is revoked "
            f"({', '.join(done.revoked)}). For a second agent use --name."
        )
    if done.replaced is not None:
        out.warn(
            f"The seat {seat_words(done.replaced)} of {relay_words(done.replaced)} is "
            "replaced. Its code is valid until it is revoked: "
            f"{revoke_command(env, done.replaced)}"
        )
    out.say("")
    columns = machine.columns() or _COLUMNS
    for text in _hearing(plan, done):
        out.say(wrapped(text, columns))
    out.say(f"To follow the room yourself: argybargy watch {invited.room}\n")
    if done.seat is None:
        _show_files(env, plan, done, columns)
        return
    out.say(f"Give {invited.name} these instructions:\n")
    out.write(seat_brief(done.seat))


def _hearing(plan: ConnectPlan, done: Connected) -> tuple[str, ...]:
    """Return sentences on how the agent hears of messages."""
    client = plan.client
    if done.seat is None:
        return (
            f"While it works: {client.while_working}",
            f"While it is idle: {client.while_idle}",
        )
    heard = client.while_working if client.key not in PROGRAMS else _POLLS
    listens = (
        f"The listener prints a line for each message to it: {done.seat.listen_command}"
    )
    return f"{client.title}: {heard}", listens


def _show_files(
    env: Environment, plan: ConnectPlan, done: Connected, columns: int
) -> None:
    out, connection = env.output, done.connection
    assert connection is not None, "either instructions or files"
    for step in connection.program.next_steps:
        out.say(wrapped(step, columns))
    if connection.program.uses_mcp and not _has_mcp(env, plan):
        install = "pip install 'argybargy[mcp]'"
        if env.program.startswith("uv run"):
            install = "uv sync --extra mcp"
        out.warn(
            f"The relay's MCP server needs the extra argybargy[mcp], which is not "
            f"installed here: {install}, and restart the relay."
        )
    if not connection.program.was_tried:
        text = f"{plan.client.title} was not tried with these files, only read about."
        out.warn(text)
    out.say(f"Restart {plan.client.title} in {plan.directory} if it runs.")
    out.say(f"To undo: {_undo(plan)}\nThe files contain no secret. They are:")
    for path in connection.paths:
        out.write(path)


def _has_mcp(env: Environment, plan: ConnectPlan) -> bool:
    """Tell whether the relay can have an MCP server, as far as this machine knows."""
    return "url" in plan.relay or env.has_package("mcp")


def _undo(plan: ConnectPlan) -> str:
    return f"argybargy disconnect {plan.client.key} --directory {plan.directory}"


def _as_json(
    plan: ConnectPlan, done: Connected, typed: Callable[[str], str]
) -> dict[str, object]:
    """Return the result without the code, which is in its file."""
    seat, there, invited = done.seat, done.connection, done.invited
    is_written = there is not None
    return {
        "client": plan.client.key,
        "room": invited.room,
        "name": invited.name,
        "url": done.base,
        "key_id": invited.key_id,
        "expires": invited.expires,
        "header_file": str(done.header),
        "listener": None if seat is None else seat.listener,
        "instructions": None if seat is None else seat_brief(seat),
        "while_working": plan.client.while_working if is_written else _POLLS,
        "while_idle": plan.client.while_idle if is_written else None,
        "written": None if there is None else list(there.paths),
        "undo": typed(_undo(plan)) if is_written else None,
        "revoked": list(done.revoked),
        "replaced": None if done.replaced is None else done.replaced.seat,
    }
