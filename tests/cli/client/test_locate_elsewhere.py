"""Errors for data and relays at another place than the command line says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from argybargy.cli.client.http import HttpOperator
from argybargy.cli.client.locate import connect, find_token, reach
from argybargy.cli.errors import CliError
from argybargy.cli.options import RelayOptions
from argybargy.serve.local_relay import as_served
from argybargy.serve.running_relays import noted_relay
from argybargy.settings.settings import Settings, parse_settings
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)
from support.first_argybargy import OriginalRelay
from support.real_commands import Desk, free_port


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Desk(tmp_path / "data")


@contextmanager
def relay_at(desk: Desk, place: ServerAddress) -> Iterator[None]:
    """Hold the lock of the data, with a published address."""
    with hold_lock(desk.data), publish_server_address(desk.data, place):
        (desk.data / "admin.token").write_text("the-token\n")
        yield


# -- data that are not there --------------------------------------------------------


@pytest.mark.parametrize("line", ["backup", "export", "codes", "revoke ann --yes"])
def test_a_mistyped_directory_is_an_error_and_is_not_created(
    desk: Desk, line: str
) -> None:
    result = desk.type(*line.split())
    assert (result.code, result.out) == (5, "")
    assert f"There is no database in {desk.data}." in result.talk
    assert "--data" in result.talk
    assert not desk.data.exists()


@pytest.mark.parametrize(
    "line",
    ["room review", "invite --name ann", "connect claude", "import --from-original o"],
)
def test_room_and_invite_prepare_the_data_before_the_start(
    desk: Desk, line: str
) -> None:
    OriginalRelay.make(Path("o"))
    result = desk.type(*line.split())
    assert result.code == 0, result.talk
    not_running = f"No relay is running on {desk.data} yet. Start it: argybargy up\n"
    assert result.talk.endswith(not_running)
    assert desk.type("codes").code != 5
    assert desk.type(*line.split(), "--quiet").talk.endswith(not_running)


def test_the_start_command_repeats_the_data_option(desk: Desk) -> None:
    result = desk.type("room", "review", "--data", "my data", "--port", "9")
    assert "Start it: argybargy up --port 9 --data 'my data'\n" in result.talk


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="needs a user")
def test_unreadable_data_is_not_reported_as_missing(desk: Desk) -> None:
    desk.data.mkdir(mode=0)
    result = desk.type("codes")
    assert result.code == 1
    assert "Permission denied" in result.talk


def test_unusable_data_is_reported_once(desk: Desk) -> None:
    result = desk.type("room", "review", "--data", "/proc/nowhere")
    assert result.code == 1
    assert result.talk.count("cannot be used") == 1
    assert "Errno" not in result.talk


# -- a relay elsewhere --------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["rooms", "codes", "room review", "invite --name ann", "backup", "health"]
)
def test_a_relay_on_another_port_is_named(desk: Desk, line: str) -> None:
    port = free_port()
    with relay_at(desk, ServerAddress("0.0.0.0", port, 7)):
        result = desk.type(*line.split())
    assert (result.code, result.out) == (7, "")
    assert f"The relay of this data listens on 127.0.0.1:{port}." in result.talk
    assert f"Add --port {port}." in result.talk


def test_a_relay_on_another_address_is_named_with_it(desk: Desk) -> None:
    with relay_at(desk, ServerAddress("::1", desk.port, 7)):
        result = desk.type("codes")
    assert f"listens on [::1]:{desk.port}." in result.talk
    assert "ARGYBARGY_HOST=::1" in result.talk


# -- a relay of this user with other data -------------------------------------------


@contextmanager
def noted(data: Path, place: ServerAddress) -> Iterator[None]:
    """Run as much of a relay as commands look for: lock, address and note."""
    with hold_lock(data), publish_server_address(data, place), noted_relay(data):
        yield


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a command that names neither port nor data directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    # The usual port may be taken on this machine.
    monkeypatch.setattr("argybargy.cli.client.locate.is_listening", lambda *_: False)
    return parse_settings({})


def test_a_command_that_reaches_nothing_says_where_a_relay_runs(
    desk: Desk, tmp_path: Path
) -> None:
    alone = desk.type("watch")
    assert alone.code == 7
    assert f"on port {desk.port}, with data in {desk.data}." in alone.talk
    assert "--port and --data, or --url" in alone.talk
    other = tmp_path / "my other"
    with noted(other, ServerAddress("127.0.0.1", 7001, 7)):
        result = desk.type("watch")
    options = f"--port 7001 --data '{other}'"
    assert f"A relay runs on 127.0.0.1:7001: add {options}\n" in result.talk
    assert "ARGYBARGY_DATA" in result.talk
    assert desk.type("watch") == alone


def test_the_data_of_the_relay_on_the_named_port_are_named(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argybargy.cli.client.locate.is_listening", lambda *_: True)
    with noted(tmp_path / "other", ServerAddress("127.0.0.1", desk.port, 7)):
        result = desk.type("waiting")
    assert result.code == 7
    assert result.talk.endswith(f"Add --data {tmp_path / 'other'}\n")


def test_the_doctor_names_the_relays_that_run_elsewhere(
    desk: Desk, tmp_path: Path
) -> None:
    with noted(tmp_path / "other", ServerAddress("127.0.0.1", 7001, 7)):
        out = desk.type("doctor").out
    assert f"One runs on port 7001, with data in {tmp_path / 'other'}." in out
    assert "One runs" not in desk.type("doctor").out


def test_no_database_is_made_or_shown_while_the_relay_that_runs_is_elsewhere(
    bare: Settings, tmp_path: Path
) -> None:
    done: list[str] = []

    def work(_: object) -> int:
        done.append("worked")
        return 0

    with noted(tmp_path / "other", ServerAddress("::1", 7001, 7)):
        with pytest.raises(CliError, match="but one runs elsewhere"):
            find_token(bare)
        with pytest.raises(CliError) as caught:
            reach(bare, RelayOptions(), work, makes_data=True)
        named = parse_settings({"ARGYBARGY_DATA": str(tmp_path / "mine")})
        assert reach(named, RelayOptions(), work, makes_data=True) == 0
    assert caught.value.code == 7
    assert "A relay runs on [::1]:7001: add --port 7001" in caught.value.hint
    assert "and set ARGYBARGY_HOST=::1" in caught.value.hint
    assert f"add --data {bare.data}" in caught.value.hint
    assert not bare.data.exists()
    assert done == ["worked"]
    assert reach(bare, RelayOptions(), work, makes_data=True) == 0


# -- TLS ----------------------------------------------------------------------------


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """A server that accepts one connection, and closes it without a response."""
    program = (
        "import socket; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True);"
        "c, _ = s.accept(); c.recv(4096); c.close()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def test_a_relay_under_tls_is_reached_without_the_variables(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argybargy.cli.client.locate.is_listening", lambda *_: True)
    with relay_at(desk, ServerAddress("127.0.0.1", desk.port, 7, "/srv/cert.pem")):
        relay = connect(desk.settings, RelayOptions())
    assert relay.url == f"https://127.0.0.1:{desk.port}"
    assert relay.certificate == Path("/srv/cert.pem")


def test_a_relay_without_tls_is_reached_despite_tls_variables(desk: Desk) -> None:
    settings = as_served(desk.settings, ServerAddress("h", 1, 1, "/srv/cert.pem"))
    assert as_served(settings, ServerAddress("h", 1, 1)).tls_cert is None


def test_a_reset_connection_hints_at_tls(desk: Desk, hanging_up: str) -> None:
    with pytest.raises(CliError) as caught:
        connect(desk.settings, RelayOptions(url=hanging_up), with_token=False).call(
            "GET", "/"
        )
    assert caught.value.code == 7
    assert caught.value.hint.endswith(f"--url {hanging_up.replace('http', 'https')}")


def test_an_untrusted_certificate_gives_a_hint_on_trust(
    tmp_path: Path,
) -> None:
    file = tmp_path / "server.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    program = (
        "import socket, ssl, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True);"
        "t = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);"
        "t.load_cert_chain(sys.argv[1]); c, _ = s.accept();"
        "t.wrap_socket(c, server_side=True)"
    )
    command, pipe = [sys.executable, "-c", program, str(file)], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        url = f"https://127.0.0.1:{int(process.stdout.readline())}"
        with pytest.raises(CliError, match="certificate") as caught:
            HttpOperator(url, "").call("GET", "/")
        process.kill()
    assert caught.value.code == 7
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_refused_connection_has_one_text_for_port_and_url(desk: Desk) -> None:
    url = f"http://127.0.0.1:{desk.port}"
    desk.type("room", "review")
    for result in (desk.type("rooms"), desk.type("rooms", "--url", url)):
        assert result.code == 7
        text = f"No relay can be reached at {url}: nothing listens there.\n"
        assert text in result.talk
