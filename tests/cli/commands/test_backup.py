"""Backup and restore, with and without a running relay."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from argybargy.store.sqlite.backup.verify import check_file
from support.real_commands import Desk, Guests

FULL_BYTES = 60_000
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path / "data")


def invite(desk: Desk, name: str) -> str:
    result = desk.type("invite", "--name", name, "--room", "lab", "--quiet")
    assert result.code == 0, result.talk
    return result.out.strip()


def post(desk: Desk, code: str, *texts: str) -> list[int]:
    seqs: list[int] = []

    async def work(guests: Guests) -> None:
        seqs.extend([await guests.post(code, text) for text in texts])

    desk.inside(work)
    return seqs


def almost_full() -> None:
    """Limit the file size of a process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))


def left_over(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if "part" in path.name]


# -- backup -----------------------------------------------------------------------


def test_a_backup_reports_its_contents(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), "one", "two")
    result = desk.type("backup", "copy.db")
    assert (result.code, result.out) == (0, "copy.db\n")
    assert "1 room with 2 messages and 1 code" in result.talk
    again = desk.type("backup", "copy.db", "--force", "--json").json
    assert (again["rooms"], again["messages"], again["codes"]) == (1, 2, 1)
    assert again["size_bytes"] == (tmp_path / "copy.db").stat().st_size
    assert left_over(tmp_path) == []


def test_a_backup_names_itself_after_the_time(desk: Desk, tmp_path: Path) -> None:
    invite(desk, "ann")
    result = desk.type("backup")
    (copy,) = tmp_path.glob("argybargy-*.db")
    assert result.out == f"{copy.name}\n"
    assert len(copy.name) == len("argybargy-20260102-030405.db")


@needs_posix
def test_only_the_owner_may_read_a_backup(desk: Desk, tmp_path: Path) -> None:
    invite(desk, "ann")
    desk.type("backup", "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_backup_is_taken_of_a_running_relay(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), "one")
    with desk.relay():
        assert desk.type("backup", "copy.db").code == 0
        names = {path.name for path in desk.data.iterdir()}
        assert not any("snapshot" in name for name in names)
    assert check_file(tmp_path / "copy.db").messages == 1


def test_an_existing_file_is_not_replaced_without_force(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "copy.db").write_text("precious")
    result = desk.type("backup", "copy.db")
    assert (result.code, result.out) == (1, "")
    assert "copy.db already exists" in result.talk
    assert "--force" in result.talk
    assert (tmp_path / "copy.db").read_text() == "precious"


@pytest.mark.parametrize(
    "name",
    [
        *("relay.db", "relay.db-wal", "RELAY.DB", "search.db"),
        *("relay.lock", "relay.closed", "admin.token"),
    ],
)
def test_the_files_of_the_relay_itself_are_never_replaced(
    desk: Desk, name: str
) -> None:
    post(desk, invite(desk, "ann"), "one")
    (desk.data / name).touch()
    before = (desk.data / name).read_bytes()
    file = str(desk.data / "." / name)
    for arguments in (("backup", file), ("export", "--output", file)):
        result = desk.type(*arguments, "--force")
        assert (result.code, result.out) == (2, "")
        assert "one of the relay's own files" in result.talk
    assert (desk.data / name).read_bytes() == before
    assert desk.type("backup", str(desk.data / "mine.db")).code == 0


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("nowhere/copy.db", 5, "mkdir -p nowhere"),
        (".", 2, "Name a file in it"),
    ],
)
def test_an_impossible_target_is_named(
    desk: Desk, target: str, code: int, words: str
) -> None:
    result = desk.type("backup", target)
    assert (result.code, result.out) == (code, "")
    assert words in result.talk
    assert not desk.data.exists(), "refused before any work was done"


def test_a_backup_goes_through_a_pipe(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), "one")
    command = [sys.executable, "-m", "argybargy", "backup", "-"]
    where = ["--data", str(desk.data), "--port", str(desk.port)]
    done = subprocess.run([*command, *where], capture_output=True, check=True)
    (tmp_path / "piped.db").write_bytes(done.stdout)
    assert check_file(tmp_path / "piped.db").messages == 1


@needs_posix
def test_a_backup_is_not_written_to_a_terminal(desk: Desk) -> None:
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "argybargy", "backup", "-"]
    done = subprocess.run(
        [*command, "--data", str(desk.data)],
        stdout=follower,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(follower)
    os.close(leader)
    assert done.returncode == 2
    assert b"A backup is binary" in done.stderr


@needs_posix
def test_a_full_disk_leaves_no_partial_file(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), *("x" * 8_000 for _ in range(8)))
    with desk.relay():
        done = subprocess.run(
            [sys.executable, "-m", "argybargy", "backup", "copy.db",
             "--data", str(desk.data), "--port", str(desk.port)],
            capture_output=True, text=True, check=False, preexec_fn=almost_full,
        )  # fmt: skip
    assert done.returncode == 1
    assert "copy.db cannot be written" in done.stderr
    assert "Free disk space" in done.stderr
    assert left_over(tmp_path) == []
    assert not (tmp_path / "copy.db").exists()


# -- restore ----------------------------------------------------------------------


def test_an_agent_continues_after_a_restore(desk: Desk, tmp_path: Path) -> None:
    ann, bob = invite(desk, "ann"), invite(desk, "bob")
    assert post(desk, ann, "one", "two") == [1, 2]
    desk.type("backup", "copy.db")
    assert post(desk, ann, "three", "four") == [3, 4]
    result = desk.type("restore", "copy.db")
    assert result.code == 0, result.talk
    assert "Restored 1 room with 3 messages" in result.out
    assert "lab: lost after number 2: 2 messages" in result.talk
    assert post(desk, ann, "five") == [6]

    async def work(guests: Guests) -> None:
        for cursor in (2, 3, 4):
            answer = await guests.poll(bob, cursor)
            assert not answer.is_reset
            assert [message.seq for message in answer.page.messages] == [5, 6]
        assert "2 messages, 3 to 4, are lost" in answer.page.messages[0].text

    desk.inside(work)


