"""Environment of a command: streams, clock, settings and clients of the relay.

Settings, HTTP and Trio are imported inside functions, because many commands do without
them and a command has to start at once.
"""

import importlib
import io
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from argybargy.cli.client.protocol import LiveOperator, Operator, Work
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.next_commands import NextCommands
from argybargy.cli.options import LocalOptions, Overrides, RelayOptions
from argybargy.cli.terminal.browser import browse
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.settings.parsers import parse_base_url
from argybargy.system.own_program import PROGRAM, programs_of_this_process
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.serve.run_plan import RunPlan
    from argybargy.settings.settings import Settings

# ruff: noqa: PLC0415 - late imports keep commands that need neither fast


class Reach(Protocol):
    """Run work on the operator API, live or offline.

    A protocol and not a function type, because of the keyword. It documents
    :func:`argybargy.cli.client.locate.reach`.
    """

    def __call__(
        self,
        settings: "Settings",
        options: RelayOptions,
        work: Work,
        *,
        makes_data: bool = False,
    ) -> int:
        """Return the exit code of the work."""
        ...


class Connect(Protocol):
    """Find a running relay; see :func:`argybargy.cli.client.locate.connect`."""

    def __call__(
        self, settings: "Settings", options: RelayOptions, *, with_token: bool = True
    ) -> LiveOperator:
        """Return a client of the relay."""
        ...


