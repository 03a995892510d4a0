"""Commands for one-use invites and for guests."""

from typing import Annotated, Final
from urllib.parse import quote

from cyclopts import Parameter

from argybargy.cli.client.answers import (
    GuestLink,
    InviteLink,
    ListedInvite,
    read_base_url,
    read_row,
    unfit_answer,
)
from argybargy.cli.client.protocol import Json, Operator
from argybargy.cli.environment import Environment, read_url
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.access_codes import AGENT_PREFIX, INVITE_PREFIX, is_well_formed
from argybargy.domain.names import NAME_RULE, is_name, is_peer_name
from argybargy.onboarding.joining import JOIN_PATH, invite_instruction, invite_link
from argybargy.system.values import frozen

_HEADS: Final = ("ID", "ROOM", "NAME", "STATE", "EXPIRES", "KEY ID")
_MOST_GUEST_HOURS: Final = 720
_GUEST: Final = "/guest#code="
"""Part of a guest's link between the relay's address and the code."""


@frozen
class _Invites:
    invites: list[object]


def _checked_link(link: str, middle: str, secret: str, prefix: str) -> str:
    """Rebuild a link from checked parts, and return its base.

    Raises:
        CliError: It is no such link of a relay.
    """
    base, _, shown = link.partition(middle)
    if shown != secret or not is_well_formed(secret, prefix):
        raise unfit_answer("link")
    try:
        return read_base_url(base)
    except ValueError:
        raise unfit_answer("link") from None


def invite_once(
    operator: Operator, out: Output, times: LocalTimes, body: Json, url: str | None
) -> int:
    """Create a one-use invite, and print its link and a line for a prompt.

    Raises:
        CliError: The relay refuses.
    """
    wanted = read_url(url) if url else None  # first: a wrong one must cost no invite
    answer = operator.call("POST", "/admin/invites", body)
    made = read_row(InviteLink, answer)
    middle = f"{JOIN_PATH}#"
    base = wanted or _checked_link(made.link, middle, made.invite, INVITE_PREFIX)
    link = invite_link(base, made.invite)
    instruction = invite_instruction(base, made.invite, made.name)
    if out.is_json:
        out.write_json(answer | {"link": link, "instruction": instruction})
        return Exit.OK
    if out.is_quiet:
        out.write(link)
        return Exit.OK
    out.say(
        f"An invite to room {made.room} for {made.name or 'any name'}, shown only "
        f"once; it works once and expires at {times.show(made.expires_at)}."
        f"\nid {made.id}: 'argybargy revoke {made.id}' revokes it."
        "\nThe link, and a line for the prompt of the agent:\n"
    )
    out.write(link)
    out.write(instruction)
    return Exit.OK


def invites(
    env: Environment,
    *,
    revoke: Annotated[
        str | None, Parameter(help="Revoke the open invite with this id.")
    ] = None,
) -> int:
    """List the one-use invites of the last day, or revoke one.

    Exit code 3 if there are none.

    Example: argybargy invites

    Args:
        revoke: Id of an invite to revoke.
    """
    out, times = env.output, env.machine.times
    if revoke == "":
        text = "--revoke needs the id of an invite."
        raise CliError(text, "List them: argybargy invites", Exit.USAGE)

    def work(operator: Operator) -> int:
        if revoke is not None:
            return revoke_invite(operator, revoke, out)
        return _show(operator, out, times)

    return env.work(work)


def open_invites(operator: Operator) -> frozenset[str]:
    """Return the ids of the invites that nobody has used yet."""
    rows = read_row(_Invites, operator.call("GET", "/admin/invites")).invites
    listed = [read_row(ListedInvite, row) for row in rows]
    return frozenset(each.id for each in listed if each.state == "open")


def revoke_invite(operator: Operator, invite_id: str, out: Output) -> int:
    """Revoke an open invite, and say so.

    Raises:
        CliError: There is no such invite.
    """
    path = f"/admin/invites/{quote(invite_id, safe='')}"
    answer = operator.call("DELETE", path)
    if out.is_json:
        out.write_json(answer)
    else:
        out.write(f"revoked {invite_id}")
    return Exit.OK


def _show(operator: Operator, out: Output, times: LocalTimes) -> int:
    rows = read_row(_Invites, operator.call("GET", "/admin/invites")).invites
    listed = [read_row(ListedInvite, row) for row in rows]
    if out.is_json:
        out.write_json(rows)
    elif listed:
        cells = [
            (
                each.id,
                each.room,
                each.name or "-",
                each.state,
                times.show(each.expires_at),
                each.code_key_id or "-",
            )
            for each in listed
        ]
        out.write_table(_HEADS, cells)
    else:
        out.say("There are no invites. Create one: argybargy invite ROOM --once")
    return Exit.OK if listed else Exit.NOTHING


def guest(
    env: Environment,
    room: str,
    *,
    name: Annotated[str | None, Parameter(name="--as")] = None,
    hours: Annotated[int | None, INTEGER] = None,
    qr: bool = False,
) -> int:
    """Print a link that lets a person into one room for a limited time.

    The person reads what is said to everybody; with --as NAME, the person also writes,
    under that name. 'argybargy revoke KEY-ID' ends the visit.

    Example: argybargy guest review --as pat --hours 8

    Args:
        room: Room to show.
        name: Name under which the person speaks.
        hours: Hours until the link ends; 24 if not given, at most 720.
        qr: Show the link as a QR code as well, if a phone can open it.
    """
    out, times = env.output, env.machine.times
    if not is_name(room) or not (name is None or is_peer_name(name)):
        wrong = room if not is_name(room) else name
        text = f"'{wrong}' is not a valid name: {NAME_RULE}, and no reserved word."
        raise CliError(text, code=Exit.USAGE)
    if hours is not None and not 1 <= hours <= _MOST_GUEST_HOURS:
        text = f"--hours: 1 to {_MOST_GUEST_HOURS} hours."
        hint = "The link of a guest always ends."
        raise CliError(text, hint, Exit.USAGE)

    def work(operator: Operator) -> int:
        ttl = None if hours is None else f"{hours}h"
        body = {"name": name, "speaks": name is not None, "ttl": ttl}
        path = f"/admin/rooms/{quote(room, safe='')}/guests"
        return _show_guest(operator.call("POST", path, body), out, times, qr=qr)

    return env.prepare(work)


def _show_guest(answer: Json, out: Output, times: LocalTimes, *, qr: bool) -> int:
    made = read_row(GuestLink, answer)
    base = _checked_link(made.link, _GUEST, made.code, AGENT_PREFIX)
    link = f"{base}{_GUEST}{made.code}"
    if out.is_json:
        out.write_json(answer)
        return Exit.OK
    may = f"speak as {made.name}" if made.role == "person" else "read"
    out.say(
        f"With this link, a person may {may} in room {made.room}; it is shown only "
        f"once and ends at {times.show(made.expires_at)}."
        f"\nkey id {made.key_id}: 'argybargy revoke {made.key_id}' ends it sooner.\n"
    )
    out.write(link)
    if qr:
        from argybargy.cli.commands.sessions import (  # noqa: PLC0415 - for one option
            REACHABLE,
            draw_qr,
            is_of_this_machine,
            no_phone,
            qr_matrix,
        )

        if is_of_this_machine(base):
            out.say(f"No QR code: {no_phone(base)}\n{REACHABLE}")
        else:
            out.write(draw_qr(qr_matrix(link)))
    return Exit.OK
