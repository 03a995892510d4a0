"""What the commands find around them.

Nothing slow is imported here: the ways to a relay, and the settings, come in when a
command wants them.
"""

import io
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import attrs

from argybargy.cli.client.protocol import LiveOperator, Operator, Work
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import Common, Local, Overrides
from argybargy.cli.terminal.browser import browse
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.settings.parsers import parse_base_url

if TYPE_CHECKING:
    from argybargy.serve.run_plan import RunPlan
    from argybargy.settings.settings import Settings

# Imports inside functions are those that a command may do without.
# ruff: noqa: PLC0415


class Reach(Protocol):
    """Does work with the operator API: of a URL, of this machine, or of the data."""

    def __call__(
        self,
        settings: "Settings",
        common: Common,
        work: Work,
        *,
        makes_data: bool = False,
    ) -> int:
        """Return what came of it; see :func:`argybargy.cli.client.locate.reach`."""
        ...


class Connect(Protocol):
    """Finds a relay that runs."""

    def __call__(
        self, settings: "Settings", common: Common, *, with_token: bool = True
    ) -> LiveOperator:
        """Return a client of it; see :func:`argybargy.cli.client.locate.connect`."""
        ...


@attrs.frozen
class Surroundings:
    """What the machine has: time, a screen, and something to read.

    Attributes:
        now: A steady clock, in seconds.
        sleep: Waits a number of seconds.
        times: Shows times to people.
        columns: How wide the terminal is; ``None`` where there is none.
        read_input: Reads standard input, at most so many characters; raises
            UnicodeDecodeError where it is not UTF-8.
        read_pieces: Reads all of standard input, as bytes.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]
    times: LocalTimes
    columns: Callable[[], int | None]
    read_input: Callable[[int], str]
    read_pieces: Callable[[], Iterator[bytes]]

    @classmethod
    def real(cls) -> "Surroundings":
        """Return those of the process."""
        # The clock of the relay is Trio's, which takes as long to import as the rest.
        return cls(
            now=time.monotonic,  # noqa: TID251
            sleep=time.sleep,
            times=LocalTimes(None, _today),
            columns=_columns,
            read_input=_read_input,
            read_pieces=_read_pieces,
        )


@attrs.frozen
class World:
    """What the commands work with; a test puts others in their places.

    Attributes:
        output: Where they write.
        settings: Reads the settings, given overrides.
        reach: Does work with the operator API.
        connect: Returns the operator API of a relay that runs.
        find_token: Returns the admin token, made if there is none yet.
        serve: Runs a relay until it is stopped; returns the exit code.
        confirm: Asks a question; ``True`` is yes. ``None`` without a terminal.
        around: What the machine has.
        browse: Opens a page in a browser; False where there is none.
        typed: The command line, word by word.
    """

    output: Output
    settings: Callable[[Overrides], "Settings"]
    reach: Reach
    connect: Connect
    find_token: Callable[["Settings"], str]
    serve: Callable[["Settings", "RunPlan"], int]
    confirm: Callable[[str], bool] | None
    around: Surroundings
    browse: Callable[[str], bool]
    typed: Sequence[str] = ()

    @classmethod
    def real(cls) -> "World":
        """Return the one that a process finds."""
        is_terminal = sys.stdin is not None and sys.stdin.isatty()
        return cls(
            output=Output.standard(),
            settings=_read_settings,
            reach=_reach,
            connect=_connect,
            find_token=_find_token,
            serve=_serve,
            confirm=ask if is_terminal else None,
            around=Surroundings.real(),
            browse=browse,
        )

    def output_for(self, common: Local) -> Output:
        """Return the output as the command line wants it."""
        return attrs.evolve(self.output, is_json=common.as_json, is_quiet=common.quiet)

    def read_settings(self, overrides: Overrides) -> "Settings":
        """Return what holds for a command.

        Raises:
            CliError: Something is wrong with the settings; all of it is told.
        """
        from argybargy.settings.settings import SettingsError

        try:
            return self.settings(overrides)
        except SettingsError as error:
            mistakes = "\n  ".join(map(str, error.mistakes))
            text = f"The settings cannot be used:\n  {mistakes}"
            hint = "Correct what is named, and try again."
            raise CliError(text, hint, Exit.USAGE) from None

    def work(self, common: Common, work: Work) -> int:
        """Do work with the operator API that the command line names.

        Where no relay runs on this machine, the data directory itself is opened.

        Raises:
            CliError: It failed, or there is no such directory.
        """
        return self.worker(common)(work)

    def worker(self, common: Common) -> Callable[[Work], int]:
        """Return what does work like that, one after another.

        Between two of them the data directory is nobody's.

        Raises:
            CliError: The command line names no relay. What is returned raises it
                when the work failed.
        """
        common = self._checked(common)
        return partial(self.reach, self.read_settings(common.overrides), common)

    def prepare(self, common: Common, work: Work) -> int:
        """Do work for a relay that may be started later, and then say so.

        Where there is no data directory yet, it is made.

        Raises:
            CliError: It failed.
        """
        common = self._checked(common)

        def work_and_tell(operator: Operator) -> int:
            code = work(operator)
            if not operator.is_live:
                start = shlex.join(["argybargy", "up", *common.given()])
                self.output_for(common).say(
                    f"No relay is running yet. Start it: {start}"
                )
            return code

        settings = self.read_settings(common.overrides)
        return self.reach(settings, common, work_and_tell, makes_data=True)

    def agrees(self, question: str, *, is_told: bool) -> bool:
        """Tell whether to go on: as told, or as answered where it can be asked."""
        return is_told or self.confirm is None or self.confirm(question)

    @property
    def has_literals(self) -> bool:
        """Whether it was said that what looks like an option is none."""
        return "--" in self.typed

    def live(self, common: Common) -> LiveOperator:
        """Return the operator API of the relay that the command line names.

        Raises:
            CliError: No relay runs there.
        """
        return self.connector(common)()

    def connector(self, common: Common) -> Callable[[], LiveOperator]:
        """Return what finds that relay, again and again.

        Raises:
            CliError: The command line names none. What is returned raises it when
                no relay runs.
        """
        common = self._checked(common)
        return partial(self.connect, self.read_settings(common.overrides), common)

    def live_without_token(self, common: Common) -> LiveOperator:
        """Return a client that may ask what anybody may ask.

        Raises:
            CliError: No relay runs there.
        """
        common = self._checked(common, has_token=False)
        settings = self.read_settings(common.overrides)
        return self.connect(settings, common, with_token=False)

    def _checked(self, common: Common, *, has_token: bool = True) -> Common:
        if common.url is None:
            return common
        base = read_url(common.url)
        if has_token and not is_private(base):
            self.output.warn(f"The admin token travels unencrypted to {base}.")
        return attrs.evolve(common, url=base)


def read_url(url: str) -> str:
    """Return the address of a relay, checked.

    Raises:
        CliError: It is not one.
    """
    try:
        return parse_base_url(url)
    except ValueError as error:
        raise CliError(f"--url must be {error}.", code=Exit.USAGE) from None


def is_private(url: str) -> bool:
    """Tell whether what is sent to a URL can be read by nobody on the way."""
    from urllib.parse import urlsplit

    from argybargy.system.network import is_loopback

    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def ask(question: str) -> bool:
    """Ask on the terminal; only a plain yes is one."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        sys.stderr.write("\n")  # Ctrl+D moves to no new line
    return answer.strip().lower() in {"y", "yes"}


