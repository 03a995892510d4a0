"""Export and import: output, imported rows and refusals."""

import json
from pathlib import Path

import pytest

from argybargy.cli.client.protocol import Json
from argybargy.cli.errors import CliError
from argybargy.cli.transfer.lines import batches
from argybargy.cli.transfer.transcript import transcript
from support.real_commands import Desk, Guests

TS = "2026-01-02T03:04:05.000+00:00"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path / "data")


@pytest.fixture
def talked(desk: Desk) -> Desk:
    """A desk whose relay has two rooms, and three messages in one of them."""
    codes = [
        desk.type("invite", "--name", name, "--room", "lab", "--quiet").out.strip()
        for name in ("ann", "bob")
    ]
    desk.ask("POST", "/admin/rooms/quiet/open", {})

    async def work(guests: Guests) -> None:
        await guests.post(codes[0], "one")
        await guests.post(codes[1], "two \x1b[31mred\x1b[0m")
        await guests.post(codes[0], "```\nthree")

    desk.inside(work)
    return desk


def message(**more: object) -> Json:
    return {
        "type": "message",
        "room": "lab",
        "seq": 1,
        "ts": TS,
        "from": "ann",
        "to": ["all"],
        "text": "hi",
        "expects_reply": "none",
        "reply_to": None,
        "from_kind": "agent",
        "claimed_by": None,
        "settled": False,
        "open": False,
        **more,
    }


# -- export -------------------------------------------------------------------------


def test_an_export_is_written_to_standard_output(talked: Desk) -> None:
    result = talked.type("export")
    assert result.code == 0
    assert result.talk == ""
    assert result.out.isascii(), "nothing in it that a terminal obeys"
    assert "\x1b" not in result.out
    kinds = [json.loads(line)["type"] for line in result.out.splitlines()]
    assert kinds == ["header", "room", *["message"] * 3, "room", "end"]


def test_an_export_to_a_file_is_private_and_reported(
    talked: Desk, tmp_path: Path
) -> None:
    result = talked.type("export", "lab", "--output", "lab.jsonl")
    assert (result.code, result.out) == (0, "lab.jsonl\n")
    assert "Exported 1 room with 3 messages." in result.talk
    assert (tmp_path / "lab.jsonl").stat().st_mode & 0o077 == 0
    again = talked.type("export", "--output", "lab.jsonl")
    assert again.code == 1
    assert "already exists" in again.talk
    told = talked.type("export", "--output", "lab.jsonl", "--force", "--json").json
    assert told == {"file": "lab.jsonl", "rooms": 2, "messages": 3}


def test_a_transcript_has_the_choices() -> None:
    asked = message(text="Ship?", expects_reply="bob", choices=["yes", "`no`"])
    chosen = message(text="Go on.", choice="yes", reply_to=1)
    same = message(text="yes", choice="yes", reply_to=1)
    shown = "".join(transcript([asked, chosen, same]))
    assert "asks `bob`; offers `yes`, `` `no` ``" in shown
    assert shown.count("chooses `yes`") == 1


def test_a_transcript_escapes_markup(talked: Desk, tmp_path: Path) -> None:
    assert talked.type("export", "--format", "md", "--output", "all.md").code == 0
    text = (tmp_path / "all.md").read_text()
    assert "## Room `lab`" in text
    assert "### 3\n\n`ann` to `all`; " in text
    assert "````text\n```\nthree\n````\n" in text
    assert r"two \x1b[31mred\x1b[0m" in text


def test_no_text_escapes_its_code_block() -> None:
    evil = "`````\n# Not a heading\u202e\n~~~~\n<script>"
    shown = "".join(transcript([message(text=evil, **{"from": "`x`"})]))
    assert "``````text\n" in shown
    assert shown.rstrip().endswith("``````")
    assert r"heading\u202e" in shown
    assert "`` `x` `` to `all`" in shown


def test_an_export_works_on_a_running_relay(talked: Desk) -> None:
    before = talked.type("export").out.splitlines()[1:]
    with talked.relay():
        assert talked.type("export").out.splitlines()[1:] == before


def test_an_export_of_an_unknown_room_is_an_error(talked: Desk, tmp_path: Path) -> None:
    result = talked.type("export", "nowhere", "--output", "none.jsonl")
    assert (result.code, result.out) == (5, "")
    assert not (tmp_path / "none.jsonl").exists()
    assert talked.type("export", "no/where").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "--format", "pdf"),
        ("export", "--format", "md", "--json"),
        ("import",),
        ("import", "a.jsonl", "--from-original", "b.db"),
        ("restore", "copy.db", "--skip-ahead", "-1"),
        ("restore", "copy.db", "--url", "http://127.0.0.1:1"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    desk: Desk, arguments: tuple[str, ...]
) -> None:
    result = desk.type(*arguments)
    assert (result.code, result.out) == (2, "")
    assert not desk.data.exists()


# -- import -------------------------------------------------------------------------


def test_an_import_adds_everything_once(talked: Desk, tmp_path: Path) -> None:
    talked.type("export", "--output", "all.jsonl")
    other = Desk(tmp_path / "other")
    first = other.type("import", "all.jsonl")
    assert (first.code, first.out) == (
        0,
        "messages: 3 new, 0 already known\n",
    )
    second = other.type("import", "all.jsonl")
    assert second.out == "messages: 0 new, 3 already known\n"
    assert "Nothing was new." in second.talk
    exports = [desk.type("export").out.splitlines()[1:] for desk in (talked, other)]
    assert exports[0] == exports[1]


