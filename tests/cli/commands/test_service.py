"""The systemd unit of the relay."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from argybargy.cli.commands.service import find_command, quote
from argybargy.serve.main import DRAIN_SECONDS, GRACE_SECONDS
from argybargy.settings.definitions import PREFIX, SETTINGS
from support.terminal import Result, Terminal

ANALYZE: Final = shutil.which("systemd-analyze")


class Unit(configparser.RawConfigParser):
    """A unit file, in which keys may repeat."""

    def __init__(self, text: str) -> None:
        super().__init__(strict=False, comment_prefixes=("#",), interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]
        self.read_string(text)


def printed(*arguments: str) -> tuple[Result, Unit]:
    result = Terminal().type("service", "print", *arguments)
    assert result.code == 0, result
    return result, Unit(result.out)


@pytest.mark.parametrize("user", [[], ["--user"]])
def test_a_unit_starts_this_very_program_and_waits_until_it_listens(
    user: list[str],
) -> None:
    _, unit = printed(*user)
    service = unit["Service"]
    assert service["Type"] == "notify"
    program = service["ExecStart"].split()[0]
    assert Path(program).is_absolute()
    assert program == find_command()[0]
    assert service["ExecStart"].endswith(" serve")
    assert service["NoNewPrivileges"] == "yes"
    assert float(service["TimeoutStopSec"]) > DRAIN_SECONDS + GRACE_SECONDS + 10
    assert unit["Install"]["WantedBy"] == ("default" if user else "multi-user") + (
        ".target"
    )


def test_the_system_unit_lets_the_relay_write_to_one_directory() -> None:
    _, unit = printed("--data", "/var/lib/relay")
    service = unit["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["DynamicUser"] == "yes"
    assert service["StateDirectory"] == "relay"
    assert service["Environment"] == "ARGYBARGY_DATA=%S/relay"
    assert "ReadWritePaths" not in service


@pytest.mark.parametrize("place", ["/srv/relay", "/var/lib/a/b", "/var/lib/a b"])
def test_the_system_unit_keeps_its_data_below_var_lib(place: str) -> None:
    result = Terminal().type("service", "print", "--data", place)
    assert (result.code, result.out) == (2, "")
    assert "keeps its data in /var/lib" in result.talk


def test_the_user_unit_keeps_the_data_in_the_default_directory(
    tmp_path: Path,
) -> None:
    place = tmp_path / "my 100%{data}"
    _, unit = printed("--user", "--data", str(place))
    expected = f'"ARGYBARGY_DATA={tmp_path}/my 100%%{{data}}"'
    assert unit["Service"]["Environment"] == expected
    assert "DynamicUser" not in unit["Service"]


def test_a_port_is_passed_on() -> None:
    text = printed("--port", "9000")[0].out
    assert "\nEnvironment=ARGYBARGY_PORT=9000\n" in text


def test_the_warning_names_the_python_if_the_service_cannot_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr("argybargy.cli.commands.service._HOMES", (home,))
    (tmp_path / "python").symlink_to(home / "python3.11")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    result, _ = printed()
    assert result.talk.startswith(f"{home}/python3.11 is in a home directory")


def test_a_program_that_the_service_cannot_read_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/home/me/.venv/bin/python")
    result, unit = printed()
    assert result.talk.startswith("/home/me/.venv/bin/python is in a home directory")
    assert unit["Service"]["ProtectHome"] == "read-only"
    monkeypatch.setattr(sys, "executable", "/opt/argybargy/bin/python")
    result, unit = printed()
    assert result.talk == ""
    assert unit["Service"]["ProtectHome"] == "yes"
    assert unit["Service"]["ExecStart"] == (
        "/opt/argybargy/bin/python -m argybargy serve"
    )


def test_every_variable_of_a_unit_is_a_setting() -> None:
    text = printed("--port", "9000")[0].out
    names = {word.split("=")[0] for word in text.split("Environment=")[1:]}
    assert names == {"ARGYBARGY_DATA", "ARGYBARGY_PORT"}
    assert names <= {setting.variable for setting in SETTINGS}
    assert all(name.startswith(PREFIX) for name in names)


@pytest.mark.parametrize(
    ("word", "quoted"),
    [("plain", "plain"), ("a b", '"a b"'), ("50%", "50%%"), ('a"b\\', '"a\\"b\\\\"')],
)
def test_words_are_quoted_for_a_unit(word: str, quoted: str) -> None:
    assert quote(word) == quoted


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("user", [[], ["--user"]])
def test_systemd_accepts_the_units(tmp_path: Path, user: list[str]) -> None:
    unit = tmp_path / "argybargy.service"
    unit.write_text(printed(*user)[0].out)
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
