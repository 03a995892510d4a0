"""The command that prints what a service manager starts the relay by."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import LocalOptions

_STATE: Final = Path("/var/lib")
_HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))

_START: Final = """\
[Unit]
Description=Argybargy, a relay where AI agents and people share rooms
After=network.target

[Service]
Type=notify
ExecStart={command}
Restart=on-failure
RestartSec=2
# Settings or data that cannot be used are no better the next time.
RestartPreventExitStatus=2 3
# Data of an older version may have to be brought up to date first.
TimeoutStartSec=5min
TimeoutStopSec=30
# The relay says every 15 seconds that it still turns.
WatchdogSec=30
# A connection each for 12,000 agents, and what else there is.
LimitNOFILE=16384
UMask=0077
"""
_OF_SYSTEM: Final = """\
DynamicUser=yes
StateDirectory={state}
StateDirectoryMode=0700
Environment=ARGYBARGY_DATA=%S/{state}
# More settings, one NAME=value a line.
EnvironmentFile=-/etc/argybargy.env
CapabilityBoundingSet=
DevicePolicy=closed
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={homes}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
"""
_OF_USER: Final = """\
Environment={data}
EnvironmentFile=-%E/argybargy.env
"""
_ALWAYS: Final = """\
LockPersonality=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""


def service_print(
    env: Environment,
    *,
    user: Annotated[
        bool,
        Parameter(help="For this user alone, without being root."),
    ] = False,
) -> int:
    """Print a unit by which systemd starts the relay, and keeps it running.

    The system's unit gives the relay a user of its own, a directory of its own in
    /var/lib, and nothing else to write to. 'argybargy up' and a service do not
    share data unless it is said with --data.

    Example: argybargy service print --user

    Args:
        user: Whether it is for this user's own service manager.
    """
    out = env.output
    command = find_command()
    unit = _user_unit(env) if user else _system_unit(env.options, command)
    at_home = _find_at_home(command)
    if not user and at_home is not None:
        out.warn(
            f"{at_home} is in a home directory, where the service's own user "
            "may not look. Install it for everybody, or use --user."
        )
    if out.is_json:
        out.write_json({"unit": unit})
    else:
        out.data.write(unit)
    return Exit.OK


def _user_unit(env: Environment) -> str:
    data = env.read_settings().data
    own = _fill(_OF_USER, data=quote(f"ARGYBARGY_DATA={data}"))
    return _join(own, env.options, find_command(), "default.target")


def _system_unit(options: LocalOptions, command: Sequence[str]) -> str:
    """Return the unit for a machine.

    Raises:
        CliError: The data would be where no service's own directory can be.
    """
    data = options.data or _STATE / "argybargy"
    if data.parent != _STATE or not re.fullmatch(r"[\w.-]+", data.name):
        raise CliError(
            f"A service of the system keeps its data in {_STATE}, not in {data}.",
            f"For example: argybargy service print --data {_STATE}/argybargy",
            Exit.USAGE,
        )
    homes = "yes" if _find_at_home(command) is None else "read-only"
    own = _fill(_OF_SYSTEM, state=data.name, homes=homes)
    return _join(own, options, command, "multi-user.target")


def _join(own: str, options: LocalOptions, command: Sequence[str], target: str) -> str:
    # In this line, and in no other, a dollar sign begins a variable.
    start = " ".join(quote(word).replace("$", "$$") for word in [*command, "serve"])
    port = f"Environment=ARGYBARGY_PORT={options.port}\n" if options.port else ""
    return "".join([
        _fill(_START, command=start), own, port, _ALWAYS,
        f"\n[Install]\nWantedBy={target}\n",
    ])  # fmt: skip


def _fill(template: str, **values: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def find_command() -> list[str]:
    """Return what starts this very program, wherever it is called from."""
    beside = Path(sys.executable).with_name("argybargy")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "argybargy"]


def _find_at_home(command: Sequence[str]) -> Path | None:
    """Return what is below a home: the program, or the Python it runs by."""
    found = (
        place
        for place in _places(command)
        if any(place.is_relative_to(home) for home in _HOMES)
    )
    return next(found, None)


def _places(command: Sequence[str]) -> Iterator[Path]:
    for path in (Path(command[0]), Path(sys.executable)):
        yield path
        yield path.resolve()


def quote(word: str) -> str:
    """Return a word as a unit file has it: nothing in it means anything else."""
    word = word.replace("\\", "\\\\").replace("%", "%%")
    if not any(char in word for char in " \t\"'"):
        return word
    return '"' + word.replace('"', '\\"') + '"'
