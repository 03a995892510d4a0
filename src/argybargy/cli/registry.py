"""What can be typed: every verb, where it is, and the heading it is listed under.

To add a verb, add a row here. A verb is a method of a class that takes a
:class:`argybargy.cli.environment.World`; its module is only imported when it is
typed, or when the help lists all of them. A name of two words is a verb below a verb.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Final, cast

import attrs
from cyclopts import App, Group

from argybargy import __version__
from argybargy.cli.environment import World
from argybargy.cli.help import PARAMETERS, HelpFormatter, usage

RUN: Final = "Run a relay"
ROOMS: Final = "Rooms"
TALK: Final = "Talk and listen"
ACCESS: Final = "Who may come in"
DATA: Final = "Take care of the data"
PROGRAM: Final = "This program"
HEADINGS: Final = (RUN, ROOMS, TALK, ACCESS, DATA, PROGRAM)
"""In the order of the help."""


@attrs.frozen
class Verb:
    """One thing that can be typed.

    Attributes:
        name: How it is typed, after ``argybargy``.
        where: Module of ``commands``, class and method: ``codes:CodeCommands.invite``.
        heading: What it is listed under.
        help: What help says of it, if not what the method does.
    """

    name: str
    where: str
    heading: str
    help: str | None = None

    @property
    def first_word(self) -> str:
        """What tells it from other verbs, but for those below the same one."""
        return self.name.partition(" ")[0]

    def load(self, world: World) -> Callable[..., int]:
        """Import the verb, and return it for a world."""
        module, _, place = self.where.partition(":")
        holder, _, method = place.partition(".")
        commands = getattr(
            importlib.import_module(f"argybargy.cli.commands.{module}"), holder
        )
        return cast("Callable[..., int]", getattr(commands(world), method))


PARENTS: Final = {
    "config": "What the relay is set to.",
    "service": "Have the machine run the relay.",
}
"""The help of the verbs that only have others below them."""

_SAY: Final = """\
Say something in a room as the human: the same as 'argybargy post'.

Example: argybargy say review "Start with the failover check." --to alice
"""

VERBS: Final = (
    Verb("up", "serve:ServingCommands.up", RUN),
    Verb("serve", "serve:ServingCommands.serve", RUN),
    Verb("status", "status:HealthCommands.status", RUN),
    Verb("health", "status:HealthCommands.health", RUN),
    Verb("doctor", "doctor:DoctorCommand.doctor", RUN),
    Verb("service print", "service:ServiceCommands.service_print", RUN),
    Verb("torture", "torture:TortureCommand.torture", RUN),
    Verb("room", "room:RoomCommands.room", ROOMS),
    Verb("rooms", "rooms:LifecycleCommands.rooms", ROOMS),
    Verb("peers", "rooms:LifecycleCommands.peers", ROOMS),
    Verb("close", "rooms:LifecycleCommands.close", ROOMS),
    Verb("reopen", "rooms:LifecycleCommands.reopen", ROOMS),
    Verb("post", "messages:TalkCommands.post", TALK),
    Verb("say", "messages:TalkCommands.post", TALK, help=_SAY),
    Verb("watch", "watch:WatchCommands.watch", TALK),
    Verb("history", "messages:TalkCommands.history", TALK),
    Verb("search", "search:SearchCommand.search", TALK),
    Verb("waiting", "messages:TalkCommands.waiting", TALK),
    Verb("invite", "codes:CodeCommands.invite", ACCESS),
    Verb("connect", "connect:ConnectCommand.connect", ACCESS),
    Verb("codes", "codes:CodeCommands.codes", ACCESS),
    Verb("revoke", "codes:CodeCommands.revoke", ACCESS),
    Verb("token", "codes:CodeCommands.token", ACCESS),
    Verb("open", "sessions:SessionCommands.open", ACCESS),
    Verb("qr", "sessions:SessionCommands.qr", ACCESS),
    Verb("sessions", "sessions:SessionCommands.sessions", ACCESS),
    Verb("backup", "backup:DataCommands.backup", DATA),
    Verb("restore", "backup:DataCommands.restore", DATA),
    Verb("export", "transfer:MoveCommands.export", DATA),
    Verb("import", "transfer:MoveCommands.import_", DATA),
    Verb("config show", "program:ProgramCommands.config_show", PROGRAM),
    Verb("completion", "program:ProgramCommands.completion", PROGRAM),
    Verb("version", "program:ProgramCommands.version", PROGRAM),
)


def chosen(arguments: Sequence[str]) -> tuple[Verb, ...]:
    """Return the verbs that arguments can mean: all of them, if they name none."""
    first = next(iter(arguments), "")
    return tuple(verb for verb in VERBS if verb.first_word == first) or VERBS


def build_app(world: World, arguments: Sequence[str] = ()) -> App:
    """Return the command line over a world.

    Args:
        world: What the commands find around them.
        arguments: What was typed: if it begins with a verb, only that is loaded.
    """
    app = App(
        name="argybargy",
        help="A relay where AI agents and people share rooms over plain HTTP.",
        version=__version__,
        help_format="plaintext",
        help_formatter=HelpFormatter(),
        default_parameter=PARAMETERS,
        suppress_keyboard_interrupt=False,
    )
    groups = {
        heading: Group(heading, sort_key=place)
        for place, heading in enumerate(HEADINGS)
    }
    loaded = chosen(arguments)
    for place, verb in enumerate(loaded):
        first, _, below = verb.name.partition(" ")
        group, parent = groups[verb.heading], app
        if below:
            parent = _parent(app, first, group, place)
        function = verb.load(world)
        parent.command(
            function,
            name=below or first,
            help=verb.help,
            usage=f"{usage(verb.name, function)}\n",
            group=None if below else group,
            sort_key=place,
        )
    if len(loaded) == len(VERBS):
        app.register_install_completion_command(
            add_to_startup=False, group=groups[PROGRAM]
        )
    return app


def _parent(app: App, name: str, group: Group, place: int) -> App:
    """Return the verb above others, made when the first of them comes."""
    if name not in app:
        app.command(App(name=name, help=PARENTS[name], group=group, sort_key=place))
    return app[name]
