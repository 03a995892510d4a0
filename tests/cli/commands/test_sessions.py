"""Signing in from the command line: links, QR codes and sessions."""

import webbrowser
from pathlib import Path
from typing import ClassVar

import pytest
import segno

from argybargy.cli.client.locate import connect, reach
from argybargy.cli.commands.sessions import draw_qr, qr_matrix
from argybargy.cli.terminal.browser import browse
from argybargy.domain.access_codes import SIGN_IN_PREFIX
from support.fake_operator import CLOSED_AT, FakeOperator, secret
from support.real_commands import Desk
from support.terminal import Terminal

PUBLIC = "https://relay.example.com"
LINK = f"{PUBLIC}/dashboard#code={secret(0, SIGN_IN_PREFIX)}"


def at_a_terminal(**fields: object) -> Terminal:
    terminal = Terminal(FakeOperator(public=PUBLIC), yes=True)
    for name, value in fields.items():
        setattr(terminal, name, value)
    return terminal


def away_from_one() -> Terminal:
    return Terminal(FakeOperator(public=PUBLIC), yes=None)


# -- open --------------------------------------------------------------------------


def test_the_link_is_printed_and_opened_on_a_terminal() -> None:
    terminal = at_a_terminal()
    result = terminal.type("open")
    assert (result.code, result.out) == (0, f"{LINK}\n")
    assert "once" in result.talk
    assert "expires at 03:04:05:" in result.talk
    assert "SECRET" not in result.talk
    assert terminal.opened == [LINK]
    assert terminal.operator.calls == [("POST", "/admin/sign-in", None)]


@pytest.mark.parametrize(
    ("terminal", "arguments", "opened"),
    [
        (at_a_terminal(), ["--no-browser"], []),
        (at_a_terminal(), ["--json"], []),
        (at_a_terminal(), ["--json", "--browser"], [LINK]),
        (at_a_terminal(), ["--quiet"], [LINK]),
        (away_from_one(), [], []),
        (away_from_one(), ["--browser"], [LINK]),
    ],
)
def test_a_browser_is_started_with_the_option(
    terminal: Terminal, arguments: list[str], opened: list[str]
) -> None:
    result = terminal.type("open", *arguments)
    assert result.code == 0
    assert LINK in result.out
    assert terminal.opened == opened


def test_the_link_and_its_parts_are_printed_as_json() -> None:
    result = away_from_one().type("open", "--json")
    assert result.json == {
        "code": secret(0, SIGN_IN_PREFIX),
        "url": LINK,
        "expires": CLOSED_AT,
    }
    assert result.talk == ""


def test_without_a_browser_the_link_is_printed() -> None:
    result = at_a_terminal(has_browser=False).type("open")
    assert (result.code, result.out) == (0, f"{LINK}\n")
    assert "Open the link in a browser." in result.talk


def test_an_invalid_link_is_not_opened() -> None:
    terminal = at_a_terminal(operator=FakeOperator(public="file:///etc"))
    result = terminal.type("open")
    assert (result.code, result.out, terminal.opened) == (1, "", [])


def test_a_text_browser_is_not_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        webbrowser, "get", lambda: webbrowser.GenericBrowser("/nonexistent")
    )
    assert not browse(LINK)


def test_a_missing_browser_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> webbrowser.BaseBrowser:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)
    assert not browse(LINK)


def test_a_graphical_browser_opens_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Windows(webbrowser.BaseBrowser):
        shown: ClassVar[list[str]] = []

        def open(self, url: str, *_: object) -> bool:
            self.shown.append(url)
            return True

    monkeypatch.setattr(webbrowser, "get", Windows)
    assert browse(LINK)
    assert Windows.shown == [LINK]


@pytest.mark.parametrize("verb", ["open", "qr"])
def test_without_a_relay_the_next_step_is_named(verb: str, tmp_path: Path) -> None:
    terminal = Terminal(
        reach=reach,
        connect=connect,
        environment={"ARGYBARGY_DATA": str(tmp_path), "ARGYBARGY_PORT": "1"},
    )
    result = terminal.type(verb)
    assert (result.code, result.out) == (7, "")
    assert "argybargy up" in result.talk
    assert list(tmp_path.iterdir()) == []


# -- qr ----------------------------------------------------------------------------


def read_drawing(drawing: str) -> list[list[int]]:
    """Return the modules of a drawing row by row; 1 is dark."""
    rows: list[list[int]] = []
    for line in drawing.splitlines():
        rows.append([int(half in " ▄") for half in line])
        rows.append([int(half in " ▀") for half in line])
    return rows


def test_a_qr_code_of_the_link_is_drawn() -> None:
    result = away_from_one().type("qr")
    assert result.code == 0
    expected = segno.make_qr(LINK, error="l").matrix_iter(border=4)
    drawn = read_drawing(result.out)
    assert drawn[: len(drawn) - 1] == [list(row) for row in expected]
    assert f"signs in to {PUBLIC} once and expires at 03:04:05." in result.talk
    assert "SECRET" not in result.talk


