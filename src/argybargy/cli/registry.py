"""Table of all commands: name, function, heading in the help, and common options.

To add a command, add a row to ``VERBS``. A command is a function that takes an
:class:`argybargy.cli.environment.Environment`, then its own arguments, and returns an
exit code. Its module is imported only when the command is typed, or for the list of all
commands. A name of two words is a subcommand.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError
from argybargy.cli.options import InviteOptions, LocalOptions, RelayOptions
from argybargy.system.values import frozen

START: Final = "Start here"
RUN: Final = "Run a relay"
ROOMS: Final = "Rooms"
TALK: Final = "Messages"
ACCESS: Final = "Access"
DATA: Final = "Data"
AGENTS: Final = "For agents"
PROGRAM: Final = "This program"
HEADINGS: Final = (START, RUN, ROOMS, TALK, ACCESS, DATA, AGENTS, PROGRAM)
"""Headings in the order of the help."""


@frozen
class Verb:
    """A command in the table.

    Attributes:
        name: Words after ``argybargy``.
        where: Module below ``commands`` and function: ``codes:invite``.
        heading: Heading in the help.
        options: Common options that the command takes.
        help: Help text; ``None`` takes the docstring of the function.
        words: Positional arguments in the usage line; ``None`` takes the parameters of
            the function in order.
    """

    name: str
    where: str
    heading: str
    options: type[LocalOptions] = RelayOptions
    help: str | None = None
    words: str | None = None

    @property
    def first_word(self) -> str:
        """First word of the name; subcommands share it."""
        return self.name.partition(" ")[0]

    def load(self) -> Callable[..., int]:
        """Import the command, and return its function."""
        module, _, function = self.where.partition(":")
        package = "argybargy.cli.commands"
        command: Callable[..., int] = getattr(
            importlib.import_module(f"{package}.{module}"), function
        )
        return command

    def run(
        self,
        environment: Environment,
        common: LocalOptions | None = None,
        *arguments: Any,  # noqa: ANN401 - as they were parsed
        **given: Any,  # noqa: ANN401
    ) -> int:
        """Run the command, and return its exit code.

        Args:
            environment: Environment of the process.
            common: Common options; ``None`` if none was given.
            arguments: Arguments of the command itself.
            given: Options of the command itself.

        Raises:
            CliError: The command failed.
        """
        resolved = environment.with_options(common or self.options(), OPTIONS)
        try:
            return self.load()(resolved, *arguments, **given)
        except CliError as error:
            raise error.typed(resolved.output.typed) from error


PARENTS: Final = {
    "config": "Settings of the relay.",
    "notify": "Notifications of the operator.",
    "service": "Run the relay as a system service.",
}
"""Help of the commands that only have subcommands; ``room`` is a command as well."""

_SAY: Final = """\
Post a message as the human operator: the same as 'argybargy post'.

A room that does not exist is an error (exit code 5), unless --new is given.

Example: argybargy say review "Start with the failover check." --to alice
"""

VERBS: Final = (
    Verb("up", "serve:up", START, LocalOptions),
    Verb("open", "sessions:open_dashboard", START),
    Verb("connect", "connect:connect", START, InviteOptions),
    Verb("room", "room:room", START, InviteOptions),
    Verb("room delete", "rooms:room_delete", START),
    Verb("waiting", "waiting:waiting", START),
    Verb("serve", "serve:serve", RUN, LocalOptions),
    Verb("status", "status:status", RUN),
    Verb("health", "status:health", RUN),
    Verb("doctor", "doctor:doctor", RUN, LocalOptions),
    Verb("notify test", "notify:notify_test", RUN),
    Verb("notify status", "notify:notify_status", RUN),
    Verb("service print", "service:service_print", RUN, LocalOptions),
    Verb("cluster", "cluster:cluster", RUN, LocalOptions),
    Verb("torture", "torture:torture", RUN, LocalOptions),
    Verb("rooms", "rooms:rooms", ROOMS),
    Verb("peers", "rooms:peers", ROOMS),
    Verb("close", "rooms:close", ROOMS),
    Verb("reopen", "rooms:reopen", ROOMS),
    Verb("undamp", "rooms:undamp", ROOMS),
    Verb("post", "messages:post", TALK),
    Verb("say", "messages:post", TALK, help=_SAY),
    Verb("watch", "watch:watch", TALK),
    Verb("history", "history:history", TALK),
    Verb("search", "search:search", TALK),
    Verb("withdraw", "messages:withdraw", TALK),
    Verb("ask", "questions:ask", TALK),
    Verb("answer", "questions:answer", TALK, words="[ROOM] SEQ [TEXT]"),
    Verb("show", "thread:show", TALK, words="[ROOM] SEQ"),
    Verb("invite", "codes:invite", ACCESS, InviteOptions),
    Verb("invites", "invites:invites", ACCESS),
    Verb("guest", "invites:guest", ACCESS),
    Verb("disconnect", "disconnect:disconnect", ACCESS, LocalOptions),
    Verb("codes", "codes:codes", ACCESS),
    Verb("revoke", "codes:revoke", ACCESS),
    Verb("token", "codes:token", ACCESS, LocalOptions),
    Verb("audit", "audit:audit", ACCESS),
    Verb("qr", "sessions:qr", ACCESS),
    Verb("sessions", "sessions:sessions", ACCESS),
    Verb("backup", "backup:backup", DATA),
    Verb("restore", "backup:restore", DATA),
    Verb("move", "move:move", DATA, LocalOptions),
    Verb("export", "transfer:export", DATA),
    Verb("import", "transfer:import_", DATA),
    Verb("config show", "program:config_show", PROGRAM, LocalOptions),
    Verb("completion", "program:completion", PROGRAM, LocalOptions),
    Verb("version", "program:version", PROGRAM, LocalOptions),
)


FOR_AGENTS: Final = {
    "join": "Take a seat in a room: argybargy join LINK",
    "agent": "Read, say, ask, wait, check the seat: argybargy agent --help",
}
"""Commands that :mod:`argybargy.__main__` passes on to :mod:`argybargy.agent`."""


OPTIONS: Final = {verb.name: verb.options for verb in VERBS}
"""The kind of options of each command."""


STARTING: Final = {verb.name: verb for verb in VERBS if verb.where.startswith("serve:")}
"""Commands that start a relay. Without options nothing of their line is left to parse,
and they run without cyclopts, whose import takes 26 ms."""


def chosen(arguments: Sequence[str]) -> tuple[Verb, ...]:
    """Return the commands that the first word names, or all commands."""
    first = next(iter(arguments), "")
    return tuple(verb for verb in VERBS if verb.first_word == first) or VERBS
