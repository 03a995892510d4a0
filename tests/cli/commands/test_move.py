"""Moving a relay, starting it at the old place, and backing a database up."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from argybargy.serve.shared_token import is_token_of
from argybargy.store.moving import move as moving
from argybargy.store.postgres.checks import check_server
from support.postgres import PostgresServer, shared_server
from support.real_commands import Desk


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[PostgresServer]:
    base = tmp_path_factory.getbasetemp()
    with shared_server(base if worker_id == "master" else base.parent) as started:
        yield started


@pytest.fixture
def url(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    # The server of the tests survives no loss of power.
    monkeypatch.setattr(
        moving, "check_server", lambda link, **_: check_server(link, needs_fsync=False)
    )
    return server.make_database()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path / "data")
    desk.type("invite", "--name", "ann", "--room", "lab")
    return desk


def test_a_relay_moves_and_says_how_to_start_it(desk: Desk, url: str) -> None:
    dry = desk.type("move", "--to", url, "--dry-run")
    assert dry.code == 0
    assert "1 room with 0 messages and 1 code can be moved" in dry.out
    assert "Start the relay" not in dry.talk
    moved = desk.type("move", "--to", url)
    assert moved.code == 0
    assert moved.out.startswith("Moved 1 room with 0 messages and 1 code to postgres")
    assert "codes: 1 copied" in moved.talk
    assert "codes: 1 compared" in moved.talk
    assert "Start the relay: argybargy serve --store postgresql://" in moved.talk
    again = desk.type("move", "--to", url)
    assert again.code == 3
    assert "cannot be moved to postgresql://" in again.talk
    back = desk.type("move", "--from", url, "--to", "back", "--json")
    assert back.json["to"] == "back"
    assert back.json["rows"]["codes"] == 1
    listed = Desk(Path("back")).type("codes")
    assert "ann" in listed.out


def test_all_relays_accept_the_admin_token_of_the_directory_that_moved(
    desk: Desk, url: str
) -> None:
    token = desk.data / "admin.token"
    desk.type("token")
    assert token.exists()
    moved = desk.type("move", "--to", url)
    assert f"The admin token is the same: copy {token}" in moved.talk
    with psycopg.connect(url) as connection:
        sql = "SELECT value FROM settings WHERE name = 'admin_token'"
        row = connection.execute(sql).fetchone()
    assert row is not None
    assert is_token_of(row[0], token.read_text().strip())
    assert token.read_bytes().strip() not in row[0]


def test_the_way_back_says_that_the_admin_token_must_be_copied(
    desk: Desk, url: str
) -> None:
    desk.type("token")
    desk.type("move", "--to", url)
    assert (
        "digest" not in desk.type("move", "--from", url, "--to", "x", "--dry-run").talk
    )
    back = desk.type("move", "--from", url, "--to", "back")
    assert "copy admin.token of one of the relays to back now" in back.talk


def test_the_way_back_to_the_data_directory_of_a_relay_keeps_the_admin_token(
    desk: Desk, url: str
) -> None:
    desk.type("token")
    desk.type("move", "--to", url)
    node = Path("node")
    node.mkdir(mode=0o700)
    shutil.copy(desk.data / "admin.token", node)
    back = desk.type("move", "--from", url, "--to", "node", "--json")
    assert back.json["same_admin_token"] is True


def test_a_move_without_an_admin_token_says_whose_it_will_be(
    desk: Desk, url: str
) -> None:
    (desk.data / "admin.token").unlink(missing_ok=True)
    moved = desk.type("move", "--to", url)
    assert "the token of the first relay that starts becomes that of all" in moved.talk


def test_a_file_that_holds_no_admin_token_stops_a_move(desk: Desk, url: str) -> None:
    (desk.data / "admin.token").write_bytes(b"\xff\x00")
    refused = desk.type("move", "--to", url)
    assert refused.code == 1
    assert "does not hold a token" in refused.talk


def test_the_old_directory_starts_only_if_that_is_meant(desk: Desk, url: str) -> None:
    desk.type("move", "--to", url)
    refused = desk.type("codes")
    assert refused.code == 1
    assert "this relay has moved to postgresql://" in refused.talk
    assert desk.type("serve", "--anyway").code == 0
    assert "ann" in desk.type("codes").out


def test_a_mark_is_not_removed_under_a_running_relay(desk: Desk) -> None:
    with desk.relay():
        result = desk.type("up", "--no-tunnel", "--anyway")
    assert result.code == 3
    assert "Another server is running" in result.talk


def test_the_old_database_starts_only_if_that_is_meant(desk: Desk, url: str) -> None:
    desk.type("move", "--to", url)
    desk.type("move", "--from", url, "--to", "back")
    refused = desk.type("move", "--from", url, "--to", "more")
    assert "the relay of this database has moved to" in refused.talk
    desk.more["ARGYBARGY_PUBLIC_URL"] = "https://x.example"
    assert desk.type("serve", "--store", url, "--anyway").code == 0
    assert desk.type("move", "--from", url, "--to", "more").code == 0


def test_a_database_is_backed_up_and_restored(desk: Desk, url: str) -> None:
    desk.type("move", "--to", url)
    result = desk.type("backup", "copy.db", "--store", url)
    assert (result.code, result.out) == (0, "copy.db\n")
    assert "Backed up 1 room with 0 messages and 1 code" in result.talk
    assert desk.type("backup", "copy.db", "--store", url).code == 1
    other = Desk(Path("other"))
    assert other.type("restore", "copy.db", "--yes").code == 0
    assert "ann" in other.type("codes").out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("move --to mysql://x", "--to must be a URL like postgresql://"),
        ("move --to sqlite", "--to must be a URL like postgresql://"),
        ("move --from x --to y", "--from must be a URL like postgresql://"),
        ("move --from postgresql://x --to postgresql://y", "--to is a directory"),
        ("backup - --store postgresql://x", "goes into a file"),
        ("backup x.db --store x", "--store must be a URL like postgresql://"),
    ],
)
def test_places_that_cannot_be_meant_are_usage_errors(
    desk: Desk, arguments: str, why: str
) -> None:
    result = desk.type(*arguments.split())
    assert result.code == 2
    assert why in result.talk


@pytest.mark.parametrize("command", ["move --to", "backup x.db --store"])
def test_a_server_that_is_away_is_named_without_its_password(
    desk: Desk, command: str
) -> None:
    result = desk.type(*command.split(), "postgresql://me:secret@127.0.0.1:1/x")
    assert result.code == 3
    assert "postgresql://me:***@127.0.0.1:1/x" in result.talk
    assert "secret" not in result.talk


@pytest.mark.parametrize("command", ["move --to", "backup x.db --store"])
def test_without_psycopg_the_command_says_how_to_install_it(
    desk: Desk, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith(("argybargy.store.moving.", "argybargy.store.postgres.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = desk.type(*command.split(), "postgresql://x@127.0.0.1:1/x")
    assert result.code == 3
    assert "pip install 'argybargy[postgres]'" in result.talk
