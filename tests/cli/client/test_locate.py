"""Reaching a relay: over HTTP, and through the data directory."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs
import pytest

from argybargy.cli.client.http import HttpOperator, is_listening, read_token
from argybargy.cli.client.locate import connect, find_token, reach
from argybargy.cli.client.offline import find_route, run_offline
from argybargy.cli.client.protocol import Operator, Work, read_answer
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import RelayOptions
from argybargy.cli.registry import VERBS
from argybargy.cli.terminal.output import Output
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.sessions import mark_token
from argybargy.relay.lifecycle import open_relay
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)
from argybargy.store.errors import Incompatible
from argybargy.store.memory.store import open_memory_store
from argybargy.system.network import local_host
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.services import Services
from argybargy.web.access.session_keeper import open_sessions
from argybargy.web.access.throttle import AuthThrottle
from argybargy.web.errors import error_response
from support.terminal import Terminal

HEAVY = frozenset(
    {
        "trio", "quart", "quart_trio", "hypercorn", "apsw", "httptools", "structlog",
        "msgspec", "rich", "asyncio",
    }
)  # fmt: skip
SLOW = frozenset(
    {"http.client", "ssl", "platformdirs", "tomllib", "argybargy.settings.settings"}
)

# A relay of one answer, in a process of its own.
ANSWERING = """
import http.server, json, sys
status, body = int(sys.argv[1]), sys.argv[2].encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.do_POST()
    def do_POST(self):
        length = int(self.headers["content-length"] or 0)
        seen = [self.path, self.headers["x-admin-token"], self.rfile.read(length)]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body or json.dumps([str(s) for s in seen]).encode())
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


# A relay that streams a line, waits until it was read, and sends half a line.
STREAMING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in (b'{"a": 1}\\n{"b"', b': 2}\\n', b'{"c": 3'):
            self.wfile.write(b"%x\\r\\n%b\\r\\n" % (len(piece), piece))
            self.wfile.flush()
            sys.stdin.readline()
        if sys.argv[1] == "end":
            self.wfile.write(b"0\\r\\n\\r\\n")
        self.close_connection = True
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def streaming(how: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a relay that streams; yield its address, and a function that continues it."""
    command = [sys.executable, "-c", STREAMING, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stdin=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            line = process.stdin

            def go_on() -> None:
                line.write("\n")
                line.flush()

            yield f"http://127.0.0.1:{int(process.stdout.readline())}", go_on
        finally:
            process.kill()


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    command = [sys.executable, "-c", ANSWERING, str(status), body]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal with the real clients."""
    return Terminal(
        reach=reach,
        connect=connect,
        token=find_token,
        environment={"ARGYBARGY_DATA": str(tmp_path)},
    )


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "admin.token").write_text("the-token\n")
    return "the-token"