def test_an_import_reads_standard_input(talked: Desk, tmp_path: Path) -> None:
    export, other = talked.type("export").out, Desk(tmp_path / "other")
    taken = other.type("import", "-", typed=export)
    assert (taken.code, taken.out) == (0, "messages: 3 new, 0 already known\n")
    assert other.type("export").out.splitlines()[1:] == export.splitlines()[1:]
    refused = other.type("import", "-", typed="nonsense\n")
    assert "Line 1 of standard input is not a line of an export." in refused.talk


def test_an_import_goes_into_a_running_relay(talked: Desk, tmp_path: Path) -> None:
    talked.type("export", "--output", "all.jsonl")
    other = Desk(tmp_path / "other")
    with other.relay():
        assert other.type("import", "all.jsonl", "--json").json["messages"] == {
            "new": 3,
            "same": 0,
            "passed": 0,
        }


def test_a_conflicting_message_is_named_and_nothing_is_changed(
    talked: Desk, tmp_path: Path
) -> None:
    room: Json = {"type": "room", "room": "new", "status": "open"}
    early = [message(room="new", seq=seq) for seq in range(1, 400)]
    write(tmp_path / "bad.jsonl", room, *early, message(seq=2, text="other"))
    before = talked.type("export").out.splitlines()[1:]
    result = talked.type("import", "bad.jsonl")
    assert (result.code, result.out) == (1, "")
    assert "Message 2 of room lab differs from the one here" in result.talk
    assert talked.type("export").out.splitlines()[1:] == before


@pytest.mark.parametrize(
    "last", [{"seq": 5}, {"seq": 900, "ts": "2025-01-02T03:04:05+00:00"}]
)
def test_messages_that_run_backwards_are_refused_before_anything_is_changed(
    talked: Desk, tmp_path: Path, last: Json
) -> None:
    room: Json = {"type": "room", "room": "new", "status": "open"}
    many = [message(room="new", seq=seq) for seq in range(1, 400)]
    write(tmp_path / "bad.jsonl", room, *many, message(room="NEW", **last))
    before = talked.type("export").out.splitlines()[1:]
    result = talked.type("import", "bad.jsonl")
    assert (result.code, result.out) == (1, "")
    assert "is out of order" in result.talk
    assert talked.type("export").out.splitlines()[1:] == before


def write(path: Path, *lines: Json) -> None:
    header = {"type": "header", "format": 1, "relay_version": "0", "exported": TS}
    count = sum(line["type"] == "message" for line in lines)
    end = {"type": "end", "rooms": 1, "messages": count}
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines, end)))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("missing", "There is no file all.jsonl"),
        ("directory", "cannot be read"),
        ("empty", "is incomplete"),
        ("cut", "is incomplete"),
        ("half a line", "is not a line of an export"),
        ("text", "Line 1 of all.jsonl is not a line of an export"),
        ("other", "is not an export of a relay"),
        ("newer", "has format 2"),
    ],
)
def test_an_incomplete_export_is_refused(
    desk: Desk, tmp_path: Path, damage: str, words: str
) -> None:
    file = tmp_path / "all.jsonl"
    write(file, message(), message(seq=2))
    whole = file.read_text()
    lines = whole.splitlines(keepends=True)
    damaged = {
        "empty": "",
        "cut": "".join(lines[:-1]),
        "half a line": whole[:-10],
        "text": "This is a shopping list.\n",
        "other": "".join(lines[1:]),
        "newer": whole.replace('"format": 1', '"format": 2'),
    }
    file.unlink()
    if damage == "directory":
        file.mkdir()
    elif damage != "missing":
        file.write_text(damaged[damage])
    result = desk.type("import", "all.jsonl")
    assert result.code == (5 if damage == "missing" else 1)
    assert words in result.talk
    assert not desk.data.exists(), "refused before anything was touched"


def test_batches_fit_into_a_request_and_lose_nothing() -> None:
    sent = [message(seq=seq, text="é" * 4_000) for seq in range(1, 40)]
    found = list(batches(sent))
    assert all(len(batch) <= 64 * 1024 for batch in found)
    assert [json.loads(line) for batch in found for line in batch.splitlines()] == sent


def test_the_longest_message_fits_into_a_request() -> None:
    for character in ("\x01", "😀", '"', "é"):
        (batch,) = batches([message(text=character * 8_000, room="r" * 64)])
        assert len(batch) <= 64 * 1024
    with pytest.raises(CliError, match="too long"):
        list(batches([message(text="x" * 70_000)]))


def test_every_example_of_the_help_can_be_typed(
    talked: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    talked.type("export", "lab", "--output", "review.jsonl")
    talked.ask("POST", "/admin/rooms/review/open", {})
    for verb in ("backup", "restore", "export", "import"):
        assert talked.type(verb, "--help").code == 0
        shown = capsys.readouterr().out
        (line,) = [line for line in shown.split("\n") if "Example:" in line]
        arguments = line.partition("argybargy ")[2].split()
        assert arguments[0] == verb
        result = talked.type(*arguments)
        assert result.code == 0, result.talk
