"""Whether `up` opens a tunnel: options, an earlier answer, a question."""

from pathlib import Path

import pytest

from argybargy.cli.commands.tunnel_choice import ANSWER_NAME
from support.terminal import Result, Terminal


@pytest.fixture(autouse=True)
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a program that passes for cloudflared."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "cloudflared"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def up(
    data: Path, *options: str, answer: bool | None = None
) -> tuple[Terminal, Result]:
    """Start a relay on a terminal on which `answer` is typed."""
    terminal = Terminal(yes=False)
    terminal.answers = [answer]
    return terminal, terminal.type("up", "--data", str(data), *options)


def kept(data: Path) -> str | None:
    path = data / ANSWER_NAME
    return path.read_text() if path.exists() else None


def opens(terminal: Terminal) -> bool:
    return terminal.plans[-1].tunnel is not None


@pytest.mark.parametrize("answer", [True, False])
def test_the_question_is_asked_once(data: Path, answer: bool) -> None:
    terminal, first = up(data, answer=answer)
    assert "public address" in terminal.questions[0]
    assert (opens(terminal), kept(data)) == (answer, "yes\n" if answer else "no\n")
    again, second = up(data, answer=not answer)
    assert (again.questions, opens(again)) == ([], answer)
    for result in first, second:
        change = "--no-tunnel" if answer else "--tunnel"
        assert f"'argybargy up --data {data} {change}' changes that" in result.talk
    assert (data / ANSWER_NAME).stat().st_mode & 0o777 == 0o600


def test_no_answer_opens_nothing_and_is_not_kept(data: Path) -> None:
    terminal, _ = up(data, answer=None)
    assert (len(terminal.questions), opens(terminal), kept(data)) == (1, False, None)


@pytest.mark.parametrize(
    ("option", "answer"), [("--tunnel", "yes\n"), ("--no-tunnel", "no\n")]
)
def test_an_option_answers_and_replaces_the_answer(
    data: Path, option: str, answer: str
) -> None:
    for before in "yes\n", "no\n", "nonsense":
        (data / ANSWER_NAME).write_text(before)
        terminal, _ = up(data, option)
        assert (terminal.questions, kept(data)) == ([], answer)
        assert opens(terminal) is (option == "--tunnel")


@pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]])
def test_without_a_terminal_only_the_option_opens_a_tunnel(
    data: Path, options: list[str]
) -> None:
    (data / ANSWER_NAME).write_text("yes\n")
    for is_terminal in [False] if not options else [False, True]:
        terminal = Terminal(yes=True if is_terminal else None)
        terminal.type("up", "--data", str(data), *options)
        assert (terminal.questions, opens(terminal)) == ([], False)
        terminal.type("up", "--data", str(data), "--tunnel", *options)
        assert opens(terminal)
    assert kept(data) == "yes\n"


def test_a_relay_in_memory_keeps_no_answer(data: Path) -> None:
    (data / ANSWER_NAME).write_text("yes\n")
    terminal, _ = up(data, "--ephemeral", answer=False)
    assert (len(terminal.questions), opens(terminal)) == (1, False)
    assert kept(data) == "yes\n"


def test_an_answer_that_cannot_be_kept_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _, result = up(tmp_path / "file" / "data", answer=False)
    assert result.code == 0
    assert "The answer about the tunnel cannot be kept: Not a directory." in result.talk


def test_the_option_needs_cloudflared(data: Path, bin_folder: Path) -> None:
    (bin_folder / "cloudflared").unlink()
    terminal, result = up(data, "--tunnel")
    assert (result.code, terminal.plans) == (2, [])
    assert "cloudflared is not installed" in result.talk
    terminal, result = up(data)
    assert (terminal.questions, opens(terminal)) == ([], False)
    assert "cloudflared, which is not installed" in result.talk
    _, result = up(data, "--no-tunnel")
    assert "cloudflared" not in result.talk


def test_a_public_url_leaves_no_question(data: Path) -> None:
    terminal = Terminal(yes=True)
    terminal.environment = {"ARGYBARGY_PUBLIC_URL": "https://relay.example.com"}
    result = terminal.type("up", "--data", str(data))
    assert (terminal.questions, opens(terminal)) == ([], False)
    assert "from outside: https://relay.example.com" in result.talk
    assert terminal.type("up", "--data", str(data), "--tunnel").code == 2


@pytest.mark.parametrize(
    "options", [("--tunnel",), ("--tunnel-command", "cloudflared --url {url}")]
)
def test_several_relays_of_one_store_have_no_tunnel(
    data: Path, options: tuple[str, ...]
) -> None:
    terminal = Terminal(yes=True)
    terminal.environment = {
        "ARGYBARGY_PUBLIC_URL": "https://relay.example.com",
        "ARGYBARGY_STORE": "postgresql://relay@db/relay",
    }
    result = terminal.type("up", "--data", str(data), *options)
    assert (result.code, terminal.plans) == (2, [])
    assert "leads to one of several relays" in result.talk
    terminal.type("up", "--data", str(data))
    assert (terminal.questions, opens(terminal)) == ([], False)


def test_serve_asks_nothing(data: Path) -> None:
    terminal = Terminal(yes=True)
    terminal.type("serve", "--data", str(data))
    assert (terminal.questions, opens(terminal)) == ([], False)


def test_both_options_together_are_refused(data: Path) -> None:
    terminal, result = up(data, "--no-tunnel", "--tunnel-command", "cloudflared")
    assert (result.code, terminal.plans) == (2, [])


def test_a_relay_on_the_network_is_not_said_to_be_for_this_machine(
    data: Path, bin_folder: Path
) -> None:
    on_network = ("--host", "0.0.0.0")
    for options in ((), ("--no-tunnel",)):
        _, result = up(data, *on_network, *options, answer=False)
        assert "open to the network" in result.talk
        assert "on this machine only" not in result.talk
    (bin_folder / "cloudflared").unlink()
    _, result = up(data, *on_network, "--port", "8765")
    assert "for this machine only (http://127.0.0.1:8765)." in result.talk
    assert "cloudflared" not in result.talk
    _, result = up(data, *on_network, "--port", "0")
    assert "for this machine only. Set" in result.talk


def test_several_relays_without_an_address_name_none(data: Path) -> None:
    terminal = Terminal(yes=True)
    terminal.environment = {"ARGYBARGY_STORE": "postgresql://relay@db/relay"}
    assert "None" not in terminal.type("up", "--data", str(data)).talk
