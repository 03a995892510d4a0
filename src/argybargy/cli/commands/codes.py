"""Commands for access codes and for the admin token."""

import shlex
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import Invited, Opened, State, read_row
from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.commands.invites import (
    invite_once,
    open_invites,
    revoke_invite,
)
from argybargy.cli.environment import Environment, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.columns import without_empty
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.access_codes import Role, digest_code, is_key_id, key_id_of
from argybargy.domain.names import NAME_RULE, is_name, is_peer_name, peer_key
from argybargy.onboarding.instructions import connect_instruction
from argybargy.system.values import frozen

_HEADS = ("NAME", "ROLE", "ROOM", "KEY ID", "EXPIRES", "CAPABILITIES")
_DEFAULT_ROOM = "default"


def check_room(room: str) -> None:
    """Reject an invalid room name.

    Raises:
        CliError: The name is invalid.
    """
    if not is_name(room):
        raise CliError(
            f"'{room}' is not a valid room name: {NAME_RULE}.",
            "Choose another name, such as 'review'.",
            Exit.USAGE,
        )


def check_peer(name: str, hint: str) -> None:
    """Reject an invalid agent name.

    Raises:
        CliError: The name is invalid; `hint` says what to do.
    """
    if not is_peer_name(name):
        text = f"'{name}' is not a valid agent name: {NAME_RULE}, and no reserved word."
        raise CliError(text, hint, Exit.USAGE)


def ask_for_code(
    operator: Operator,
    name: str,
    room: str,
    expires: str | None,
    capabilities: str | None,
    *,
    rooms: Sequence[str] = (),
) -> Json:
    """Create an access code for an agent, for one room or for several.

    Raises:
        CliError: The relay refuses.
    """
    body: dict[str, object] = {
        "name": name,
        "room": room,
        "expires": expires,
        "capabilities": capabilities,
    }
    if rooms:
        body["rooms"] = list(rooms)
    return operator.call("POST", "/admin/invite", body)


def invite(
    env: Environment,
    room: str = _DEFAULT_ROOM,
    name: str | None = None,
    *,
    url: str | None = None,
    expires: str | None = None,
    capabilities: str | None = None,
    once: bool = False,
    minutes: Annotated[int | None, INTEGER] = None,
    rooms: str | None = None,
) -> int:
    """Create an access code for an agent. It is shown only once.

    With --rooms, one code opens several rooms.

    With --once, create an invite instead: a link that gives one code, once, and may
    be in a prompt. Without a name, the agent chooses its own.

    With --quiet, only the code or the link is printed, for use in scripts.

    Example: argybargy invite --name alice --room review --expires 1d

    Args:
        room: Room that the agent joins.
        name: Name of the agent.
        url: Address of the relay for the agent, used in the text for it.
        expires: Lifetime of the code: 10m, 1h, 1d, 1w or 1mo; a bare number is
            hours; never or 0 is unlimited.
        capabilities: Short description of what the agent can do.
        once: Create an invite that gives one code, once.
        minutes: Minutes for which the invite works; 15 if not given.
        rooms: Rooms that the code opens, separated by commas; the first is the room of
            requests that name none.
    """
    out = env.output
    several: tuple[str, ...] = ()
    if rooms is not None:
        several, name = _several(rooms, room, name, once=once)
        room = several[0]
    check_room(room)
    if name is not None:
        check_peer(name, "Choose another --name, such as 'alice'.")
    times = env.machine.times
    if once:
        body = {
            "room": room,
            "name": name,
            "expires": expires,
            "capabilities": capabilities,
            "ttl_minutes": minutes,
        }

        def make(operator: Operator) -> int:
            state = State.read(operator.call("GET", "/admin/state"))
            state.refuse_closed(room, times)
            return invite_once(operator, out, times, body, url)

        return env.prepare(make)
    if name is None or minutes is not None:
        raise _incomplete(name)

    def work(operator: Operator) -> int:
        state = State.read(operator.call("GET", "/admin/state"))
        _refuse_closed(state, several or (room,), times)
        answer = ask_for_code(
            operator, name, room, expires, capabilities, rooms=several
        )
        others = state.codes_in(room, {name})
        invited = Invited.read(answer, name=name, room=room)
        if url:
            invited = attrs.evolve(invited, url=read_url(url))
        opened = Opened.read(answer, several) if len(several) > 1 else (invited.room,)
        _show_invited(out, answer, invited, opened, others, times=times)
        return Exit.OK

    return env.prepare(work)


def _refuse_closed(state: State, rooms: Sequence[str], times: LocalTimes) -> None:
    for room in rooms:
        state.refuse_closed(room, times)


def _several(
    rooms: str, room: str, name: str | None, *, once: bool
) -> tuple[tuple[str, ...], str | None]:
    """Return the rooms of --rooms, and the name of the agent.

    The first word is then the name: ``invite --rooms build,ops alice``.

    Raises:
        CliError: A room is invalid, or --rooms is combined with another option.
    """
    if name is None and room != _DEFAULT_ROOM:
        room, name = _DEFAULT_ROOM, room
    if once or room != _DEFAULT_ROOM:
        text = f"--rooms does not go with {'--once' if once else '--room'}."
        hint = "Name every room in --rooms: --rooms build,ops"
        raise CliError(text, hint, Exit.USAGE)
    names = tuple(each.strip() for each in rooms.split(","))
    for each in names:
        check_room(each)
    return names, name


