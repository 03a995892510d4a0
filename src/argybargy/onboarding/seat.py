"""Instructions for an agent whose code is in a file, and the table of agent programs.

The prompt contains no secret. `CLIENTS` says for each program how its agent hears and
what wakes it when idle, once `connect --write` has written its files.
``docs/reference/programs.md`` says with which versions that was tried.
"""

import shlex
from collections.abc import Mapping
from typing import Final

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.names import NAME_RULE, is_name
from argybargy.onboarding.instructions import TRUST
from argybargy.system.values import frozen

_LONGEST_PAUSE_SECONDS: Final = 30
"""Maximum pause of the listener script between attempts, in seconds."""


@frozen
class Client:
    """A program that runs agents.

    Attributes:
        key: Its name on the command line, and the default name of its agent.
        title: Its display name.
        while_working: How a working agent receives messages, once it is connected
            with ``--write``.
        while_idle: Events that wake an idle agent then.
    """

    key: str
    title: str
    while_working: str
    while_idle: str


_AT_THE_END: Final = "It hears you at the end of its turn."
_AT_TOOLS: Final = "It hears you after its next tool call, and at the end of its turn."
_UNTRIED: Final = " From documentation only: it was not tried here."

CLIENTS: Final[Mapping[str, Client]] = {
    client.key: client
    for client in (
        Client(
            key="claude",
            title="Claude Code",
            while_working="Its plugin's monitor tells it with the next tool result.",
            while_idle="The same monitor wakes it at once; silence costs nothing.",
        ),
        Client(
            key="codex",
            title="Codex",
            while_working=_AT_THE_END,
            while_idle="'codex queue' wakes it at once; until then it costs nothing.",
        ),
        Client(
            key="opencode",
            title="opencode",
            while_working=_AT_THE_END,
            while_idle="A plugin wakes it at once; until then it costs nothing.",
        ),
        Client(
            key="copilot",
            title="GitHub Copilot CLI",
            while_working=_AT_THE_END,
            while_idle=(
                "The end of 'argy wait' wakes it, if the agent has started that in an "
                "asynchronous shell, as it is told to."
            ),
        ),
        Client(
            key="gemini",
            title="Gemini CLI",
            while_working=_AT_TOOLS,
            while_idle=(
                "Nothing wakes it at its prompt: it hears you in its next turn. With "
                "--headless, a hook keeps its turn going until there is a message."
            ),
        ),
        Client(
            key="cursor",
            title="Cursor",
            while_working=_AT_TOOLS + _UNTRIED,
            while_idle="Nothing that is known of wakes it: it hears you in its next "
            "turn." + _UNTRIED,
        ),
        Client(
            key="goose",
            title="Goose",
            while_working=_AT_THE_END + _UNTRIED,
            while_idle="Nothing that is known of wakes it." + _UNTRIED,
        ),
        Client(
            key="curl",
            title="a shell",
            while_working="It hears you at once: a poll answers when somebody speaks.",
            while_idle="A script that polls is never idle. Run the listener below.",
        ),
    )
}


@frozen
class Seat:
    """A peer of a room whose code is in a file.

    Attributes:
        base: Where the relay is.
        room: The room.
        name: What the agent is called.
        header: The path of the file with the header that carries the code.
        listener: The path of the script that listens.
        limits: What the relay allows.
        is_local: Whether the relay is on the machine of the agent.

    Raises:
        ValueError: The room or the name is none, or the address is not printable:
            they stand in a script and in a prompt.
    """

    base: str = attrs.field()
    room: str = attrs.field()
    name: str = attrs.field()
    header: str
    listener: str
    limits: Limits
    is_local: bool = False

    @room.validator
    @name.validator
    def _check_name(self, attribute: "attrs.Attribute[str]", value: str) -> None:
        if not is_name(value):
            raise ValueError(f"{attribute.name}: {NAME_RULE}")

    @base.validator
    def _check_base(self, _: "attrs.Attribute[str]", value: str) -> None:
        if not value.isprintable():
            raise ValueError("base: an address has printable characters only")

    @property
    def listen_command(self) -> str:
        """The command line of the listener, quoted for a shell."""
        return f"sh {shlex.quote(self.listener)}"


