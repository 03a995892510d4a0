"""Table of the commands for agents, with their arguments and their help.

To add a command, add a row to ``COMMANDS``. Its function takes the process and the
parsed arguments, and returns an exit code; its module is imported only to run it.
"""

import argparse
import textwrap
from typing import Final, NoReturn

from argybargy.agent.command import Argument, Command, number, seconds
from argybargy.agent.errors import AgentError, Exit

_HELP_COLUMN: Final = 24
_COLUMNS: Final = 80
PROGRAMS: Final = (
    "claude", "codex", "opencode", "copilot", "gemini", "cursor", "goose",
)  # fmt: skip
"""Programs that have hooks."""


_SEAT: Final = Argument(
    ("--seat",),
    "[--seat SEAT]",
    "The seat, if it is not the one of this directory.",
)
_TEXT: Final = Argument(
    ("text",), "TEXT", "The text; - reads it from standard input.", {"nargs": "+"}
)
_QUESTION: Final = Argument(
    ("number",), "NUMBER", "Number of the question.", {"type": number}
)
_HEAR: Final = Argument(
    ("--hear",),
    "[--hear asks|direct|all]",
    "Messages that end the wait: questions to you and answers to yours, all messages "
    "to you, or all. Others are read together with these. Default: asks.",
    {"choices": ("asks", "direct", "all"), "default": "asks"},
)

SEATS: Final = (
    "A seat is ROOM/NAME, or RELAY/ROOM/NAME. A command uses the first of these that "
    "exists: --seat, $ARGYBARGY_SEAT, the seat of the session, the nearest .argybargy, "
    "the only seat of this machine."
)
"""The rule by which a command takes a seat."""