def _incomplete(name: str | None) -> CliError:
    """Return the error of an invitation without a name, or with the time of another."""
    if name is None:
        text = "The code of an agent needs its name."
        hint = "Give it with --name, or let the agent choose: --once."
    else:
        text = "--minutes is the time of an invite."
        hint = "Add --once, or give the lifetime of the code: --expires."
    return CliError(text, hint, Exit.USAGE)


def codes(env: Environment) -> int:
    """List the access codes by name and key id; the codes themselves are not shown.

    Exit code 3 if there are none.

    Example: argybargy codes --json
    """
    out, times = env.output, env.machine.times

    def work(operator: Operator) -> int:
        return _show_codes(out, operator.call("GET", "/admin/state"), times)

    return env.work(work)


def revoke(
    env: Environment,
    target: str,
    *,
    room: str | None = None,
    every: Annotated[bool, Parameter(name="--all")] = False,
    yes: bool = False,
) -> int:
    """Revoke access codes by name, by key id, or by the code itself; or an invite.

    Agents that poll with a revoked code are refused within a second. An open invite is
    revoked by its id.

    Example: argybargy revoke alice --room review --yes

    Args:
        target: A name, a key id, a code, or the id of an invite.
        room: The room, if the name has codes in several rooms.
        every: Revoke the codes of that name in every room.
        yes: Do not ask for confirmation.
    """
    out = env.output

    def work(operator: Operator) -> int:
        if is_key_id(target) and target in open_invites(operator):
            return revoke_invite(operator, target, out)
        body = {"target": target, "room": room, "all": every}
        return _show_revoked(out, operator.call("POST", "/admin/revoke", body))

    worker = env.worker()
    # Two pieces of work: while the question is open, the data directory is not locked.
    if not yes and env.confirm is not None:
        worker(partial(_refuse_unknown, target))
    if not env.agrees(_question(target, room), is_told=yes):
        raise CliError("Nothing was revoked.")
    return worker(work)


def token(env: Environment) -> int:
    """Print the admin token of the data directory.

    The token gives full control of the relay. Keep it out of prompts.

    Example: argybargy token
    """
    out = env.output
    token = env.find_token(env.read_settings())
    if out.is_json:
        out.write_json({"admin_token": token})
    else:
        out.write(token)
    return Exit.OK


def _refuse_unknown(target: str, operator: Operator) -> int:
    """Reject a target that is no name, key id, code or invite of the relay.

    Raises:
        CliError: There is no such code.
    """
    if is_key_id(target) and target in open_invites(operator):
        return Exit.OK
    codes = State.read(operator.call("GET", "/admin/state")).codes
    meant = {target, key_id_of(digest_code(target))}
    if not any(
        code.key_id in meant or peer_key(code.name) == peer_key(target)
        for code in codes
    ):
        raise _no_code()
    return Exit.OK


def _no_code() -> CliError:
    text = "There is no such code, and no code for such a name."
    return CliError(text, "List the codes: argybargy codes", Exit.NOT_FOUND)


def _question(target: str, room: str | None) -> str:
    # A code is not repeated on the screen.
    what = f"'{target}'" if is_name(target) and "_" not in target else "that code"
    return f"Revoke {what}{f' in {room}' if room else ''}?"


def _show_invited(
    out: Output,
    answer: Json,
    invited: Invited,
    rooms: Sequence[str],
    others: Sequence[str],
    *,
    times: LocalTimes,
) -> None:
    instruction = connect_instruction(invited.url, invited.code, rooms)
    if out.is_json:
        extra = {"url": invited.url, "instruction": instruction}
        out.write_json(answer | extra)
        return
    if out.is_quiet:
        out.write(invited.code)
        return
    if others:
        out.say(
            f"{invited.name} has another code in {invited.room}; to revoke it: "
            f"argybargy codes, argybargy revoke {shlex.quote(others[0])}"
        )
    end = "does not expire"
    if invited.expires:
        end = f"expires at {times.show(invited.expires)}"
    out.say(
        f"A code for {invited.name} in {_in_rooms(rooms)}, shown only once; it {end}."
        f"\nkey id {invited.key_id}: 'argybargy revoke {invited.key_id}' revokes it."
        "\nGive the agent this:\n"
    )
    out.write(instruction)


def _in_rooms(rooms: Sequence[str]) -> str:
    return f"room{'s' if len(rooms) > 1 else ''} {', '.join(rooms)}"


def _show_codes(out: Output, answer: Json, times: LocalTimes) -> int:
    codes = State.read(answer).codes
    if out.is_json:
        out.write_json(answer["codes"])
    elif codes:
        rows = [
            (
                code.name,
                "" if code.role == Role.AGENT.value else code.role,
                code.room,
                code.key_id,
                times.show(code.expires),
                code.capabilities,
            )
            for code in codes
        ]
        out.write_table(*without_empty(_HEADS, rows, {"ROLE"}))
    else:
        out.say("There are no codes. Create one: argybargy invite --name alice")
    return Exit.OK if codes else Exit.NOTHING


def _show_revoked(out: Output, answer: Json) -> int:
    gone = [read_row(_Revoked, row) for row in read_row(_RevokedAll, answer).codes]
    if not gone:
        raise _no_code()
    if out.is_json:
        out.write_json(answer)
    else:
        for code in gone:
            out.write(f"revoked {code.key_id} {code.name} in {code.room}")
    return Exit.OK


@frozen
class _RevokedAll:
    codes: list[object]


@frozen
class _Revoked:
    key_id: str
    name: str
    room: str
