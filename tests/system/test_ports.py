"""Who holds a port, told from what Linux shows of its processes."""

import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from argybargy.system.ports import Holder, find_holder, find_refusal

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue ...\n"
LISTENING, CONNECTED = "0A", "01"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def row(address: str, port: int, inode: int, state: str = LISTENING) -> str:
    packed = ip_address(address).packed
    words = [packed[start : start + 4] for start in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    local = f"{b''.join(words).hex().upper()}:{port:04X}"
    return f"   0: {local} 00:0 {state} 0:0 00:0 0 1000 0 {inode} 1 0 100 0 0 10 0\n"


def make_proc(
    tmp_path: Path, *, tcp: str = "", tcp6: str = "", links: tuple[str, ...] = ()
) -> Path:
    """Make what the kernel would show of one process, number 42."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEAD + tcp)
    (tmp_path / "net" / "tcp6").write_text(HEAD + tcp6)
    (tmp_path / "42" / "fd").mkdir(parents=True)
    (tmp_path / "42" / "comm").write_text("python3\n")
    for number, link in enumerate(links):
        (tmp_path / "42" / "fd" / f"{number}").symlink_to(link)
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


@ON_LINUX
def test_a_taken_port_is_refused_and_its_holder_found(taken: int) -> None:
    refusal = find_refusal("127.0.0.1", taken)
    assert refusal is not None
    holder = find_holder("127.0.0.1", taken)
    assert holder is not None
    assert (holder.pid, holder.data) == (os.getpid(), None)
    assert f"(process {os.getpid()})" in str(holder)


def test_a_free_port_is_neither(taken: int) -> None:
    assert find_refusal("127.0.0.1", 0) is None
    assert find_holder("127.0.0.2", taken) is None


def test_a_relay_is_known_by_the_lock_it_holds(tmp_path: Path) -> None:
    proc = make_proc(
        tmp_path,
        tcp=row("127.0.0.1", 8765, 77),
        links=("/dev/null", "socket:[77]", "/var/lib/argy/relay.lock"),
    )
    holder = find_holder("127.0.0.1", 8765, proc)
    assert holder == Holder(42, "python3", Path("/var/lib/argy"))
    assert str(holder) == "the relay of /var/lib/argy (process 42)"


@pytest.mark.parametrize(
    ("asked", "held", "is_found"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("127.0.0.1", "::", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "192.0.2.1", False),
        ("127.0.0.1", "::1", False),
        ("0.0.0.0", "192.0.2.1", True),
        ("::1", "::1", True),
        ("::1", "0.0.0.0", False),
        ("localhost", "127.0.0.1", True),
    ],
)
def test_only_a_conflicting_listener_is_the_holder(
    asked: str, held: str, is_found: bool, tmp_path: Path
) -> None:
    table = "tcp6" if ":" in held else "tcp"
    rows = {table: row(held, 8765, 77)}
    proc = make_proc(tmp_path, links=("socket:[77]",), **rows)
    assert (find_holder(asked, 8765, proc) is not None) is is_found


def test_a_connection_from_that_port_is_no_listener(tmp_path: Path) -> None:
    rows = row("127.0.0.1", 8765, 77, CONNECTED) + row("127.0.0.1", 8766, 77)
    proc = make_proc(tmp_path, tcp=rows, links=("socket:[77]",))
    assert find_holder("127.0.0.1", 8765, proc) is None


def test_the_process_of_another_user_is_not_found(tmp_path: Path) -> None:
    proc = make_proc(tmp_path, tcp=row("127.0.0.1", 8765, 77))
    (proc / "42" / "fd").rmdir()
    assert find_holder("127.0.0.1", 8765, proc) is None


def test_a_platform_without_procfs_finds_no_holder(tmp_path: Path) -> None:
    assert find_holder("127.0.0.1", 8765, tmp_path) is None
