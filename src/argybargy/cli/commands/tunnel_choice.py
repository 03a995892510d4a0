"""Decide whether ``up`` opens a tunnel: by option, by an earlier answer, or by asking.

A tunnel makes the relay reachable from everywhere, so nothing opens one unasked. The
question is asked once, on a terminal, and its answer is kept in the data directory.
"""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.serve.tunnel.command import QUICK_PROGRAM, TunnelCommand
from argybargy.system.files import write_private_file
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.settings.settings import Settings

ANSWER_NAME: Final = "tunnel-answer"
"""File in the data directory with ``yes`` or ``no``."""
_ANSWERS: Final = {"yes": True, "no": False}
_QUESTION: Final = (
    "Open a public address with cloudflared, so that agents on other machines can "
    "reach\nthe relay? They need an access code."
)


class Reason(enum.Enum):
    """Reason for a tunnel, or for none."""

    OPTION = "an option says so"
    ANSWER = "the user was asked, now or earlier"
    UNASKED = "there is nobody to ask"
    PUBLIC_URL = "the settings have a public URL"
    NOT_INSTALLED = "cloudflared is not installed"


@frozen
class TunnelChoice:
    """Decision about the tunnel, and the reason for it.

    Attributes:
        command: Command that opens the tunnel; ``None`` opens none.
        reason: Reason for the choice.
        remembered: Answer to keep for the next start; ``None`` keeps what there is.
    """

    command: TunnelCommand | None
    reason: Reason
    remembered: bool | None = None

    def remember(self, data: Path) -> None:
        """Write the answer into the data directory.

        Raises:
            OSError: It cannot be written.
        """
        if self.remembered is None or self.remembered == read_answer(data):
            return
        text = "yes" if self.remembered else "no"
        write_private_file(data / ANSWER_NAME, f"{text}\n".encode())


def choose_tunnel(
    env: Environment, settings: "Settings", command: str | None, wish: bool | None
) -> TunnelChoice:
    """Choose whether to open a tunnel; ask on a terminal, if need be.

    Args:
        env: Environment of the command.
        settings: Settings of the relay.
        command: ``--tunnel-command``, if it is given.
        wish: ``--tunnel`` or ``--no-tunnel``, if one is given.

    Raises:
        CliError: The tunnel that an option demands cannot be opened.
    """
    is_reached = settings.public_url is not None
    if settings.store is not None:
        if wish or command is not None:
            text = "--tunnel: a tunnel leads to one of several relays only."
            hint = "Put a balancer in front of them; its URL is ARGYBARGY_PUBLIC_URL."
            raise CliError(text, hint, Exit.USAGE)
        return TunnelChoice(None, Reason.PUBLIC_URL)
    if command is not None:
        return TunnelChoice(_parse(command, wish, is_reached), Reason.OPTION)
    if is_reached:
        if wish:
            text = f"--tunnel: the public URL is set to {settings.public_url} already."
            hint = "For a program that leads there, use --tunnel-command."
            raise CliError(text, hint, Exit.USAGE)
        return TunnelChoice(None, Reason.PUBLIC_URL)
    quick = TunnelCommand.find_quick(is_tls=settings.tls_cert is not None)
    if quick is None:
        if wish:
            text = f"--tunnel: {QUICK_PROGRAM} is not installed."
            hint = "Install it, or name another program: --tunnel-command"
            raise CliError(text, hint, Exit.USAGE)
        reason = Reason.NOT_INSTALLED if wish is None else Reason.OPTION
        return TunnelChoice(None, reason)
    return _choose_quick(env, settings, quick, wish)


def _parse(command: str, wish: bool | None, is_reached: bool) -> TunnelCommand:
    if wish is False:
        raise _refuse("--no-tunnel forbids it")
    try:
        return TunnelCommand.parse(command, needs_url=not is_reached)
    except ValueError as error:
        raise _refuse(str(error)) from None


def _refuse(why: str) -> CliError:
    text = f"--tunnel-command cannot be used: {why}."
    return CliError(text, "See: argybargy up --help", Exit.USAGE)


def _choose_quick(
    env: Environment, settings: "Settings", quick: TunnelCommand, wish: bool | None
) -> TunnelChoice:
    """Choose whether to open the tunnel of cloudflared, which is installed."""
    is_silent = env.output.is_json or env.output.is_quiet
    confirm = None if is_silent else env.confirm
    if wish is not None:
        kept = None if confirm is None or settings.ephemeral else wish
        return TunnelChoice(quick if wish else None, Reason.OPTION, kept)
    if confirm is None:
        return TunnelChoice(None, Reason.UNASKED)
    earlier = None if settings.ephemeral else read_answer(settings.data)
    if earlier is not None:
        return TunnelChoice(quick if earlier else None, Reason.ANSWER)
    answer = confirm(_QUESTION)
    if answer is None:
        return TunnelChoice(None, Reason.UNASKED)
    kept = None if settings.ephemeral else answer
    return TunnelChoice(quick if answer else None, Reason.ANSWER, kept)


def read_answer(data: Path) -> bool | None:
    """Return the answer kept in a data directory; ``None`` if there is none."""
    try:
        return _ANSWERS.get((data / ANSWER_NAME).read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
