"""`up` with a program that passes for cloudflared, and on a terminal."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from argybargy.torture.relay_process import plain_environment
from support.relay_process import RealServer, free_port, open_server
from support.terminal_screen import Screen

pytestmark = pytest.mark.e2e
UP = (sys.executable, "-m", "argybargy", "up")
URL = "https://some-words.trycloudflare.com"
HOST = "some-words.trycloudflare.com"
WAIT_SECONDS = 20


def write_program(folder: Path, script: str) -> Path:
    program = folder / "cloudflared"
    program.write_text(f'#!/bin/sh\ncd {folder}\necho "$$ $@" >> started\n{script}\n')
    program.chmod(0o755)
    return program


def starts(folder: Path) -> list[tuple[int, str]]:
    """Return each start of the program: its process, and what it was given."""
    lines = [
        line.split(" ", 1) for line in (folder / "started").read_text().split("\n")
    ]
    return [(int(line[0]), line[1]) for line in lines if len(line) > 1]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@asynccontextmanager
async def open_up(
    folder: Path, script: str, *arguments: str, **environment: str
) -> AsyncIterator[RealServer]:
    """Start a relay with a tunnel, telling programs what it does."""
    write_program(folder, script)
    path = f"{folder}:{plain_environment()['PATH']}"
    command = (*UP, "--json", *arguments)
    data = folder / "data"
    async with open_server(data, command=command, PATH=path, **environment) as server:
        yield server


def told(server: RealServer) -> list[dict[str, Any]]:
    """Return what was said about the tunnel."""
    lines = [line for line in server.log.read_text().split("\n") if '"tunnel"' in line]
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if "tunnel" in row]


async def wait_told(server: RealServer, *states: str) -> list[dict[str, Any]]:
    with trio.fail_after(WAIT_SECONDS):
        while [row["tunnel"] for row in told(server)][: len(states)] != list(states):  # noqa: ASYNC110
            await trio.sleep(0.02)  # another process says it
    return told(server)


async def ask_as(server: RealServer, host: str) -> int:
    """Ask for the manifest by a name of the relay's; return the status."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    address = server.address
    async with await trio.open_tcp_stream(address.host, address.port) as stream:
        await stream.send_all(request.encode())
        with trio.fail_after(WAIT_SECONDS):
            head = await stream.receive_some()
    return int(head.split()[1])


async def test_the_tunnel_s_url_is_published_while_it_is_up(tmp_path: Path) -> None:
    script = f"echo '|  {URL}  |'; while [ ! -e die ]; do sleep 0.05; done; exit 1"
    async with open_up(tmp_path, script, "--tunnel") as server:
        rows = await wait_told(server, "starting", "up")
        assert rows[1] == {"tunnel": "up", "url": URL}
        ((first, given),) = starts(tmp_path)
        local = f"http://127.0.0.1:{server.address.port}"
        assert given == f"tunnel --no-autoupdate --url {local}"
        made = await server.admin("POST", "/admin/invite", {"name": "alice"})
        assert made.json["url"] == URL
        assert await ask_as(server, HOST) == 200
        (tmp_path / "die").touch()
        await wait_told(server, "starting", "up", "down")
        made = await server.admin("POST", "/admin/invite", {"name": "bob"})
        assert made.json["url"] == local
        assert await ask_as(server, HOST) == 421
        (tmp_path / "die").unlink()
        await wait_told(server, "starting", "up", "down", "starting", "up")
        assert not is_alive(first)
        assert await ask_as(server, HOST) == 200
        assert await server.stop() == 0
    assert len(starts(tmp_path)) == 2
    assert not any(is_alive(pid) for pid, _ in starts(tmp_path))


async def test_a_tunnel_outlives_the_goodbyes_and_not_the_relay(tmp_path: Path) -> None:
    script = f"trap 'echo term >> ended; exit 0' TERM; echo {URL}\n"
    script += "while true; do sleep 0.05; done"
    async with open_up(tmp_path, script, "--tunnel") as server:
        await wait_told(server, "starting", "up")
        assert await server.stop(signal.SIGINT) == 0
    ((pid, _),) = starts(tmp_path)
    assert not is_alive(pid)
    assert (tmp_path / "ended").read_text() == "term\n"


