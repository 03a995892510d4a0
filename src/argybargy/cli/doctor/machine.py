"""Check the machine: clock, file descriptors and the tunnel program."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from argybargy.cli.doctor.database import find_newest_message
from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.domain.instant import Instant
from argybargy.http.limits import ConnectionLimits
from argybargy.system.ports import PROC
from argybargy.system.values import frozen

CLOCK: Final = "clock"
DESCRIPTORS: Final = "descriptors"
TUNNEL: Final = "cloudflared"

_FIRST_YEAR: Final = 2026
"""Year of the first release; an earlier date is wrong."""
_LAST_YEAR: Final = 2100
_STEP_SECONDS: Final = 1.0
_AHEAD_SECONDS: Final = 60.0
_SPARE: Final = 256
"""Descriptors for the database, the log, and connections that are being refused."""
_LEAST: Final = 128
_SYNCHRONISE: Final = "sudo timedatectl set-ntp true"


@frozen
class ClockFacts:
    """Facts about the clock.

    Attributes:
        before: First reading.
        after: Second reading, a little later.
        newest_file: The relay's file with the latest modification time.
        newest_seconds: That time, in Unix seconds.
        newest_room: Room of the newest message.
        newest_message_seconds: Time of that message, in Unix seconds.
    """

    before: Instant
    after: Instant
    newest_file: Path | None = None
    newest_seconds: float = 0
    newest_room: str = ""
    newest_message_seconds: float = 0


def look_at_clock(before: Instant, after: Instant, data: Path) -> ClockFacts:
    """Collect two clock readings, and the times of the newest file and message.

    Raises:
        OSError: The files may not be read.
    """
    times = [(each.lstat().st_mtime, each) for each in data.glob("relay.*")]
    if not times:
        return ClockFacts(before, after)
    newest, path = max(times)
    room, latest_ms = find_newest_message(data) or ("", 0)
    return ClockFacts(before, after, path, newest, room, latest_ms / 1000)


def judge_clock(facts: ClockFacts) -> Finding:
    """Judge whether the clock can be right."""
    now = facts.after.wall_ms / 1000
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if not _FIRST_YEAR <= int(shown[:4]) < _LAST_YEAR:
        text = f"The clock says {shown}, which is impossible."
        return problem(CLOCK, text, _SYNCHRONISE)
    if facts.newest_seconds > now + _AHEAD_SECONDS:
        ahead = round(facts.newest_seconds - now)
        return warning(
            CLOCK,
            f"The clock says {shown}, but {facts.newest_file} was written "
            f"{ahead:,} seconds later: the clock was wrong then, or is now.",
            _SYNCHRONISE,
        )
    if facts.newest_message_seconds > now + _AHEAD_SECONDS:
        ahead = round(facts.newest_message_seconds - now)
        return warning(
            CLOCK,
            f"The clock says {shown}, but the newest message of room "
            f"'{facts.newest_room}' is {ahead:,} seconds later: the clock was wrong "
            "then, or is now. If it was wrong then, there is nothing to do: new "
            "messages in that room get that time until the clock has passed it.",
            _SYNCHRONISE,
        )
    wall_seconds = (facts.after.wall_ms - facts.before.wall_ms) / 1000
    steady_seconds = facts.after.steady_seconds - facts.before.steady_seconds
    if abs(wall_seconds - steady_seconds) > _STEP_SECONDS:
        text = f"The clock was set during this check; it says {shown}."
        return warning(CLOCK, text, _SYNCHRONISE)
    return fine(CLOCK, f"The clock says {shown}.")


@frozen
class DescriptorFacts:
    """Limit of open files and sockets of a process.

    Attributes:
        soft: The limit in force.
        hard: The limit up to which the process may raise it.
        is_relay: Whether it is the limit of the running relay, and not of this command.
    """

    soft: int
    hard: int
    is_relay: bool = False


def look_at_descriptors(
    relay_pid: int | None, proc: Path = PROC
) -> DescriptorFacts | None:
    """Return the limit of the running relay, or of this process.

    Returns:
        ``None`` on a platform without such a limit.
    """
    if relay_pid is not None:
        try:
            text = (proc / str(relay_pid) / "limits").read_text("ascii")
        except OSError:
            text = ""  # the process has ended, or belongs to another user
        for line in text.splitlines():
            if line.startswith("Max open files"):
                soft, hard = line.split()[3:5]
                return DescriptorFacts(_number(soft), _number(hard), is_relay=True)
    return _own_descriptors()


def _number(field: str) -> int:
    return sys.maxsize if field == "unlimited" else int(field)


if sys.platform == "win32":

    def _own_descriptors() -> DescriptorFacts | None:
        return None

else:
    import resource

    def _own_descriptors() -> DescriptorFacts | None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft, hard = (
            sys.maxsize if limit == resource.RLIM_INFINITY else limit
            for limit in limits
        )
        return DescriptorFacts(soft, hard)


def judge_descriptors(facts: DescriptorFacts | None) -> Finding:
    """Judge whether the descriptors suffice for all connections."""
    if facts is None:
        return fine(DESCRIPTORS, "This platform has no limit.")
    wanted = ConnectionLimits().connections + _SPARE
    whose = "The running relay" if facts.is_relay else "A relay started here"
    if facts.soft >= wanted:
        return fine(DESCRIPTORS, f"{whose} may open {facts.soft:,}.")
    fix = (
        f"ulimit -n {wanted} && argybargy up"
        if facts.hard >= wanted
        else f"Set LimitNOFILE={wanted} in the service's unit."
    )
    text = f"{whose} may open {facts.soft:,}; all connections need {wanted:,}."
    return (warning if facts.soft >= _LEAST else problem)(DESCRIPTORS, text, fix)


def judge_tunnel(path: str | None) -> Finding:
    """Report whether a quick tunnel is possible."""
    if path is None:
        return fine(TUNNEL, "Not installed; only a tunnel needs it.")
    return fine(TUNNEL, f"Found at {path}.")


def look_for_tunnel() -> str | None:
    """Return the path of cloudflared; ``None`` if it is not installed."""
    return shutil.which("cloudflared")
