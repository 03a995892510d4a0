"""Quoting of values in texts for a shell."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pytest

from argybargy.domain.limits import Limits
from argybargy.onboarding.instructions import examples, room_brief
from argybargy.onboarding.seat import Seat, listener_script, seat_brief
from support.terminal import Terminal

EVIL = "http://[::1]x'`touch pwned`$(touch pwned)\";touch pwned;"
EVIL_PATH = "/home/o'brien $(touch pwned)/a `touch pwned`"
SEAT = Seat(EVIL, "build", "bo", f"{EVIL_PATH}.header", f"{EVIL_PATH}.sh", Limits())


def commands(text: str) -> list[list[str]]:
    """Return the commands of a text that are indented, word by word."""
    whole = text.replace("\\\n", " ")
    lines = re.findall(r"^ {5}(?:p\(\)\{ )?((?:curl|sh) .*)$", whole, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def of_examples() -> list[list[str]]:
    return [shlex.split(command) for command in examples(EVIL).values()]


def of_room_brief() -> list[list[str]]:
    return commands(room_brief(EVIL, "build", "bo", "code'$(touch pwned)", Limits()))


def of_seat_brief() -> list[list[str]]:
    return commands(seat_brief(SEAT))


@pytest.mark.parametrize(
    ("found", "count", "word"),
    [
        (of_examples, 6, EVIL),
        (of_room_brief, 4, EVIL),
        (of_seat_brief, 4, EVIL),
        (of_seat_brief, 3, f"@{EVIL_PATH}.header"),
        (of_seat_brief, 1, f"{EVIL_PATH}.sh"),
        (of_room_brief, 3, "Authorization: Bearer code'$(touch pwned)"),
    ],
)
def test_a_name_is_quoted_as_one_shell_word(
    found: Callable[[], list[list[str]]], count: int, word: str
) -> None:
    holding = [each for each in found() if any(w.startswith(word) for w in each)]
    assert len(holding) == count


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("search", "--a'$(b)"), ["argybargy", "search", '"--a\'$(b)"']),
        (
            ("post", "build", "--a'$(b)"),
            ["argybargy", "post", "ROOM", "--", "--a'$(b)"],
        ),
        (("backup", "no'$(b)/x"), ["mkdir", "-p", "no'$(b)"]),
    ],
)
def test_a_hint_quotes_the_argument_for_the_shell(
    arguments: tuple[str, ...], told: list[str]
) -> None:
    talk = Terminal().type(*arguments).talk
    hint = talk.splitlines()[-1]
    assert shlex.split(hint[hint.index(told[0]) :]) == told


@pytest.mark.parametrize(
    "facts", [{"name": "a\nb"}, {"room": "../x"}, {"base": "http://x\ny"}]
)
def test_a_seat_rejects_line_breaks(facts: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(facts))):
        attrs.evolve(SEAT, **facts)  # type: ignore[arg-type]  # all are strings


# -- the listener, with a curl that answers as planned ------------------------------


@attrs.frozen
class Heard:
    code: int
    out: str
    talk: str
    asked: list[str]
    slept: list[str]


def listen(seat: Seat, folder: Path, *answers: tuple[int, str]) -> Heard:
    """Run the listener until it ends; the last answer should end it."""
    script, programs = folder / "listen.sh", folder / "bin"
    programs.mkdir()
    script.write_text(listener_script(seat))
    for number, (code, text) in enumerate(answers, start=1):
        (folder / f"answer.{number}").write_text(text)
        (folder / f"code.{number}").write_text(str(code))
    _program(
        programs / "curl",
        f"cd {shlex.quote(str(folder))}; n=$(cat asked 2>/dev/null | wc -l)\n"
        'n=$((n + 1)); printf "%s|" "$@" >>asked; echo >>asked\n'
        'cat "answer.$n"; exit "$(cat "code.$n")"',
    )
    _program(programs / "sleep", f'echo "$1" >>{shlex.quote(str(folder))}/slept')
    done = subprocess.run(
        ["/bin/sh", script],
        cwd=folder,
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert not (folder / "pwned").exists()
    asked, slept = folder / "asked", folder / "slept"
    return Heard(
        done.returncode,
        done.stdout,
        done.stderr,
        asked.read_text().splitlines(),
        slept.read_text().splitlines() if slept.exists() else [],
    )


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


needs_shell = pytest.mark.skipif(
    shutil.which("sh", path="/bin") is None, reason="there is no /bin/sh"
)
SILENT = 0, '{"messages":[],"cursor":4,"should_exit":false}'
SPOKEN = 0, '{"messages":[{"seq":5}],"cursor":5,"should_exit":false}'
LEAVE = 0, '{"messages":[],"cursor":5,"should_exit":true}'
REFUSED = 7, "curl: (7) Failed to connect\x1b[2J"


@needs_shell
def test_the_listener_polls_its_relay_and_executes_no_message(tmp_path: Path) -> None:
    heard = listen(SEAT, tmp_path, SPOKEN, LEAVE)
    assert (heard.code, heard.talk, heard.slept) == (0, "", [])
    assert heard.out == f"{SPOKEN[1]}\n{LEAVE[1]}\n"
    header = f"-H|@{EVIL_PATH}.header|"
    assert [line.split(header)[1] for line in heard.asked] == [
        f"{EVIL}/messages?wait=25&since=resume|",
        f"{EVIL}/messages?wait=25&since=5|",
    ]


@needs_shell
def test_a_failing_listener_reports_once_and_backs_off(
    tmp_path: Path,
) -> None:
    busy = 0, '{"detail":{"error":"busy"}}'
    down = [REFUSED] * 3 + [busy] * 4
    heard = listen(SEAT, tmp_path, *down, SILENT, REFUSED, LEAVE)
    assert heard.out == f"{LEAVE[1]}\n"
    cannot = "Cannot hear the relay, trying again: curl: (7) Failed to connect[2J"
    again = "The relay can be heard again."
    assert heard.talk.splitlines() == [cannot, again, cannot, again]
    assert heard.slept == ["1", "2", "4", "8", "16", "30", "30", "1"]


@needs_shell
def test_a_partial_answer_is_an_error(tmp_path: Path) -> None:
    heard = listen(SEAT, tmp_path, (28, SPOKEN[1]), LEAVE)
    assert heard.out == f"{LEAVE[1]}\n"
    assert "since=resume" in heard.asked[1]


@needs_shell
def test_the_listener_prints_a_reset_of_the_message_numbers(tmp_path: Path) -> None:
    reset = 0, '{"messages":[],"cursor":1,"reset":true,"should_exit":false}'
    heard = listen(SEAT, tmp_path, SILENT, reset, LEAVE)
    assert heard.out == f"{reset[1]}\n{LEAVE[1]}\n"
    assert "since=1" in heard.asked[2]


@needs_shell
@pytest.mark.parametrize("is_local", [True, False])
def test_the_listener_bypasses_proxies_for_a_relay_on_this_machine(
    tmp_path: Path, *, is_local: bool
) -> None:
    heard = listen(attrs.evolve(SEAT, is_local=is_local), tmp_path, LEAVE)
    assert ("--noproxy|*|" in heard.asked[0]) == is_local