def _today() -> date:
    return datetime.now(UTC).astimezone().date()  # noqa: TID251 - people's own


def _columns() -> int | None:
    return shutil.get_terminal_size((0, 0)).columns or None


def _read_input(most: int) -> str:
    if sys.stdin is None:
        return ""
    # Whatever the locale says: bytes that mean nothing would be said as others.
    with io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", "strict") as text:
        return text.read(most)


def _read_pieces() -> Iterator[bytes]:
    stream = None if sys.stdin is None else sys.stdin.buffer
    while stream is not None and (piece := stream.read(65_536)):
        yield piece


def _read_settings(overrides: Overrides) -> "Settings":
    from argybargy.settings.settings import read_settings

    return read_settings(overrides)


def _reach(
    settings: "Settings", common: Common, work: Work, *, makes_data: bool = False
) -> int:
    from argybargy.cli.client.locate import reach

    return reach(settings, common, work, makes_data=makes_data)


def _connect(
    settings: "Settings", common: Common, *, with_token: bool = True
) -> LiveOperator:
    from argybargy.cli.client.locate import connect

    return connect(settings, common, with_token=with_token)


def _find_token(settings: "Settings") -> str:
    from argybargy.cli.client.locate import find_token

    return find_token(settings)


def _serve(settings: "Settings", plan: "RunPlan") -> int:
    from argybargy.cli.client.locate import serve

    return serve(settings, plan)
