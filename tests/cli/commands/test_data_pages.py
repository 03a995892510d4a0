"""The commands on the pages about backups and imports work as printed."""

import re
from pathlib import Path

import pytest

from support.first_argybargy import OriginalRelay
from support.real_commands import Desk

PAGES = Path(__file__).parents[3] / "docs" / "how-to"


def commands(page: str) -> list[list[str]]:
    text = (PAGES / page).read_text()
    return [
        line.split() for line in re.findall(r"^\$ argybargy (.*)$", text, re.MULTILINE)
    ]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path / "data")


def test_the_page_about_backups_works_as_printed(desk: Desk) -> None:
    desk.type("invite", "--name", "ann", "--room", "lab")
    typed = commands("back-up.md")
    assert [arguments[0] for arguments in typed] == [
        "backup", "restore", "close", "room", "export", "export", "import",
    ]  # fmt: skip
    for arguments in typed:
        if arguments[0] in {"close", "room"}:  # which need a relay that runs
            continue
        result = desk.type(*arguments)
        assert result.code == 0, result.talk


def test_the_page_about_switching_from_the_original_works_as_printed(
    desk: Desk, tmp_path: Path
) -> None:
    original = OriginalRelay.make(tmp_path / ".argybargy")
    original.invite("ann")
    original.post("ann", "hi")
    original.stop()
    typed = commands("switch-from-the-original.md")
    assert [arguments[0] for arguments in typed] == ["import", "codes"]
    for arguments in typed:
        here = [word.replace("~", str(tmp_path)) for word in arguments]
        result = desk.type(*here)
        assert result.code == 0, result.talk