def test_a_restore_keeps_the_admin_token(desk: Desk) -> None:
    token = desk.type("token").out
    desk.type("backup", "copy.db")
    (desk.data / "relay.db").unlink()
    assert desk.type("restore", "copy.db").code == 0
    assert desk.type("token").out == token


def test_a_restore_signs_everybody_out_and_says_so(desk: Desk) -> None:
    desk.ask("POST", "/admin/session")
    desk.type("backup", "copy.db")
    result = desk.type("restore", "copy.db")
    assert "Everybody is signed out of the dashboard." in result.talk
    assert desk.type("sessions").code == 3


def test_the_replaced_database_is_kept(desk: Desk) -> None:
    ann = invite(desk, "ann")
    desk.type("backup", "copy.db")
    post(desk, ann, "lost, but kept")
    told = desk.type("restore", "copy.db", "--json").json
    assert check_file(Path(told["kept_as"])).messages == 1
    assert told["lost"] == [
        {"room": "lab", "last_seq": 0, "left_out": 1, "certain": True}
    ]


def test_unknown_numbers_are_skipped(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), "one")
    desk.type("backup", "copy.db")
    new = Desk(tmp_path / "new")
    result = new.type("restore", "copy.db", "--skip-ahead", "20")
    assert result.code == 0, result.talk
    assert "messages after number 1" in result.talk
    assert "skipped: 20 numbers" in result.talk
    exported = [json.loads(line) for line in new.type("export").out.splitlines()]
    assert [each["seq"] for each in exported if each["type"] == "message"] == [1, 22]


def test_a_restore_asks_on_a_terminal(desk: Desk) -> None:
    post(desk, invite(desk, "ann"), "one")
    desk.type("backup", "copy.db")
    before = (desk.data / "relay.db").read_bytes()
    desk.yes = False
    result = desk.type("restore", "copy.db")
    assert (result.code, result.out) == (1, "")
    assert "Nothing was restored." in result.talk
    assert (desk.data / "relay.db").read_bytes() == before
    desk.yes = True
    assert desk.type("restore", "copy.db").code == 0


def test_a_restore_is_refused_while_a_relay_runs(desk: Desk) -> None:
    invite(desk, "ann")
    desk.type("backup", "copy.db")
    with desk.relay():
        result = desk.type("restore", "copy.db", "--yes")
    assert (result.code, result.out) == (1, "")
    assert "Another server is running" in result.talk
    assert "Stop the relay" in result.talk


@pytest.mark.parametrize("damage", ["missing", "text", "cut", "newer", "foreign"])
def test_an_invalid_backup_is_rejected_with_the_next_step(
    desk: Desk, tmp_path: Path, damage: str
) -> None:
    post(desk, invite(desk, "ann"), *("x" * 8_000 for _ in range(9)))
    desk.type("backup", "copy.db")
    copy, code = tmp_path / "copy.db", 1
    match damage:
        case "missing":
            copy.unlink()
            code = 5
        case "text":
            copy.write_text("This is a shopping list. " * 400)
        case "cut":
            copy.write_bytes(copy.read_bytes()[:40_000])
        case "newer":
            _execute(copy, "PRAGMA user_version = 99")
        case "foreign":
            copy.unlink()
            _execute(copy, "CREATE TABLE t (a); PRAGMA user_version = 2")
    before = (desk.data / "relay.db").read_bytes()
    result = desk.type("restore", "copy.db", "--yes")
    assert (result.code, result.out) == (code, "")
    assert "copy.db" in result.talk
    assert result.talk.count("\n") == 2, "what happened, and what to do"
    assert (desk.data / "relay.db").read_bytes() == before
    assert not list(desk.data.glob("relay.db.*"))


def _execute(path: Path, sql: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql).fetchall()
    connection.close()


@needs_posix
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE messages SET kind = 'evil'", "message 1 of room 1: its sender"),
        ("UPDATE messages SET recipients = '[all'", "message 1 of room 1: its recip"),
        ("UPDATE rooms SET head = 9223372036854775807", "rooms, row 1: its numbers"),
        ("CREATE VIEW evil AS SELECT 1", "the view 'evil' is not as Argybargy makes"),
    ],
)
def test_a_modified_backup_is_refused_in_a_sentence(
    desk: Desk, tmp_path: Path, sql: str, said: str
) -> None:
    post(desk, invite(desk, "ann"), "one")
    desk.type("backup", "copy.db")
    connection = apsw.Connection(str(tmp_path / "copy.db"))
    connection.execute(sql).fetchall()
    connection.close()
    result = desk.type("restore", "copy.db", "--yes")
    assert result.code == 1
    assert said in result.talk
    assert len(result.talk.splitlines()) == 2  # the second one says what to do
    assert not list(desk.data.glob("*restor*"))


def test_a_restore_onto_a_full_disk_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    post(desk, invite(desk, "ann"), *("x" * 8_000 for _ in range(8)))
    desk.type("backup", "copy.db")
    before = (desk.data / "relay.db").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "argybargy", "restore", "copy.db", "--yes",
         "--data", str(desk.data)],
        capture_output=True, text=True, check=False, preexec_fn=almost_full,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert (desk.data / "relay.db").read_bytes() == before
    assert not list(desk.data.glob("relay.db.*"))
