"""Process that listens on a port, read from Linux's ``/proc``.

``/proc`` lists all sockets, and the descriptors of each process. On other systems, and
for processes of other users, no process is found.
"""

import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from argybargy.system.files import LOCK_NAME
from argybargy.system.values import frozen

PROC: Final = Path("/proc")
_LISTENING: Final = "0A"
_WORD_DIGITS: Final = 8

IpAddress = IPv4Address | IPv6Address


@frozen
class Holder:
    """Process that listens on a port.

    Attributes:
        pid: Process id.
        name: Process name, as in ``ps``.
        data: Data directory, if the process is a relay.
    """

    pid: int
    name: str
    data: Path | None = None

    def __str__(self) -> str:
        who = self.name if self.data is None else f"the relay of {self.data}"
        return f"{who} (process {self.pid})"


def find_refusal(host: str, port: int) -> OSError | None:
    """Try to listen on an address; return the error, or None if it is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if (
                sys.platform != "win32"
            ):  # there, it would let two listeners share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            # With SO_REUSEADDR two sockets may bind to one port; only one may listen.
            probe.listen(1)
    except OSError as error:
        return error
    return None


def find_holder(host: str, port: int, proc: Path = PROC) -> Holder | None:
    """Return the process that keeps others from listening on `host` and `port`.

    Args:
        host: Address; a name matches any.
        port: Port number.
        proc: Mount point of procfs.

    Returns:
        The first process found; None if no process listens or none is visible.
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
            continue  # not Linux, or no IPv6
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].rpartition(":")
            is_there = fields[3] == _LISTENING and int(number, 16) == port
            if is_there and _conflicts(_read_address(address), asked):
                yield fields[9]


def _parse(host: str) -> IpAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _read_address(digits: str) -> IpAddress:
    """Parse the kernel's notation: 32-bit words in the byte order of the machine."""
    words = [
        bytes.fromhex(digits[start : start + _WORD_DIGITS])
        for start in range(0, len(digits), _WORD_DIGITS)
    ]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    address = ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _conflicts(held: IpAddress, asked: IpAddress | None) -> bool:
    if asked is None or asked.is_unspecified or held == asked:
        return True
    # A listener on `::` usually takes the same port of IPv4 as well.
    return held.is_unspecified and held.version >= asked.version


def _processes(proc: Path) -> list[Path]:
    return sorted(
        (entry for entry in proc.iterdir() if entry.name.isdigit()),
        key=lambda entry: int(entry.name),
    )


def _descriptors(process: Path) -> Iterator[str]:
    """Yield the targets of a process's descriptors; none if they are not readable."""
    try:
        for link in (process / "fd").iterdir():
            yield str(link.readlink())
    except OSError:
        return  # the process has ended, or belongs to another user


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "an unknown program"


def _relay_data(links: list[str]) -> Path | None:
    """Return the directory of an open relay lock; only a relay that runs has one."""
    paths = [Path(link) for link in links if link.startswith("/")]
    return next((path.parent for path in paths if path.name == LOCK_NAME), None)
