"""Why there is no relay: what is said, what is advised, and the exit code."""

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from argybargy.serve.lifespan import LifespanError
from argybargy.serve.startup_errors import (
    EXIT_DATA,
    EXIT_FAILED,
    StartupFailure,
    explain_startup_error,
)
from argybargy.settings.settings import Settings, SettingsError, parse_settings
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)
from argybargy.store.errors import Corrupt, Incompatible, Refused


def settings_for(data: Path, **variables: str) -> Settings:
    given = {f"ARGYBARGY_{name.upper()}": value for name, value in variables.items()}
    return parse_settings({"ARGYBARGY_DATA": str(data), **given})


def test_a_file_that_cannot_be_used_is_not_blamed_on_the_address(
    tmp_path: Path,
) -> None:
    error = OSError(errno.EROFS, "Read-only file system", "/srv/admin.token")
    ending = ended(error, tmp_path)
    assert ending.text == "/srv/admin.token cannot be used: Read-only file system."


def test_a_directory_that_cannot_be_locked_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(Refused) as raised, hold_lock(tmp_path):
        pass
    ending = ended(raised.value, tmp_path)
    assert ending.code == EXIT_DATA
    assert f"files in {tmp_path} cannot be locked" in ending.text


def test_a_package_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    lifespan = LifespanError("the app failed")
    lifespan.__cause__ = ExceptionGroup("in its nursery", [ImportError("no quart")])
    ending = ended(ExceptionGroup("in the server", [lifespan]), tmp_path)
    assert ending.code == EXIT_FAILED
    assert ending.text == "The operator's endpoints cannot be loaded: no quart."
    assert ending.hint == "The installation is damaged. Install Argybargy again."


def test_an_app_that_fails_otherwise_is_a_bug(tmp_path: Path) -> None:
    lifespan = LifespanError("the app failed")
    lifespan.__cause__ = ValueError("a bug")
    with pytest.raises(LifespanError):
        ended(ExceptionGroup("in the server", [lifespan]), tmp_path)


def ended(error: BaseException, data: Path, **variables: str) -> StartupFailure:
    return explain_startup_error(error, settings_for(data, **variables), "serve")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name unknown"), "serve --host 127.0.0.1"),
        (OSError(errno.EADDRNOTAVAIL, "Not ours"), "serve --host 127.0.0.1"),
        (OSError(errno.EADDRINUSE, "Taken"), "serve --port 1235"),
        (PermissionError(errno.EACCES, "Permission denied"), "serve --port 8765"),
        (OSError(errno.EMFILE, "Too many open files"), "argybargy doctor"),
    ],
)
def test_the_advice_fits_the_problem(error: OSError, hint: str, tmp_path: Path) -> None:
    ending = ended(error, tmp_path, port="1234")
    assert ending.code == EXIT_FAILED
    assert ending.text == f"Cannot serve on 127.0.0.1:1234: {error.strerror}."
    assert ending.hint.endswith(hint)


def test_the_port_suggested_for_the_last_one_is_the_one_before(tmp_path: Path) -> None:
    error = OSError(errno.EADDRINUSE, "Taken")
    assert ended(error, tmp_path, port="65535").hint.endswith("--port 65534")


def test_a_relay_that_runs_already_is_named(tmp_path: Path) -> None:
    with (
        hold_lock(tmp_path),
        publish_server_address(tmp_path, ServerAddress("0.0.0.0", 8791, 7)),
    ):
        ending = ended(Incompatible("Another server"), tmp_path)
    assert ending.code == EXIT_DATA
    assert ending.text == "The relay of this data listens on 127.0.0.1:8791."
    assert "--port 8791" in ending.hint


def test_data_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    ending = ended(Corrupt("it is damaged"), tmp_path)
    assert ending.code == EXIT_DATA
    assert str(ending) == (
        f"argybargy: The data in {tmp_path} cannot be used: it is damaged"
    )


def test_a_store_that_cannot_be_used_is_named_without_its_password(
    tmp_path: Path,
) -> None:
    ending = ended(
        Incompatible("it is too old"),
        tmp_path,
        store="postgresql://relay:secret@db/lab",
        public_url="https://relay.example",
    )
    assert ending.code == EXIT_DATA
    assert ending.text == (
        "The store postgresql://relay:***@db/lab cannot be used: it is too old"
    )


def test_unexpected_exceptions_propagate(tmp_path: Path) -> None:
    bug = ExceptionGroup("", [ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        ended(bug, tmp_path)


# -- the real program ----------------------------------------------------------------


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "argybargy", *arguments],
        capture_output=True, text=True, check=False, timeout=30,
        env={"HOME": os.devnull, "ARGYBARGY_CONFIG": os.devnull, **variables},
    )  # fmt: skip


def test_an_invalid_address_is_explained_in_two_lines(tmp_path: Path) -> None:
    done = run("up", "--no-tunnel", "--host", "300.1.1.1", "--data", str(tmp_path))
    assert done.returncode == EXIT_FAILED
    text, hint = done.stderr.splitlines()[-2:]
    assert text.startswith("argybargy: Cannot serve on 300.1.1.1:8765: ")
    again = f"argybargy up --data {tmp_path} --host 127.0.0.1"
    assert hint.endswith(again)


@pytest.mark.skipif(sys.platform != "linux", reason="nothing can be made in /proc")
def test_a_directory_that_cannot_be_made_is_said_once() -> None:
    done = run("serve", "--data", "/proc/nowhere")
    assert done.returncode == EXIT_DATA
    assert done.stderr.count("cannot be used") == 1
    assert "Errno" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_service_writes_json_and_nothing_else(tmp_path: Path) -> None:
    port = "0"
    with subprocess.Popen(
        [sys.executable, "-m", "argybargy", "serve", "--port", port],
        stderr=subprocess.PIPE, text=True,
        env={"ARGYBARGY_DATA": str(tmp_path), "ARGYBARGY_CONFIG": os.devnull},
    ) as relay:  # fmt: skip
        assert relay.stderr is not None
        first = json.loads(relay.stderr.readline())
        relay.terminate()
        rest = [json.loads(line) for line in relay.stderr]
    assert first["event"] == "listening"
    assert first["data"] == str(tmp_path)
    assert [entry["event"] for entry in rest] == ["stopping"]
    assert relay.returncode == 0


# -- settings ------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such file")
def test_a_path_is_shown_as_it_was_typed() -> None:
    with pytest.raises(SettingsError, match=r"it is '/etc/passwd'\."):
        parse_settings({}, {"data": Path("/etc/passwd")})


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    wrong, missing = tmp_path / "wrong.toml", tmp_path / "missing.toml"
    wrong.write_text("port = ?")
    with pytest.raises(SettingsError, match=f"={wrong} cannot be read: Invalid value"):
        parse_settings({"ARGYBARGY_CONFIG": str(wrong)})
    with pytest.raises(SettingsError, match="cannot be read: No such file") as caught:
        parse_settings({"ARGYBARGY_CONFIG": str(missing)})
    assert "Errno" not in str(caught.value)
