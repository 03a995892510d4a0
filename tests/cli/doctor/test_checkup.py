"""The doctor's report: as text, as JSON, and on real data directories."""

import io
import socket
from collections.abc import Iterable
from pathlib import Path

import apsw
import pytest
import trio

from argybargy import __version__
from argybargy.cli.commands.doctor import report
from argybargy.cli.doctor.checkup import _attempt, examine
from argybargy.cli.doctor.finding import Finding, Level, fine, problem, warning
from argybargy.cli.terminal.output import Output
from argybargy.settings.settings import parse_settings
from support.terminal import Result, Terminal

FINDINGS = (
    fine("settings", "All settings are valid."),
    warning("disk", "It is nearly full.", "df -h /data"),
    problem("port", "It is held by \x1b[31mred (process 7).", "argybargy up --port 9"),
)
TEXT = """\
ok       settings  All settings are valid.
warning  disk      It is nearly full.
problem  port      It is held by \\x1b[31mred (process 7).

What to do:
  disk: df -h /data
  port: argybargy up --port 9
"""
JSON = (
    f'{{"ok": false, "version": "{__version__}", "findings": ['
    '{"check": "settings", "level": "ok", "text": "All settings are valid.", '
    '"fix": null}, '
    '{"check": "disk", "level": "warning", "text": "It is nearly full.", '
    '"fix": "df -h /data"}, '
    '{"check": "port", "level": "problem", '
    '"text": "It is held by \\u001b[31mred (process 7).", '
    '"fix": "argybargy up --port 9"}]}\n'
)


def reported(
    *findings: Finding, is_json: bool = False, is_quiet: bool = False
) -> Result:
    data, talk = io.StringIO(), io.StringIO()
    code = report(Output(data, talk, is_json, is_quiet), findings)
    return Result(code, data.getvalue(), talk.getvalue())


def test_a_report_has_a_line_for_each_check_and_the_fixes() -> None:
    assert reported(*FINDINGS) == Result(1, TEXT, "")


def test_a_quiet_report_omits_good_findings() -> None:
    told = reported(*FINDINGS, is_quiet=True)
    wrong = [line for line in TEXT.splitlines() if not line.startswith("ok ")]
    assert [" ".join(line.split()) for line in told.out.splitlines()] == [
        " ".join(line.split()) for line in wrong
    ]
    assert reported(FINDINGS[0], is_quiet=True) == Result(0, "", "")


def test_a_report_for_programs_is_one_object() -> None:
    told = reported(*FINDINGS, is_json=True)
    assert told == Result(1, JSON, "")


def test_warnings_do_not_fail_and_empty_fixes_are_omitted() -> None:
    assert reported(*FINDINGS[:2]).code == 0
    assert reported(FINDINGS[0]) == Result(0, TEXT.partition("\n")[0] + "\n", "")


# -- real patients --------------------------------------------------------------------


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(
        environment={"ARGYBARGY_DATA": str(tmp_path / "data"), "ARGYBARGY_PORT": "0"}
    )


def by_check(result: Result) -> dict[str, str]:
    return {row["check"]: row["level"] for row in result.json["findings"]}


def test_a_new_machine_has_no_problems(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal.type("doctor", "--json")
    assert (result.code, result.talk) == (0, "")
    assert list(by_check(result)) == [
        *("settings", "data", "disk", "port", "database", "descriptors"),
        *("cloudflared", "clock", "ready"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_the_help_has_an_example_that_can_be_typed(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.type("doctor", "--help")
    assert "Example: argybargy doctor --thorough" in capsys.readouterr().out
    assert terminal.type("doctor", "--thorough").code == 0


def test_every_mistake_in_the_settings_is_a_problem(terminal: Terminal) -> None:
    terminal.environment |= {"ARGYBARGY_DOCS": "y", "ARGYBARGY_PROT": "1"}
    result = terminal.type("doctor", "--json")
    assert result.code == 1
    texts = [row["text"] for row in result.json["findings"]]
    assert any(text.startswith("ARGYBARGY_DOCS must be") for text in texts)
    assert any("is ARGYBARGY_PORT meant?" in text for text in texts)


def test_a_warning_of_the_settings_is_reported(terminal: Terminal) -> None:
    terminal.environment["ARGYBARGY_HASH_CODES"] = "false"
    result = terminal.type("doctor", "--json")
    assert by_check(result)["settings"] == "warning"


def test_a_port_of_another_program_is_a_problem(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        result = terminal.type("doctor", "--json", "--port", str(port))
    assert result.code == 1
    assert by_check(result)["port"] == "problem"


def test_files_that_others_may_read_are_a_problem(
    terminal: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "admin.token").touch()
    (tmp_path / "data" / "admin.token").chmod(0o644)
    result = terminal.type("doctor")
    assert result.code == 1
    assert f"files: chmod 600 {tmp_path}/data/admin.token" in result.out


def test_a_failed_check_is_a_finding(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    other = apsw.Connection(str(tmp_path / "data" / "relay.db"))
    other.execute("CREATE TABLE t (x); BEGIN EXCLUSIVE")
    result = terminal.type("doctor", "--json")
    other.close()
    (row,) = [row for row in result.json["findings"] if row["check"] == "database"]
    assert row["level"] == "warning"
    assert "The check failed" in row["text"]
    assert "locked" in row["text"]


async def test_even_a_bug_of_a_check_is_a_finding() -> None:
    def broken() -> Iterable[Finding]:
        raise ZeroDivisionError

    (found,) = await _attempt("disk", broken)
    assert (found.check, found.level) == ("disk", Level.WARNING)
    assert "ZeroDivisionError" in found.text


async def test_an_unreachable_public_url_is_a_problem(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    variables = {
        "ARGYBARGY_DATA": str(tmp_path),
        "ARGYBARGY_PORT": "0",
        "ARGYBARGY_PUBLIC_URL": url,
    }
    with trio.fail_after(20):
        findings = await examine(lambda: parse_settings(variables), is_thorough=False)
    assert findings[-1].check == "public_url"
    assert findings[-1].level is Level.PROBLEM
