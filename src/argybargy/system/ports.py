"""Who holds a port, as far as the platform tells.

Linux lists its sockets and each process's descriptors under ``/proc``. Elsewhere,
and for processes of other users, nobody is named.
"""

import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

import attrs

from argybargy.system.files import LOCK_NAME

PROC: Final = Path("/proc")
_LISTENING: Final = "0A"
_WORD_DIGITS: Final = 8

IpAddress = IPv4Address | IPv6Address


@attrs.frozen
class Holder:
    """A process that listens on a port.

    Attributes:
        pid: Its number.
        name: What the system calls it.
        data: The data directory that it serves, if it is a relay.
    """

    pid: int
    name: str
    data: Path | None = None

    def __str__(self) -> str:
        who = self.name if self.data is None else f"the relay of {self.data}"
        return f"{who} (process {self.pid})"


def find_refusal(host: str, port: int) -> OSError | None:
    """Return why nobody may listen on an address now, or ``None`` if one may."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":  # where it means something else
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            # Two may bind alike; only one may listen.
            probe.listen(1)
    except OSError as error:
        return error
    return None


def find_holder(host: str, port: int, proc: Path = PROC) -> Holder | None:
    """Return who listens where `host` and `port` are wanted.

    Args:
        host: The address; a name stands for any.
        port: The port.
        proc: Where the kernel tells of processes.

    Returns:
        The first one found; ``None`` if nobody listens or nobody can be named.
    """
    inodes = set(_listening_inodes(host, port, proc))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _processes(proc):
        links = list(_descriptors(process))
        if not wanted.isdisjoint(links):
            return Holder(int(process.name), _name(process), _relay_data(links))
    return None


def _listening_inodes(host: str, port: int, proc: Path) -> Iterator[str]:
    asked = _parse(host)
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue  # another platform, or no IPv6
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].rpartition(":")
            is_there = fields[3] == _LISTENING and int(number, 16) == port
            if is_there and _is_in_the_way(_read_address(address), asked):
                yield fields[9]


def _parse(host: str) -> IpAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _read_address(digits: str) -> IpAddress:
    """Read an address as the kernel writes it: words in the machine's own order."""
    words = [
        bytes.fromhex(digits[start : start + _WORD_DIGITS])
        for start in range(0, len(digits), _WORD_DIGITS)
    ]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    address = ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in_the_way(held: IpAddress, asked: IpAddress | None) -> bool:
    if asked is None or asked.is_unspecified or held == asked:
        return True
    # A socket of IPv6 that listens everywhere takes the IPv4 of its port as well.
    return held.is_unspecified and held.version >= asked.version


def _processes(proc: Path) -> list[Path]:
    return sorted(
        (entry for entry in proc.iterdir() if entry.name.isdigit()),
        key=lambda entry: int(entry.name),
    )


def _descriptors(process: Path) -> Iterator[str]:
    """Yield what the descriptors of a process stand for; nothing if it is hidden."""
    try:
        for link in (process / "fd").iterdir():
            yield str(link.readlink())
    except OSError:
        return  # it has ended, or it is another user's


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "a program without a name"


def _relay_data(links: list[str]) -> Path | None:
    """Return the directory whose lock is open: only a relay holds one."""
    paths = [Path(link) for link in links if link.startswith("/")]
    return next((path.parent for path in paths if path.name == LOCK_NAME), None)