@frozen
class Machine:
    """Clock, terminal width and standard input.

    Attributes:
        now: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
        times: Formats timestamps in local time.
        columns: Returns the width of the terminal; ``None`` without a terminal.
        read_input: Reads up to that many characters of standard input; raises
            UnicodeDecodeError if the input is not UTF-8.
        read_pieces: Yields all of standard input as chunks of bytes.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    times: LocalTimes
    columns: Callable[[], int | None]
    read_input: Callable[[int], str]
    read_pieces: Callable[[], Iterator[bytes]]

    @classmethod
    def real(cls) -> "Machine":
        """Return the machine of this process."""
        # The relay's clock comes from Trio, whose import takes as long as a command.
        return cls(
            now=time.monotonic,  # noqa: TID251
            sleep=time.sleep,
            times=LocalTimes(None, _today),
            columns=_columns,
            read_input=_read_input,
            read_pieces=_read_pieces,
        )


@frozen
class Environment:
    """Streams, settings, relay and machine that a command uses; tests pass fakes.

    Attributes:
        output: Standard output and standard error.
        settings: Reads the settings, given overrides; may raise SettingsError.
        reach: Runs work on the operator API, live or offline.
        connect: Returns a client of a running relay.
        find_token: Returns the admin token; creates one if there is none.
        serve: Runs a relay until it is stopped; returns the exit code.
        confirm: Asks a yes-or-no question, and returns ``None`` without an answer;
            ``None`` without a terminal.
        machine: Clock, terminal width and standard input.
        browse: Opens a page in a browser; ``False`` without a browser.
        program: What starts this program in the user's shell, for hints.
        program_anywhere: What starts it in any directory; empty if `program` does.
        has_package: Tells whether a Python package is installed.
        arguments: Words of the command line after ``argybargy``.
        options: Common options of the command that runs.
        verbs: The kind of options that each command takes.
    """

    output: Output
    settings: Callable[[Overrides], "Settings"]
    reach: Reach
    connect: Connect
    find_token: Callable[["Settings"], str]
    serve: Callable[["Settings", "RunPlan"], int]
    confirm: Callable[[str], bool | None] | None
    machine: Machine
    browse: Callable[[str], bool]
    program: str = PROGRAM
    program_anywhere: str = ""
    has_package: Callable[[str], bool] = lambda name: find_spec(name) is not None
    arguments: Sequence[str] = ()
    options: RelayOptions = attrs.field(factory=RelayOptions)
    verbs: Mapping[str, type[LocalOptions]] = attrs.field(factory=dict)

    @classmethod
    def real(cls) -> "Environment":
        """Return the environment of this process."""
        is_terminal = sys.stdin is not None and sys.stdin.isatty()
        locate = "argybargy.cli.client.locate"
        program, anywhere = programs_of_this_process()
        return cls(
            output=Output.standard(),
            settings=_late("argybargy.settings.settings", "read_settings"),
            reach=_late(locate, "reach"),
            connect=_late(locate, "connect"),
            find_token=_late(locate, "find_token"),
            serve=_late("argybargy.serve.main", "run"),
            confirm=ask if is_terminal else None,
            machine=Machine.real(),
            browse=browse,
            program=program,
            program_anywhere=anywhere,
        )

    def with_options(
        self, options: LocalOptions, verbs: Mapping[str, type[LocalOptions]]
    ) -> "Environment":
        """Return the environment of one command: its options, and output to match.

        Args:
            options: Options of the command.
            verbs: The kind of options that each command takes, for hints.
        """
        commands = self.next_commands(options.to_relay, verbs)
        if not isinstance(options, RelayOptions):
            options = RelayOptions(**attrs.asdict(options))
        output = attrs.evolve(
            self.output,
            is_json=options.as_json,
            is_quiet=options.quiet,
            typed=commands.typed,
        )
        return attrs.evolve(self, output=output, options=options, verbs=verbs)

    def next_commands(
        self, given: Mapping[str, object], verbs: Mapping[str, type[LocalOptions]]
    ) -> NextCommands:
        """Return how commands in hints have to be typed.

        Args:
            given: Options that lead to the relay, by name.
            verbs: The kind of options that each command takes.
        """
        options = {verb: kind.words(given) for verb, kind in verbs.items()}
        return NextCommands(self.program, options, self.program_anywhere)

    def read_settings(self, **overrides: object) -> "Settings":
        """Return the settings, with the options of the command and `overrides`.

        Raises:
            CliError: A setting is invalid; the text lists every mistake.
        """
        from argybargy.settings.settings import SettingsError

        try:
            return self.settings({**self.options.overrides, **overrides})
        except SettingsError as error:
            mistakes = "\n  ".join(map(str, error.mistakes))
            text = f"Invalid settings:\n  {mistakes}"
            raise CliError(text, "Correct them and try again.", Exit.USAGE) from None

    def leading_options(self) -> dict[str, str]:
        """Return the options that lead to this command's relay from anywhere, by name.

        Raises:
            CliError: A setting or ``--url`` is invalid.
        """
        options = self._checked_options(has_token=False)
        if options.url is None:
            settings = self.read_settings()
            data = str(settings.data.absolute())
            return {"port": str(settings.port), "data": data}
        file = options.token_file
        token = {} if file is None else {"token_file": str(file.absolute())}
        return {"url": options.url, **token}

    def options_to(
        self, relay: Mapping[str, str], kind: type[LocalOptions]
    ) -> tuple[str, ...]:
        """Return options that lead to a relay, except what this terminal implies.

        Args:
            relay: Options that lead there from anywhere, by name.
            kind: The kind of options of the command.
        """
        here = self.leading_options()
        needed = {name: relay[name] for name in relay if here.get(name) != relay[name]}
        return tuple(word for pair in kind.words(needed) for word in pair)

    def work(self, work: Work) -> int:
        """Run work on the relay, or on the data directory if no relay runs.

        Raises:
            CliError: The work failed, or there is no data directory.
        """
        return self.worker()(work)

    def worker(self) -> Callable[[Work], int]:
        """Return :meth:`work` with the relay resolved, for several pieces of work.

        The lock of the data directory is free between two of them, so that a
        question to the user blocks no relay.

        Raises:
            CliError: ``--url`` is invalid. The returned function raises CliError
                when the work fails.
        """
        options = self._checked_options()
        return partial(self.reach, self.read_settings(), options)

    def prepare(self, work: Work) -> int:
        """Run work on the relay, or on the data directory, created if it is missing.

        Without a running relay, a warning says how to start one.

        Raises:
            CliError: The work failed.
        """
        options = self._checked_options()

        def work_with_note(operator: Operator) -> int:
            code = work(operator)
            if not operator.is_live:
                # A warning: with --quiet, too, the code that was printed leads nowhere.
                self.output.warn(
                    f"No relay is running on {settings.data} yet. "
                    "Start it: argybargy up"
                )
            return code

        settings = self.read_settings()
        return self.reach(settings, options, work_with_note, makes_data=True)

    def agrees(self, question: str, *, is_told: bool) -> bool:
        """Ask for confirmation; ``True`` with ``--yes`` or without a terminal."""
        return is_told or self.confirm is None or bool(self.confirm(question))

    @property
    def has_literals(self) -> bool:
        """Whether ``--`` on the command line marks the words after it as text."""
        return "--" in self.arguments

    def live(self) -> LiveOperator:
        """Return a client of the running relay.

        Raises:
            CliError: No relay runs there.
        """
        return self.connector()()

    def connector(self) -> Callable[[], LiveOperator]:
        """Return :meth:`live` with the options resolved, for reconnects.

        Raises:
            CliError: ``--url`` is invalid. The returned function raises CliError
                when no relay runs.
        """
        options = self._checked_options()
        return partial(self.connect, self.read_settings(), options)

    def live_without_token(self) -> LiveOperator:
        """Return a client for endpoints that need no authentication.

        Raises:
            CliError: No relay runs there.
        """
        options = self._checked_options(has_token=False)
        return self.connect(self.read_settings(), options, with_token=False)

    def _checked_options(self, *, has_token: bool = True) -> RelayOptions:
        """Return the options with a valid URL; warn of a token sent in the clear."""
        options = self.options
        if options.url is None:
            return options
        from argybargy.cli.client.http import is_private

        base = read_url(options.url)
        if has_token and not is_private(base):
            self.output.warn(f"The admin token travels unencrypted to {base}.")
        return attrs.evolve(options, url=base)


def read_url(url: str) -> str:
    """Parse the address of a relay.

    Raises:
        CliError: The text is no such address.
    """
    try:
        return parse_base_url(url)
    except ValueError as error:
        raise CliError(f"--url must be {error}.", code=Exit.USAGE) from None


def ask(question: str) -> bool | None:
    """Ask on the terminal; only ``y`` and ``yes`` count as yes.

    Returns:
        ``None`` at the end of the input (Ctrl+D).
    """
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")  # Ctrl+D moves to no new line
        return None
    return answer.strip().lower() in {"y", "yes"}


def _today() -> date:
    return datetime.now(UTC).astimezone().date()  # noqa: TID251 - the user's own day


def _columns() -> int | None:
    return shutil.get_terminal_size((0, 0)).columns or None


def _read_input(most: int) -> str:
    if sys.stdin is None:
        return ""
    # Strict UTF-8 in any locale: bytes decoded wrongly would be posted as other text.
    with io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", "strict") as text:
        return text.read(most)


def _read_pieces() -> Iterator[bytes]:
    stream = None if sys.stdin is None else sys.stdin.buffer
    while stream is not None and (piece := stream.read(65_536)):
        yield piece


def _late(module: str, name: str) -> Any:  # noqa: ANN401 - any function of a module
    """Return a function that imports its module when it is first called."""

    def call(*arguments: object, **options: object) -> object:
        return getattr(importlib.import_module(module), name)(*arguments, **options)

    return call