async def test_a_second_signal_leaves_no_tunnel_behind(tmp_path: Path) -> None:
    script = f"trap '' TERM INT; echo {URL}; while true; do sleep 0.05; done"
    async with open_up(tmp_path, script, "--tunnel") as server:
        await wait_told(server, "starting", "up")
        alice = await server.guest("alice")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_poll, server, alice.code)
            await server.wait_parked(1)
            server.process.send_signal(signal.SIGTERM)
            assert await server.stop() in {0, 1, 130}
            nursery.cancel_scope.cancel()
    ((pid, _),) = starts(tmp_path)
    assert not is_alive(pid)


async def test_a_relay_that_is_killed_leaves_no_tunnel_behind(tmp_path: Path) -> None:
    script = f"trap '' TERM INT; echo {URL}; while true; do sleep 0.05; done"
    async with open_up(tmp_path, script, "--tunnel") as server:
        await wait_told(server, "starting", "up")
        await server.stop(signal.SIGKILL)
    ((pid, _),) = starts(tmp_path)
    with trio.fail_after(WAIT_SECONDS):
        while is_alive(pid):  # noqa: ASYNC110 - another process ends
            await trio.sleep(0.02)


async def _poll(server: RealServer, code: str) -> None:
    with trio.move_on_after(WAIT_SECONDS):
        await server.returning("alice", code).poll(0, wait=20)


async def test_a_configured_url_needs_no_tunnel_and_is_not_replaced(
    tmp_path: Path,
) -> None:
    configured = {"ARGYBARGY_PUBLIC_URL": "https://relay.example.com"}
    async with open_up(tmp_path, f"echo {URL}; sleep 100", **configured) as server:
        made = await server.admin("POST", "/admin/invite", {"name": "alice"})
        assert made.json["url"] == "https://relay.example.com"
        assert await server.stop() == 0
    assert not (tmp_path / "started").exists()
    command = f"{tmp_path}/cloudflared run {{port}}"
    async with open_up(
        tmp_path,
        f"echo {URL}; while true; do sleep 0.05; done",
        "--tunnel-command",
        command,
        **configured,
    ) as server:
        await wait_told(server, "starting", "up")
        made = await server.admin("POST", "/admin/invite", {"name": "bob"})
        assert made.json["url"] == "https://relay.example.com"
        assert await ask_as(server, HOST) == 200
        ((_, given),) = starts(tmp_path)
        assert given == f"run {server.address.port}"