def modules_after(arguments: list[str], folder: Path) -> set[str]:
    """Return the modules that a process imports for a command."""
    program = (
        "import sys, argybargy.cli.main as m, json\n"
        "environment = m.Environment.real()\n"
        "try: code = m.run(sys.argv[1:], environment)\n"
        "finally: print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_no_server(tmp_path: Path) -> None:
    # Only the help uses rich.
    assert modules_after(["--help"], tmp_path).isdisjoint(HEAVY - {"rich"})


def test_a_client_command_imports_no_server(tmp_path: Path, free_port: int) -> None:
    arguments = ["codes", "--url", f"http://127.0.0.1:{free_port}"]
    seen = modules_after([*arguments, "--data", str(tmp_path)], tmp_path)
    assert "argybargy.cli.client.locate" in seen
    assert seen.isdisjoint(HEAVY)


def test_a_command_imports_its_own_module_and_nothing_slow(tmp_path: Path) -> None:
    seen = modules_after(["version"], tmp_path)
    assert "argybargy.cli.commands.program" in seen
    assert seen.isdisjoint(HEAVY | SLOW)
    others = {
        f"argybargy.cli.commands.{verb.where.partition(':')[0]}" for verb in VERBS
    }
    assert seen & others == {"argybargy.cli.commands.program"}


# -- over HTTP --------------------------------------------------------------------


@pytest.mark.usefixtures("token")
def test_a_refused_connection_names_the_url(terminal: Terminal, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    result = terminal.type("codes", "--url", url)
    assert (result.code, result.out) == (7, "")
    assert f"No relay can be reached at {url}" in result.talk
    assert "argybargy up" in result.talk


def test_a_data_directory_without_a_token_is_named(
    terminal: Terminal, tmp_path: Path
) -> None:
    result = terminal.type("codes", "--url", "http://127.0.0.1:1")
    assert result.code == 4
    assert str(tmp_path / "admin.token") in result.talk
    assert "--data" in result.talk


@pytest.mark.parametrize("content", ["", "two\nlines", "naïve"])
def test_a_token_that_cannot_be_a_header_is_rejected(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "admin.token").write_text(content)
    with pytest.raises(CliError, match="no admin token"):
        read_token(tmp_path)


def test_a_token_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "admin.token").mkdir()
    with pytest.raises(CliError, match="cannot be read"):
        read_token(tmp_path)


@pytest.mark.usefixtures("token")
def test_a_wrong_token_says_which_file_to_look_for(terminal: Terminal) -> None:
    refusal = json.dumps({"detail": {"error": "admin_unauthorized", "detail": "no"}})
    with answering(401, refusal) as url:
        result = terminal.type("revoke", "alice", "--url", url)
    assert result.code == 4
    assert "does not accept the admin token (HTTP 401)" in result.talk
    assert "--data" in result.talk
    assert "the-token" not in result.talk


def test_another_program_on_the_port_gets_no_token(
    terminal: Terminal, token: str, tmp_path: Path
) -> None:
    with answering(200, "{}") as url:
        result = terminal.type("revoke", "alice", "--port", url.rpartition(":")[2])
    assert result.code == 7
    assert f"no relay uses {tmp_path}" in result.talk
    assert token not in result.talk


def test_a_relay_on_this_machine_is_found_by_its_port(
    terminal: Terminal, token: str, tmp_path: Path
) -> None:
    answer = json.dumps({"revoked": 1, "codes": [{"key_id": "0a", "name": "alice",
                                                  "room": "r"}]})  # fmt: skip
    with answering(200, answer) as url, hold_lock(tmp_path):
        port = url.rpartition(":")[2]
        with publish_server_address(tmp_path, ServerAddress("0.0.0.0", int(port), 1)):
            result = terminal.type("revoke", "alice", "--port", port)
    assert (result.code, result.out) == (0, "revoked 0a alice in r\n")


@pytest.mark.usefixtures("token")
def test_another_program_gets_no_token_while_the_relay_is_elsewhere(
    terminal: Terminal, tmp_path: Path
) -> None:
    with answering(200, "{}") as url, hold_lock(tmp_path):
        port = url.rpartition(":")[2]
        with publish_server_address(
            tmp_path, ServerAddress("127.0.0.1", int(port) - 1, 1)
        ):
            other_port = terminal.type("revoke", "alice", "--port", port)
        with publish_server_address(tmp_path, ServerAddress("::1", int(port), 1)):
            other_host = terminal.type("revoke", "alice", "--port", port)
        starting = terminal.type("revoke", "alice", "--port", port)
    assert other_port.code == other_host.code == starting.code == 7
    assert f"listens on 127.0.0.1:{int(port) - 1}" in other_port.talk
    assert f"listens on [::1]:{port}" in other_host.talk
    assert "is starting or stopping" in starting.talk


def test_a_call_carries_the_token_and_json() -> None:
    with answering(200, '{"ok": true}') as url:
        operator = HttpOperator(url, "secret")
        assert operator.call("POST", "/admin/revoke", {"target": "a"}) == {"ok": True}
        assert is_listening("127.0.0.1", int(url.rpartition(":")[2]))
    assert "secret" not in repr(operator)


@pytest.mark.parametrize("body", ["<html>", "[]", "\xff"])
def test_another_program_is_distinguished_from_a_relay(body: str) -> None:
    with pytest.raises(CliError, match=r"does not come from a relay \(HTTP 200\)"):
        read_answer(200, body.encode("latin-1"))


@pytest.mark.parametrize("problem", [Problem.ROOM_NOT_FOUND, Problem.SESSION_NOT_FOUND])
def test_errors_of_commands_give_no_advice_on_http(problem: Problem) -> None:
    with pytest.raises(CliError, match="There is no such") as caught:
        read_answer(404, error_response(RelayError(problem)).body)
    assert caught.value.code is Exit.NOT_FOUND
    assert "/admin" not in caught.value.text
    assert "argybargy" in caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        RelayError.invalid("text", "at most 10 characters"),
        RelayError(Problem.BODY_TOO_LARGE, limit_bytes=10),
    ],
)
def test_too_long_a_text_is_a_usage_error(error: RelayError) -> None:
    with pytest.raises(CliError) as caught:
        read_answer(error.problem.value.status, error_response(error).body)
    assert caught.value.code is Exit.USAGE