COMMANDS: Final = (
    Command(
        "join",
        "joining:join",
        "Take a seat in a room, by the link of an invitation.",
        (
            Argument(("link",), "LINK", "The link; with a code, the relay's address."),
            Argument(
                ("--as",),
                "[--as NAME]",
                "Your name in the room, if the invitation leaves it open.",
                {"dest": "name"},
            ),
            Argument(
                ("--for",),
                "[--for PROGRAM]",
                "The program you run in, such as claude or codex.",
                {"dest": "program"},
            ),
            Argument(
                ("--code-stdin",),
                "[--code-stdin]",
                "Read an existing code from standard input.",
                {"action": "store_true"},
            ),
            Argument(
                ("--header-file",),
                "[--header-file FILE]",
                "Read it from a file, as 'argybargy connect' writes it.",
            ),
            Argument(
                ("--no-file",),
                "[--no-file]",
                "Do not write the seat into the project's .argybargy.",
                {"action": "store_true"},
            ),
        ),
        "The code goes into a file that only you can read. A link works once.",
    ),
    Command(
        "read",
        "reading:read",
        "Print new messages, a message with its replies, or a range.",
        (
            Argument(
                ("which",),
                "[new|41|9-20]",
                "New messages, message 41, or messages 9 to 20.",
                {"nargs": "?", "default": "new"},
            ),
            _SEAT,
        ),
        "It prints nothing if nothing is new.",
    ),
    Command(
        "wait",
        "reading:wait",
        "Wait for messages, and print them.",
        (
            Argument(
                ("--timeout",),
                "[--timeout SECONDS]",
                "Give up after so many seconds. Default: never.",
                {"type": seconds},
            ),
            _HEAR,
            _SEAT,
        ),
        "Exit codes: 0 a message, 3 timeout, 4 code refused, 6 room closed, 7 relay "
        "unreachable.",
    ),
    Command(
        "say",
        "talking:say",
        "Say something in the room.",
        (
            Argument(
                ("text",),
                "[TEXT]",
                "The text; - reads it from standard input. --choice needs none.",
                {"nargs": "*"},
            ),
            Argument(
                ("--to",),
                "[--to NAME]",
                "Recipient; repeat it for several. Default: everybody.",
                {"action": "append"},
            ),
            Argument(
                ("--re",),
                "[--re NUMBER]",
                "The message that it answers.",
                {"type": number},
            ),
            Argument(
                ("--choice",),
                "[--choice CHOICE]",
                "One of the answers that the question of --re offers.",
            ),
            Argument(
                ("--fyi",),
                "[--fyi]",
                "Say that no answer is needed, even from a single recipient.",
                {"action": "store_true"},
            ),
            _SEAT,
        ),
        'Example: argy say --re 41 "done"',
    ),
    Command(
        "ask",
        "talking:ask",
        "Ask a question: the human ('operator'), an agent, or anyone in the room.",
        (
            _TEXT,
            Argument(
                ("--to",),
                "[--to NAME]",
                "Who should answer. Default: anyone in the room.",
            ),
            Argument(
                ("--choices",),
                "[--choices A,B]",
                "2 to 6 short answers to choose from; repeat it or use commas.",
                {"action": "append"},
            ),
            Argument(
                ("--wait",),
                "[--wait SECONDS]",
                "Wait for the answer, at most 50 seconds. Default: do not wait.",
                {"type": seconds},
            ),
            _SEAT,
        ),
        'Example: argy ask --to operator "May I delete the old bucket?"',
    ),
    Command(
        "claim",
        "talking:claim",
        "Claim a question to anyone before you answer it.",
        (_QUESTION, _SEAT),
        "Exit code 6: another agent has it, so stay quiet.",
    ),
    Command(
        "release",
        "talking:release",
        "Release a claim, so that another agent can take the question.",
        (_QUESTION, _SEAT),
    ),
    Command(
        "withdraw",
        "talking:withdraw",
        "Withdraw a question of yours that no longer needs an answer.",
        (
            _QUESTION,
            Argument(("--reason",), "[--reason WHY]", "Why, for those who can see it."),
            _SEAT,
        ),
    ),
    Command(
        "me",
        "looking:me",
        "Tell the room what you can do and are doing; print it without options.",
        (
            Argument(
                ("--can",),
                "[--can WORDS]",
                "Your capabilities, such as sql,ci. They replace earlier ones.",
                {"action": "append"},
            ),
            Argument(
                ("--status",), "[--status TEXT]", "Your present work, in one line."
            ),
            _SEAT,
        ),
        "It wakes nobody. An empty text removes the entry.",
    ),
    Command("who", "looking:who", "Print who is in the room.", (_SEAT,)),
    Command(
        "find",
        "looking:find",
        "Search earlier messages, newest first.",
        (
            Argument(
                ("words",),
                "WORDS",
                'Words, "phrases", -word, from:NAME, to:NAME, is:open.',
                {"nargs": "+"},
            ),
            Argument(
                ("--limit",),
                "[--limit N]",
                "Maximum number of messages. Default: 10.",
                {"type": number, "default": 10},
            ),
            _SEAT,
        ),
    ),
    Command(
        "status",
        "looking:status",
        "Print your seat, unread messages, open questions and claims.",
        (_SEAT,),
    ),
    Command(
        "ear",
        "ear:ear",
        "Listen for the program of an agent, and wake it when a message comes.",
        (
            Argument(
                ("--wake",),
                "--wake lines|exit2|queue:THREAD|spool",
                "How messages are handed over: as lines on standard output; on "
                "standard error, with exit code 2; by 'codex queue'; or in the file "
                "'spool' of the seat, which hooks read.",
                {"required": True},
            ),
            _HEAR,
            Argument(
                ("--program",),
                "[--program NAME/VERSION]",
                "Program to show to others. Default: that of 'join --for'.",
            ),
            Argument(
                ("--session",),
                "[--session ID]",
                "Its session. A newer ear of a session replaces the older one.",
            ),
            Argument(
                ("--while-pid",),
                "[--while-pid PID]",
                "End with this process. Default: with the parent process.",
                {"type": number},
            ),
            Argument(
                ("--while-locked",),
                "[--while-locked FILE]",
                "End when nobody holds the lock on this file, or it is gone.",
            ),
            Argument(
                ("--while-stdin",),
                "[--while-stdin]",
                "End when standard input is closed.",
                {"action": "store_true"},
            ),
            _SEAT,
        ),
        "It prints nothing while nothing happens, and ends with its program, or when "
        "the relay refuses the code.",
    ),
    Command(
        "hook",
        "hook:hook",
        "Answer a hook of an agent's program; 'argybargy connect' installs these.",
        (
            Argument(
                ("program",),
                "PROGRAM",
                "The program, such as claude or codex.",
                {"choices": PROGRAMS},
            ),
            Argument(
                ("event",),
                "EVENT",
                "start, prompt, tool or stop; peek and took for plugins.",
                {"choices": ("start", "prompt", "tool", "stop", "peek", "took")},
            ),
            Argument(
                ("--park",),
                "[--park]",
                "Wait for a message at the end of a turn, for programs without a user.",
                {"action": "store_true"},
            ),
        ),
        "Reads a JSON object from standard input and prints one. It always succeeds.",
    ),
    Command(
        "mcp",
        "mcp_shim:mcp",
        "Serve the relay's MCP tools on standard input and output.",
        (_SEAT,),
        "For programs that start MCP servers as a command. The code stays in its file.",
    ),
    Command(
        "doctor",
        "checkup:doctor",
        "Check the seat, the relay, the files of the program and the ear.",
        (
            Argument(
                ("--wake",),
                "[--wake]",
                "Also wake the program with a line that says that it is a test.",
                {"action": "store_true"},
            ),
            _SEAT,
        ),
        "Run it in the agent's own shell: a sandbox may block the way to the relay.",
    ),
    Command(
        "leave",
        "joining:leave",
        "Give up the seat: delete its code from this machine.",
        (_SEAT,),
        "The operator revokes codes; the relay keeps this one until then.",
    ),
)


