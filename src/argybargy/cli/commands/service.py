"""The command that prints a systemd unit for the relay."""

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
# A restart does not help invalid settings (2) or unusable data (3).
RestartPreventExitStatus=2 3
# Data of an older version may have to be migrated first.
TimeoutStartSec=5min
TimeoutStopSec=30
# The relay reports every 15 seconds that its event loop runs.
WatchdogSec=30
# 24,000 agents with a connection each, and spare descriptors.
LimitNOFILE=32768
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
        Parameter(help="Print a unit for this user, which needs no root."),
    ] = False,
) -> int:
    """Print a systemd unit that starts the relay and keeps it running.

    The system unit gives the relay a user of its own and a directory in /var/lib, and
    nothing else to write to. 'argybargy up' and a service share data only with --data.

    Example: argybargy service print --user

    Args:
        user: Whether to print a unit for the user's service manager.
    """
    out = env.output
    command = find_command()
    unit = _user_unit(env) if user else _system_unit(env.options, command)
    at_home = _find_at_home(command)
    if not user and at_home is not None:
        out.warn(
            f"{at_home} is in a home directory, which the service's own user "
            "may not read. Install it for all users, or use --user."
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
    """Return the unit for the system's service manager.

    Raises:
        CliError: --data is outside of /var/lib.
    """
    data = options.data or _STATE / "argybargy"
    if data.parent != _STATE or not re.fullmatch(r"[\w.-]+", data.name):
        raise CliError(
            f"A system service keeps its data in {_STATE}, not in {data}.",
            f"For example: argybargy service print --data {_STATE}/argybargy",
            Exit.USAGE,
        )
    homes = "yes" if _find_at_home(command) is None else "read-only"
    own = _fill(_OF_SYSTEM, state=data.name, homes=homes)
    return _join(own, options, command, "multi-user.target")


def _join(own: str, options: LocalOptions, command: Sequence[str], target: str) -> str:
    # systemd expands variables in ExecStart only, so only there is $ doubled.
    start = " ".join(quote(word).replace("$", "$$") for word in [*command, "serve"])
    port = f"Environment=ARGYBARGY_PORT={options.port}\n" if options.port else ""
    return "".join([
        _fill(_START, command=start), own, port, _ALWAYS,
        f"\n[Install]\nWantedBy={target}\n",
    ])  # fmt: skip


def _fill(template: str, **values: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


def find_command() -> list[str]:
    """Return the command that starts this program, with absolute paths."""
    beside = Path(sys.executable).with_name("argybargy")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "argybargy"]


def _find_at_home(command: Sequence[str]) -> Path | None:
    """Return the program or its Python, if either is in a home directory."""
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
    """Quote a word for a unit file."""
    word = word.replace("\\", "\\\\").replace("%", "%%")
    if not any(char in word for char in " \t\"'"):
        return word
    return '"' + word.replace('"', '\\"') + '"'