def test_a_wildcard_address_is_reached_on_loopback() -> None:
    assert [
        local_host(host) for host in ("0.0.0.0", "::", "localhost", "10.0.0.1")
    ] == [
        "127.0.0.1",
        "::1",
        "127.0.0.1",
        "10.0.0.1",
    ]


def test_a_token_file_is_all_that_token_needs(terminal: Terminal, token: str) -> None:
    assert terminal.type("token").out == f"{token}\n"


def test_no_token_is_created_while_a_relay_runs(terminal: Terminal) -> None:
    with answering(200, "{}") as url:
        result = terminal.type("token", "--port", url.rpartition(":")[2])
    assert result.code == 4
    assert "--data" in result.talk


@pytest.mark.parametrize("how", ["end", "break"])
def test_a_stream_is_read_by_line_and_half_a_line_is_an_error(how: str) -> None:
    with (
        streaming(how) as (url, go_on),
        HttpOperator(url, "secret").stream("/admin/stream", {}, lambda: 10) as lines,
    ):
        assert next(lines) == {"a": 1}, "before the next has come whole"
        go_on()
        assert next(lines) == {"b": 2}
        go_on()
        go_on()
        with pytest.raises(CliError) as caught:
            next(lines)
    assert caught.value.code is Exit.UNREACHABLE


def test_a_line_past_its_timeout_is_an_unreachable_relay() -> None:
    patience = iter([10.0, 10.0, 0.05])
    with (
        streaming("end") as (url, _),
        HttpOperator(url, "").stream("/", {}, lambda: next(patience)) as lines,
    ):
        assert next(lines) == {"a": 1}
        with pytest.raises(CliError, match="timed out") as caught:
            next(lines)
    assert caught.value.code is Exit.UNREACHABLE


def test_a_stream_may_be_refused() -> None:
    refusal = json.dumps({"detail": {"error": "admin_unauthorized", "detail": "no"}})
    with (
        answering(401, refusal) as url,
        pytest.raises(CliError) as caught,
        HttpOperator(url, "secret").stream("/", {}, lambda: 10),
    ):
        raise AssertionError
    assert caught.value.code is Exit.NOT_AUTHORISED


