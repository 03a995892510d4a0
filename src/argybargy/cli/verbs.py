"""What can be typed: every verb, where it is, and the heading it is listed under.

To add a verb, add a row here. A verb is a method of a class that takes a
:class:`argybargy.cli.world.World`; its module is only imported when it is typed, or
when the help lists all of them. A name of two words is a verb below a verb.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Final, cast

import attrs

from argybargy.cli.world import World

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
        where: Module in this package, class and method: ``codes:CodeCommands.invite``.
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
        commands = getattr(importlib.import_module(f"argybargy.cli.{module}"), holder)
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
    Verb("up", "serving:ServingCommands.up", RUN),
    Verb("serve", "serving:ServingCommands.serve", RUN),
    Verb("status", "health:HealthCommands.status", RUN),
    Verb("health", "health:HealthCommands.health", RUN),
    Verb("doctor", "doctor:DoctorCommand.doctor", RUN),
    Verb("service print", "service:ServiceCommands.service_print", RUN),
    Verb("torture", "proving:TortureCommand.torture", RUN),
    Verb("room", "rooms:RoomCommands.room", ROOMS),
    Verb("rooms", "lifecycle:LifecycleCommands.rooms", ROOMS),
    Verb("peers", "lifecycle:LifecycleCommands.peers", ROOMS),
    Verb("close", "lifecycle:LifecycleCommands.close", ROOMS),
    Verb("reopen", "lifecycle:LifecycleCommands.reopen", ROOMS),
    Verb("post", "talking:TalkCommands.post", TALK),
    Verb("say", "talking:TalkCommands.post", TALK, help=_SAY),
    Verb("watch", "watching:WatchCommands.watch", TALK),
    Verb("history", "talking:TalkCommands.history", TALK),
    Verb("search", "searching:SearchCommand.search", TALK),
    Verb("waiting", "talking:TalkCommands.waiting", TALK),
    Verb("invite", "codes:CodeCommands.invite", ACCESS),
    Verb("connect", "connect:ConnectCommand.connect", ACCESS),
    Verb("codes", "codes:CodeCommands.codes", ACCESS),
    Verb("revoke", "codes:CodeCommands.revoke", ACCESS),
    Verb("token", "codes:CodeCommands.token", ACCESS),
    Verb("open", "sessions:SessionCommands.open", ACCESS),
    Verb("qr", "sessions:SessionCommands.qr", ACCESS),
    Verb("sessions", "sessions:SessionCommands.sessions", ACCESS),
    Verb("backup", "data:DataCommands.backup", DATA),
    Verb("restore", "data:DataCommands.restore", DATA),
    Verb("export", "data_moves:MoveCommands.export", DATA),
    Verb("import", "data_moves:MoveCommands.import_", DATA),
    Verb("config show", "program:ProgramCommands.config_show", PROGRAM),
    Verb("completion", "program:ProgramCommands.completion", PROGRAM),
    Verb("version", "program:ProgramCommands.version", PROGRAM),
)


def chosen(arguments: Sequence[str]) -> tuple[Verb, ...]:
    """Return the verbs that arguments can mean: all of them, if they name none."""
    first = next(iter(arguments), "")
    return tuple(verb for verb in VERBS if verb.first_word == first) or VERBS
