"""The machine: its clock, its descriptors, and a program for tunnels."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.doctor.database import find_newest_message
from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.domain.instant import Instant
from argybargy.http.limits import ConnectionLimits
from argybargy.system.ports import PROC

CLOCK: Final = "clock"
DESCRIPTORS: Final = "descriptors"
TUNNEL: Final = "cloudflared"

_FIRST_YEAR: Final = 2026
"""Nothing of ours is older."""
_LAST_YEAR: Final = 2100
_STEP_SECONDS: Final = 1.0
_AHEAD_SECONDS: Final = 60.0
_SPARE: Final = 256
"""For the database, the log, and connections that are being refused."""
_LEAST: Final = 128
_SYNCHRONISE: Final = "sudo timedatectl set-ntp true"


@attrs.frozen
class ClockFacts:
    """How it is about the clock.

    Attributes:
        before: A reading.
        after: Another one, a little later.
        newest_file: The file of the relay that was written last.
        newest_seconds: When, on the wall clock.
        newest_room: The room whose newest message has the latest timestamp.
        newest_message_seconds: That timestamp.
    """

    before: Instant
    after: Instant
    newest_file: Path | None = None
    newest_seconds: float = 0
    newest_room: str = ""
    newest_message_seconds: float = 0


def look_at_clock(before: Instant, after: Instant, data: Path) -> ClockFacts:
    """Put two readings beside the times of the files and of the newest message.

    Raises:
        OSError: The files may not be looked at.
    """
    times = [(each.lstat().st_mtime, each) for each in data.glob("relay.*")]
    if not times:
        return ClockFacts(before, after)
    newest, path = max(times)
    room, latest_ms = find_newest_message(data) or ("", 0)
    return ClockFacts(before, after, path, newest, room, latest_ms / 1000)


def judge_clock(facts: ClockFacts) -> Finding:
    """Say whether the clock can be right."""
    now = facts.after.wall_ms / 1000
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if not _FIRST_YEAR <= int(shown[:4]) < _LAST_YEAR:
        text = f"The clock says {shown}, which cannot be."
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
            f"'{facts.newest_room}' is of {ahead:,} seconds later: the clock was wrong "
            "then, or is now. If it was wrong then, nothing is left to do: messages in "
            "that room have that time until it has come, and nothing else goes by it.",
            _SYNCHRONISE,
        )
    wall_seconds = (facts.after.wall_ms - facts.before.wall_ms) / 1000
    steady_seconds = facts.after.steady_seconds - facts.before.steady_seconds
    if abs(wall_seconds - steady_seconds) > _STEP_SECONDS:
        text = f"The clock was set while this ran; it says {shown}."
        return warning(CLOCK, text, _SYNCHRONISE)
    return fine(CLOCK, f"The clock says {shown}.")


@attrs.frozen
class DescriptorFacts:
    """How many files and sockets a process may have open.

    Attributes:
        soft: What holds.
        hard: What it may be raised to without special rights.
        is_relay: Whether that is of the relay that runs, or of this command.
    """

    soft: int
    hard: int
    is_relay: bool = False


def look_at_descriptors(
    relay_pid: int | None, proc: Path = PROC
) -> DescriptorFacts | None:
    """Return the limits of the relay that runs, or of this process.

    Returns:
        ``None`` where the platform has no such limit.
    """
    if relay_pid is not None:
        try:
            text = (proc / str(relay_pid) / "limits").read_text("ascii")
        except OSError:
            text = ""  # it has ended meanwhile, or it is another user's
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
    """Say whether there are descriptors for all connections."""
    if facts is None:
        return fine(DESCRIPTORS, "There is no such limit here.")
    wanted = ConnectionLimits().connections + _SPARE
    whose = "The relay that runs" if facts.is_relay else "A relay started here"
    if facts.soft >= wanted:
        return fine(DESCRIPTORS, f"{whose} may have {facts.soft:,} open.")
    fix = (
        f"ulimit -n {wanted} && argybargy up"
        if facts.hard >= wanted
        else f"Set LimitNOFILE={wanted} in the service's unit."
    )
    text = f"{whose} may have {facts.soft:,} open; {wanted:,} would be enough for all."
    return (warning if facts.soft >= _LEAST else problem)(DESCRIPTORS, text, fix)


def judge_tunnel(path: str | None) -> Finding:
    """Say whether a quick tunnel can be had."""
    if path is None:
        return fine(TUNNEL, "Not found; only a tunnel to the internet needs it.")
    return fine(TUNNEL, f"Found at {path}.")


def look_for_tunnel() -> str | None:
    """Return where cloudflared is, if it is anywhere."""
    return shutil.which("cloudflared")
