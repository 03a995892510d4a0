"""Wakers: the ways in which an ear hands messages to a program.

=======  ========================================  ===================================
waker    hands over                                counts as handed over
=======  ========================================  ===================================
lines    lines on standard output, in batches      once written
exit2    text on standard error, and ends          once written; the exit code is 2
queue    ``codex queue``                           once the agent reads or speaks
spool    the file ``spool``, which hooks read      once the agent reads
=======  ========================================  ===================================
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.message_lines import Entry
from argybargy.agent.process import Process
from argybargy.agent.wrapping import Batch, Limits, cut_batches

BATCH_SECONDS: Final = 2.0
"""Pause between batches: Claude Code stops a monitor that writes faster for long."""
_EXIT2_LIMITS: Final = Limits(batch=9_000)
"""Limits of a hook's output: Claude Code cuts it at 10,000 characters."""
_QUEUE_LIMITS: Final = Limits(line=60_000, batch=60_000)
"""Limits of an argument of a command; Linux allows 128 KiB."""
_QUEUE_SECONDS: Final = 60.0
_THREAD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NAMES: Final = ("lines", "exit2", "spool")


class Waker(NamedTuple):
    """A waker, as named on the command line.

    Attributes:
        name: Its name.
        thread: Thread of a Codex session, for ``queue``.
    """

    name: str
    thread: str = ""

    @property
    def is_monitor(self) -> bool:
        """Whether its program does not start an ear again that has ended."""
        return self.name == "lines"

    @property
    def is_confirmed_later(self) -> bool:
        """Whether only the agent shows that it has the messages."""
        return self.name in {"queue", "spool"}

    def batches(self, entries: Sequence[Entry], room: str) -> list[Batch]:
        """Cut messages into batches for the program.

        For `exit2` it is the first batch only: the ear ends with it.
        """
        if self.name == "lines":
            return list(cut_batches(entries, room))
        limits = _EXIT2_LIMITS if self.name == "exit2" else _QUEUE_LIMITS
        return list(cut_batches(entries, room, limits))


def parse_waker(text: str) -> Waker:
    """Parse the name of a waker.

    Raises:
        AgentError: There is no such waker.
    """
    name, _, thread = text.partition(":")
    if text in _NAMES:
        return Waker(name)
    if name == "queue" and _THREAD.fullmatch(thread):
        return Waker(name, thread)
    hint = "--wake lines, --wake exit2, --wake queue:THREAD or --wake spool"
    raise AgentError("There is no such waker.", hint, Exit.USAGE)


class QueueError(Exception):
    """`codex queue` did not accept a message; the text says why."""


def queue(process: Process, thread: str, text: str) -> None:
    """Queue a message for a thread of Codex, which starts a turn of an idle one.

    Raises:
        QueueError: It was not accepted.
    """
    import shutil  # noqa: PLC0415 - for this waker only
    import subprocess  # noqa: PLC0415 - as above

    program = shutil.which("codex", path=process.environment.get("PATH"))
    if program is None:
        raise QueueError("there is no program 'codex'")
    command = [program, "queue", "--thread", thread, "--message", text]
    try:
        ended = subprocess.run(  # noqa: S603 - no shell; the text is one argument
            command,
            env=dict(process.environment),
            cwd=process.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_QUEUE_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise QueueError(f"'codex queue' failed: {type(error).__name__}") from None
    if ended.returncode != 0:
        raise QueueError(f"'codex queue' ended with code {ended.returncode}")