def seat_brief(seat: Seat) -> str:
    """Return the prompt for an agent with a seat. It contains no secret."""
    base = seat.base
    header, manual = shlex.quote(f"@{seat.header}"), shlex.quote(f"{base}/?format=text")
    claim = shlex.quote(f"{base}/messages/<seq>/claim?format=text")
    reply = "format=text&to=<name>&reply_to=<seq>&expects_reply=none"
    answer = shlex.quote(f"{base}/messages?{reply}")
    ask = shlex.quote(f"{base}/messages?format=text&to=operator")
    return f"""\
You have a seat in a room of an Argybargy relay, where AI agents and one human
operator talk to each other over plain HTTP. Anything that can run curl can take part.

  Relay   : {base}
  Room    : {seat.room}
  You are : {seat.name}

Your access code is in a file, and curl takes it from there: -H @file. You need not
see it. Do not print the file, copy it, or send any of it to anyone.

1. Read the manual once; it is short:

     curl -sS {manual}

2. Wait for messages in one command, not turn by turn. This keeps the cursor, and ends
   when somebody speaks to you, however long it takes:

     {seat.listen_command} once

   Run it again to go on, between the steps of your work too. Finishing your work is
   not leaving. Others see who is here: no introduction, no sign of life and no goodbye
   is needed.

WHO ANSWERS. "expects_reply" on each message says it: your name, you do; "none" or
another name, you do not; "anyone" or "can:<word>", the one that claims it first:

     curl -sS -X POST -H {header} {claim}

   "claimed <seq>" means it is yours. "error: claimed_by_other" means that somebody
   else has it: stay quiet. Answer with reply_to, which settles the question:

     curl -sS -H {header} -H 'Content-Type: text/plain' \\
       --data-binary '<your answer>' {answer}

   "ok <number>" means that it is stored. Text that a shell would eat goes in by
   standard input: --data-binary @-

ASKING. This asks the human:

     curl -sS -H {header} -H 'Content-Type: text/plain' \\
       --data-binary '<your question>' {ask}

   With to=<name> it asks that agent, with to=all&expects_reply=anyone whoever can;
   to=all alone tells all and asks nobody. choices=yes,no offers answers: the reply has
   "choice". /ask in place of /messages waits for the answer.

WHEN TO STOP. Only when an answer says "should_exit": true. Say which exit_reason it
gave: room_closed means that the operator closed the room, idle_timeout that the room
went silent. If the listener ends with "error":"unauthorized", your code has ended: do
not run it again, and ask the human who runs you for a new one.

{TRUST}"""


def listener_script(seat: Seat) -> str:
    """Return the listener: a shell script that prints one JSON answer per line."""
    wait, patience = (
        f"{seat.limits.wait_seconds:g}",
        f"{seat.limits.wait_seconds + 5:g}",
    )
    # A proxy that the environment names leads away from a relay on this machine.
    proxy = " --noproxy '*'" if seat.is_local else ""
    return f"""\
#!/bin/sh
# Prints what is said to {seat.name} in the room {seat.room} of {seat.base}:
# a line of JSON whenever there is something, and nothing while there is not.
# With 'once' it ends after the first line. It ends by itself when the agent is
# dismissed (code 0) and when its code is not taken any more (code 4). When it cannot
# hear, it says so once on standard error, tries on, and says when it hears again.
base={shlex.quote(seat.base)}
header={shlex.quote(f"@{seat.header}")}
since=resume heard= deaf= pause=1
ask() {{ curl -sS{proxy} --max-time {patience} -H "$header" "$base/messages?$1" 2>&1; }}
while :; do
  cursor=
  answer=$(ask "wait={wait}&since=$since") &&
    cursor=$(printf '%s' "$answer" | sed -n 's/.*"cursor":\\([0-9]*\\).*/\\1/p')
  case $answer in *'"error":"unauthorized"'*) printf '%s\\n' "$answer"; exit 4 ;; esac
  if [ -z "$cursor" ]; then
    why=$(printf '%s' "${{answer:-no answer}}" | tr -d '\\000-\\037\\177' | cut -c1-200)
    [ -n "$deaf" ] || printf 'Cannot hear the relay, trying again: %s\\n' "$why" >&2
    deaf=yes
    sleep $pause
    pause=$((pause * 2))
    [ $pause -le {_LONGEST_PAUSE_SECONDS} ] || pause={_LONGEST_PAUSE_SECONDS}
    continue
  fi
  [ -z "$deaf" ] || printf 'The relay can be heard again.\\n' >&2
  deaf= pause=1
  case $answer in
    *'"should_exit":true'*) printf '%s\\n' "$answer"; exit 0 ;;
    *'"reset":true'*) printf '%s\\n' "$answer"; heard=yes ;;
    '{{"messages":[]'*) ;;
    *) printf '%s\\n' "$answer"; heard=yes ;;
  esac
  since=$cursor
  if [ -n "$heard" ] && [ "$1" = once ]; then break; fi
done
# The next cursor is the acknowledgement: without it, the same would come again.
answer=$(ask "since=$since&limit=1") || printf 'Not acknowledged: %s\\n' "$answer" >&2
"""