async def test_without_a_tunnel_none_is_started(tmp_path: Path) -> None:
    async with open_up(tmp_path, f"echo {URL}; sleep 100", "--no-tunnel") as server:
        assert await server.stop() == 0
        assert told(server) == []
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tunnel-command", "no-such-program-here {url}"],
        ["--tunnel-command", "'"],
        ["--tunnel-command", "sh", "--no-tunnel"],
    ],
)
async def test_a_tunnel_command_that_cannot_be_used_starts_nothing(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    environment = {**plain_environment(), "ARGYBARGY_DATA": str(tmp_path / "data")}
    done = await trio.run_process(
        [*UP, *arguments], env=environment, check=False, capture_stderr=True
    )
    assert done.returncode == 2
    assert b"--tunnel-command cannot be used" in done.stderr
    assert not (tmp_path / "data").exists()


# -- on a terminal ------------------------------------------------------------------


@attrs.define
class Terminal:
    """A terminal with a relay on it, and what it shows."""

    process: trio.Process
    port: int
    master: int
    screen: Screen
    taken: bytes = b""

    def resize(self, columns: int, rows: int = 40) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
        self.screen.resize(columns)

    def read(self) -> None:
        """Take what there is to read now."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nothing just now, or nobody any more
                return
            self.taken += data
            self.screen.feed(data.decode())

    async def wait_shown(self, pattern: str) -> re.Match[str]:
        with trio.fail_after(WAIT_SECONDS):
            while True:
                self.read()
                found = re.search(pattern, self.screen.text(), re.MULTILINE)
                if found is not None:
                    return found
                await trio.sleep(0.02)  # another process shows it


@asynccontextmanager
async def open_terminal(
    folder: Path, script: str, *options: str, **environment: str
) -> AsyncIterator[Terminal]:
    """Start a relay on a terminal; without options, it may ask on the terminal."""
    write_program(folder, script)
    port = free_port()
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    variables = {
        **plain_environment(),
        "TERM": "xterm-256color",
        "PATH": f"{folder}:{plain_environment()['PATH']}",
        "ARGYBARGY_DATA": str(folder / "data"),
        "ARGYBARGY_CONFIG": os.devnull,
        "ARGYBARGY_PORT": str(port),
        **environment,
    }
    variables.pop("NO_COLOR", None)
    variables |= environment
    size = struct.pack("HHHH", 40, 100, 0, 0)
    fcntl.ioctl(master, termios.TIOCSWINSZ, size)
    process = await trio.lowlevel.open_process(
        (*UP, *options),
        stdin=subprocess.DEVNULL if options else slave,
        stdout=slave,
        stderr=slave,
        env=variables,
    )
    os.close(slave)
    try:
        yield Terminal(process, port, master, Screen(100))
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(WAIT_SECONDS):
            await process.wait()
        os.close(master)


async def test_a_terminal_shows_how_the_relay_is_in_place(tmp_path: Path) -> None:
    script = f"while [ ! -e go ]; do sleep 0.05; done; echo {URL}; sleep 100"
    async with open_terminal(tmp_path, script, "--tunnel") as terminal:
        await terminal.wait_shown(r"^  tunnel    opening$")
        (tmp_path / "go").touch()
        await terminal.wait_shown(r"^  tunnel    up$")
        await terminal.wait_shown(rf"^  address   {URL}$")
        await terminal.wait_shown(r"^  messages  0 in the last minute$")
        assert re.search(
            r"^     http://127.0.0.1:\d+/dashboard#code=\w+$",
            terminal.screen.text(),
            re.MULTILINE,
        )
        for _ in range(2):
            text = terminal.screen.text()
            assert text.count("  address   ") == 1
            assert text.count("The tunnel is up. From outside: ") == 1
            assert text.index("The tunnel is up") < text.index("  address   ")
            assert "argybargy.serve" not in text  # no log, which says the same
            terminal.resize(42)
            before = len(terminal.taken)
            with trio.fail_after(WAIT_SECONDS):
                while terminal.taken.count(b"address", before) < 2:
                    terminal.read()
                    await trio.sleep(0.02)
        terminal.process.send_signal(signal.SIGINT)
        with trio.fail_after(WAIT_SECONDS):
            assert await terminal.process.wait() == 0
        terminal.read()
        text = terminal.screen.text()
        assert "  address   " not in text
        assert "Ctrl+C stops the relay." in text
        assert "Stopping: agents finish." in text
        assert text.rstrip().endswith("The relay has stopped.")
        assert "SIGINT" not in text


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_a_plain_terminal_gets_lines(
    tmp_path: Path, plain: dict[str, str]
) -> None:
    script = f"echo {URL}; sleep 100"
    async with open_terminal(tmp_path, script, "--tunnel", **plain) as terminal:
        await terminal.wait_shown(rf"^The tunnel is up\. From outside: {URL}$")
        terminal.process.send_signal(signal.SIGTERM)
        with trio.fail_after(WAIT_SECONDS):
            assert await terminal.process.wait() == 0
        terminal.read()
        assert b"\x1b[J" not in terminal.taken
        assert "in the last minute" not in terminal.screen.text()


async def test_a_terminal_is_asked_once_before_a_tunnel_is_opened(
    tmp_path: Path,
) -> None:
    script = f"echo {URL}; sleep 100"
    async with open_terminal(tmp_path, script) as terminal:
        await terminal.wait_shown(r"need an access code\. \[y/N\]")
        assert not (tmp_path / "started").exists()
        os.write(terminal.master, b"y\n")
        await terminal.wait_shown(rf"^  address   {URL}$")
        await _interrupt(terminal)
    async with open_terminal(tmp_path, script) as terminal:
        await terminal.wait_shown(rf"^  address   {URL}$")
        assert "access code. [y/N]" not in terminal.screen.text()
        await _interrupt(terminal)
    assert len(starts(tmp_path)) == 2


async def _interrupt(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGINT)
    with trio.fail_after(WAIT_SECONDS):
        assert await terminal.process.wait() == 0