def test_token_file_serves_a_relay_on_another_machine(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").write_text("another-token\n")
    answer = json.dumps({"revoked": 1, "codes": [{"key_id": "0a", "name": "alice",
                                                  "room": "r"}]})  # fmt: skip
    with answering(200, answer) as url:
        arguments = ["revoke", "alice", "--url", url, "--token-file"]
        found = terminal.type(*arguments, str(tmp_path / "elsewhere"))
        missing = terminal.type(*arguments, str(tmp_path / "nowhere"))
    assert found.code == 0
    assert (missing.code, missing.out) == (4, "")
    assert "argybargy token" in missing.talk


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("verb", ["rooms", "waiting", "status", "watch", "health"])
def test_a_live_command_does_not_open_the_data_directory(
    verb: str, terminal: Terminal, free_port: int, tmp_path: Path
) -> None:
    result = terminal.type(verb, "--port", str(free_port))
    assert (result.code, result.out) == (7, "")
    assert "argybargy up" in result.talk
    assert [path.name for path in tmp_path.iterdir()] == ["admin.token"]


def test_health_asks_without_a_token(terminal: Terminal) -> None:
    answer = json.dumps({"status": "ready", "version": "9"})
    with answering(200, answer) as url:
        local = terminal.type("health", "--port", url.rpartition(":")[2])
        remote = terminal.type("health", "--url", url)
    assert local.out == remote.out == "ready 9\n"


# -- pipes and shells ---------------------------------------------------------------


def test_a_closed_pipe_is_detected_without_writing() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        out = Output(stream, stream)
        out.check_reader()
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            out.check_reader()


def test_without_poll_the_next_write_detects_a_closed_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.delattr("select.poll")
    stream = os.fdopen(writing, "w")
    Output(stream, stream).check_reader()
    stream.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_where_the_shell_looks(
    shell: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "argybargy", "--install-completion", "--shell", shell],
        capture_output=True, text=True, check=False,
        env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (script,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "watch" in script.read_text()
    if shell == "bash":
        subprocess.run(["bash", "-n", str(script)], check=True)


# -- through the data directory -----------------------------------------------------


@attrs.define
class KnownToken:
    """A token that does not change."""

    value: str = "offline-token"

    def matches(self, presented: str) -> bool:
        return presented == self.value

    def is_guess(self, presented: str) -> bool:
        return presented != self.value

    @property
    def mark(self) -> str:
        return mark_token(self.value)

    async def rotate(self) -> str:
        raise AssertionError("nobody rotates here")


@asynccontextmanager
async def open_services() -> AsyncIterator[Services]:
    limits, token = Limits(), KnownToken()
    async with (
        open_memory_store(limits) as store,
        open_relay(store, limits) as relay,
        open_sessions(store, limits, relay.clock, token) as sessions,
    ):
        yield Services(
            relay=relay,
            limits=limits,
            admin_token=token,
            sessions=sessions,
            address=PublicAddress.make(
                "http://127.0.0.1:8765",
                HostRule.make("127.0.0.1", None, ()),
                is_configured=False,
            ),
            throttle=AuthThrottle(limits),
        )


@pytest.fixture
def offline() -> Terminal:
    """A terminal whose every command finds a data directory, new each time."""

    def work_offline(
        settings: Settings,
        options: RelayOptions,
        work: Work,
        *,
        makes_data: bool = False,
    ) -> int:
        assert options.url is None
        return run_offline(open_services, work)

    return Terminal(reach=work_offline)


def test_a_room_is_created_without_a_relay(offline: Terminal) -> None:
    result = offline.type("room", "review", "--expires", "1d", "--json")
    assert result.code == 0
    room = result.json
    assert room["worker"]["code"].startswith("argy_a1_")
    assert room["worker"]["code"] in room["brief"]
    assert room["operator"]["capabilities"] == "coordinates this room"


def test_a_room_is_rotated_by_the_real_endpoints() -> None:
    def rooms_twice(operator: Operator) -> int:
        terminal = Terminal(
            reach=lambda settings, common, work, *, makes_data=False: work(operator)  # noqa: ARG005
        )
        first = terminal.type("room", "review", "--json").json
        again = terminal.type("room", "review", "--json").json
        told = terminal.type("codes", "--json").json
        assert sorted(again["revoked"]) == sorted(
            [first["worker"]["key_id"], first["operator"]["key_id"]]
        )
        assert {row["key_id"] for row in told} == {
            again["worker"]["key_id"],
            again["operator"]["key_id"],
        }
        operator.call("POST", "/admin/rooms/review/close", {})
        assert terminal.type("room", "review").code == 6
        return Exit.OK

    assert run_offline(open_services, rooms_twice) == 0


def test_a_refusal_of_the_endpoints_is_the_command_s_error(offline: Terminal) -> None:
    result = offline.type("invite", "--name", "alice", "--expires", "soon")
    assert (result.code, result.out) == (2, "")
    assert "not a lifetime" in result.talk
    assert offline.type("revoke", "nobody").code == 5
    assert offline.type("codes").code == 3


def test_a_data_directory_that_is_in_use_is_an_error_and_no_traceback() -> None:
    @asynccontextmanager
    async def locked() -> AsyncIterator[Services]:
        raise Incompatible("another relay is using it")
        yield  # type: ignore[unreachable]

    with pytest.raises(CliError, match="another relay is using it") as caught:
        run_offline(locked, lambda _: Exit.OK)
    assert "--port" in caught.value.hint


def test_unexpected_exceptions_propagate() -> None:
    def broken(_: Operator) -> int:
        raise ZeroDivisionError

    with pytest.raises(BaseExceptionGroup) as caught:
        run_offline(open_services, broken)
    assert caught.group_contains(ZeroDivisionError)


def test_placeholders_are_filled_from_the_path() -> None:
    route, params = find_route("POST", "/admin/rooms/a%2Db/open")
    assert (route.path, params) == ("/admin/rooms/{room}/open", {"room": "a-b"})
    with pytest.raises(LookupError):
        find_route("GET", "/admin/rooms/a/open")
