"""The seat that a project has already: in words, and refused to be replaced."""

import shlex

from argybargy.agent.seat_name import relay_folder
from argybargy.cli.agent_files.connection import Connection
from argybargy.cli.agent_files.receipt import Receipt, receipts
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import InviteOptions, RelayOptions


def refuse_other_seat(
    env: Environment, planned: Connection, url: str | None, *, may_replace: bool
) -> None:
    """Refuse to replace the seat of another room or relay, unless that was asked for.

    Args:
        env: Environment of the command.
        planned: The connection that would replace it.
        url: Address of the relay for the agent; ``None`` takes the relay's own.
        may_replace: Whether the user asked for it.

    Raises:
        CliError: The project has such a seat, or another project has one of the same
            name on a relay that had the same address.
    """
    new, older = planned.receipt, planned.older
    folder = relay_folder(url or _local_base(env, planned))
    if older is not None and not may_replace:
        is_same_relay = older.is_of_relay(new.relay, folder)
        if not is_same_relay or older.seat_name[:2] != new.seat_name[:2]:
            raise _taken(env, planned, older, is_same_relay=is_same_relay)
    seat = new.seat_name._replace(relay=folder)
    for each in receipts():
        is_other = each.folder != new.folder and each.directory.is_dir()
        is_same_seat = each.seat_name == seat
        if is_other and is_same_seat and not each.is_of_relay(new.relay, folder):
            text = (
                f"{each.program} in {each.directory} has a seat of the same name, of "
                f"{relay_words(each)}. Nothing was changed."
            )
            words = shlex.join([each.program, "--directory", str(each.directory)])
            hint = f"Choose another --name, or first: argybargy disconnect {words}"
            raise CliError(text, hint, Exit.LOST)


def _local_base(env: Environment, planned: Connection) -> str:
    from argybargy.serve.local_relay import local_url  # noqa: PLC0415 - it is slow

    return planned.receipt.relay.get("url") or local_url(env.read_settings())


def _taken(
    env: Environment, planned: Connection, older: Receipt, *, is_same_relay: bool
) -> CliError:
    relay = "the same relay" if is_same_relay else f"another relay ({_place(older)})"
    text = (
        f"{planned.program.title} in {planned.receipt.directory} has the seat "
        f"{seat_words(older)} of {relay}. Nothing was changed."
    )
    seat = older.seat_name
    words = ["connect", older.program, "--room", seat.room, "--write"]
    words += ["--name", seat.name] if seat.name != older.program else []
    words += ["--directory", str(older.directory)]
    words += env.options_to(older.relay, InviteOptions)
    hint = (
        f"To connect it to that seat again: {shlex.join(['argybargy', *words])}\n"
        "To put the new seat in its place, give the same command with --replace."
    )
    return CliError(text, hint, Exit.LOST)


def seat_words(receipt: Receipt) -> str:
    """Return the seat of a connection in words."""
    return f"{receipt.seat_name.room}/{receipt.seat_name.name}"


def relay_words(receipt: Receipt) -> str:
    """Return the relay of a connection in words."""
    return f"the relay ({_place(receipt)})"


def _place(receipt: Receipt) -> str:
    relay = receipt.relay
    if "url" in relay:
        return relay["url"]
    if "data" in relay:
        return f"port {relay.get('port')}, data in {relay['data']}"
    return receipt.seat_name.relay


def revoke_command(env: Environment, receipt: Receipt) -> str:
    """Return the command that revokes the code of a connection."""
    seat = receipt.seat_name
    code = [receipt.key_id] if receipt.key_id else [seat.name, "--room", seat.room]
    options = env.options_to(receipt.relay, RelayOptions)
    return shlex.join(["argybargy", "revoke", *code, *options])