def find_command(name: str) -> Command:
    """Return the command of a name.

    Raises:
        AgentError: There is none.
    """
    for command in COMMANDS:
        if command.name == name:
            return command
    names = ", ".join(command.name for command in COMMANDS)
    text = "There is no such command."
    raise AgentError(text, f"Commands: {names}. Help: argy --help", Exit.USAGE)


class _Parser(argparse.ArgumentParser):
    """A parser that raises our error instead of ending the process."""

    def __init__(self, command: Command) -> None:
        super().__init__(prog="argy", add_help=False, allow_abbrev=False)
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Raise the error of an invalid command line."""
        hint = f"Usage: {self.command.usage}"
        raise AgentError(f"{message[:1].upper()}{message[1:]}.", hint, Exit.USAGE)


def parse_arguments(command: Command, words: list[str]) -> argparse.Namespace:
    """Parse the words after the name of a command.

    Raises:
        AgentError: They are invalid.
    """
    parser = _Parser(command)
    for argument in command.arguments:
        parser.add_argument(*argument.names, **argument.rules)
    if "--" in words:
        return parser.parse_args(words)  # the other way loses the text after it
    return parser.parse_intermixed_args(words)


def help_of(command: Command) -> str:
    """Return the help of a command."""
    rows = [_row(each.shown.strip("[]"), each.help) for each in command.arguments]
    usage = textwrap.fill(
        f"Usage: {command.usage}", _COLUMNS, subsequent_indent=" " * 7
    )
    details = textwrap.fill(command.details, _COLUMNS)
    parts = [usage, command.summary, "\n".join(rows), details]
    return "\n\n".join(part for part in parts if part)


def help_of_all() -> str:
    """Return the list of all commands."""
    rows = [_row(command.name, command.summary) for command in COMMANDS]
    parts = [
        "Usage: argy COMMAND ...",
        "Commands for agents in a room of a relay. 'argy' is short for 'argybargy "
        "agent'.",
        "\n".join(rows),
        textwrap.fill(SEATS, _COLUMNS),
        "Help: argy COMMAND --help",
    ]
    return "\n\n".join(parts)


def _row(shown: str, text: str) -> str:
    indent = " " * _HELP_COLUMN
    lines = textwrap.wrap(text, _COLUMNS - _HELP_COLUMN)
    filled = f"\n{indent}".join(lines)
    if len(shown) + 4 > _HELP_COLUMN:
        return f"  {shown}\n{indent}{filled}"
    return f"{f'  {shown}':{_HELP_COLUMN}}{filled}"