def test_the_qr_code_fits_into_an_ordinary_terminal() -> None:
    link = f"{PUBLIC}/dashboard#code=argy_o1_{'a' * 38}"
    lines = draw_qr(qr_matrix(link)).splitlines()
    assert len(lines) < 24
    assert {len(line) for line in lines} == {len(lines) * 2 - 1}


def test_a_light_terminal_gets_an_inverted_code() -> None:
    matrix = [[1, 0], [1, 0], [0, 0]]
    assert draw_qr(matrix) == " █\n▀▀"
    assert draw_qr(matrix, invert=True) == "█ \n  "


@pytest.mark.parametrize("arguments", [[], ["--quiet"], ["--invert"], ["--json"]])
def test_qr_draws_no_code_of_an_address_that_a_phone_cannot_reach(
    arguments: list[str],
) -> None:
    result = Terminal().type("qr", *arguments)
    assert result.code == 1
    assert "argy_o1_" not in result.out + result.talk
    assert "█" not in result.out
    told = result.out + result.talk
    assert "cannot reach http://127.0.0.1:8765" in told
    assert "up --tunnel" in told
    assert "ARGYBARGY_PUBLIC_URL=http://" in told


def test_qr_prints_the_link_as_json() -> None:
    assert away_from_one().type("qr", "--json").json["url"] == LINK


# -- sessions ----------------------------------------------------------------------


def test_sessions_are_listed() -> None:
    operator = FakeOperator(sessions=["0123456789ab", "ba9876543210"])
    result = Terminal(operator).type("sessions")
    assert result.code == 0
    head, first, second = result.out.splitlines()
    assert head.split() == ["ID", "DEVICE", "FROM", "SIGNED", "IN", "ENDS", "USED"]
    assert first.split() == ["0123456789ab", "Firefox", "on", "Linux", "192.0.2.7",
                             "03:04:05", "03:04:05", "1m", "ago"]  # fmt: skip
    assert second.endswith("now")
    rows = Terminal(operator).type("sessions", "--json").json
    assert [row["id"] for row in rows] == operator.sessions


def test_no_sessions_is_exit_code_3() -> None:
    result = Terminal().type("sessions")
    assert (result.code, result.out) == (3, "")
    assert "argybargy open" in result.talk


def test_sessions_are_listed_and_ended_without_a_relay(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "data")
    assert desk.type("sessions").code == 5, "no data directory is made for that"
    assert not desk.data.exists()
    made = [desk.ask("POST", "/admin/session") for _ in range(3)]
    ids = [each["id"] for each in made if isinstance(each, dict)]
    assert [row["id"] for row in desk.type("sessions", "--json").json] == ids
    result = desk.type("sessions", "--revoke", ids[0])
    assert (result.code, result.out) == (0, f"revoked {ids[0]}\n")
    assert [row["id"] for row in desk.type("sessions", "--json").json] == ids[1:]
    assert desk.type("sessions", "--revoke-all", "--yes").out == "revoked 2 sessions\n"
    assert desk.type("sessions").code == 3


def test_one_session_is_ended() -> None:
    operator = FakeOperator(sessions=["0123456789ab", "ba9876543210"])
    result = Terminal(operator).type("sessions", "--revoke", "0123456789ab")
    assert (result.code, result.out) == (0, "revoked 0123456789ab\n")
    assert operator.sessions == ["ba9876543210"]
    again = Terminal(operator).type("sessions", "--revoke", "0123456789ab")
    assert (again.code, again.out) == (5, "")


def test_an_id_is_quoted_in_the_path() -> None:
    operator = FakeOperator(sessions=["0123456789ab"])
    assert Terminal(operator).type("sessions", "--revoke", "../x?y").code == 5
    assert operator.calls == [("DELETE", "/admin/sessions/..%2Fx%3Fy", None)]


def test_all_sessions_are_ended_after_a_yes() -> None:
    operator = FakeOperator(sessions=["0123456789ab", "ba9876543210"])
    refused = Terminal(operator, yes=False).type("sessions", "--revoke-all")
    assert (refused.code, len(operator.sessions)) == (1, 2)
    assert "Nobody was signed out." in refused.talk
    terminal = Terminal(operator, yes=True)
    result = terminal.type("sessions", "--revoke-all")
    assert (result.code, result.out) == (0, "revoked 2 sessions\n")
    assert terminal.questions == ["Sign everybody out?"]
    unasked = Terminal(operator).type("sessions", "--revoke-all", "--json")
    assert unasked.json == {"revoked": 0}


def test_revoke_and_revoke_all_exclude_each_other() -> None:
    nobody = Terminal().type("sessions", "--revoke", "")
    assert (nobody.code, nobody.out) == (2, "")
    result = Terminal().type("sessions", "--revoke", "x", "--revoke-all")
    assert result.code == 2
