"""Each check of the doctor, on its own kind of fault."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import apsw
import attrs
import pytest

from argybargy.cli.doctor import machine
from argybargy.cli.doctor.data_directory import (
    DirectoryFacts,
    EntryFacts,
    judge_directory,
    look_at_directory,
)
from argybargy.cli.doctor.database import (
    WAL_BYTES,
    DatabaseFacts,
    judge_database,
    look_at_database,
)
from argybargy.cli.doctor.finding import Finding, Level
from argybargy.cli.doctor.port import PortFacts, judge_port, look_at_port
from argybargy.domain.instant import Instant
from argybargy.settings.settings import Settings, parse_settings
from argybargy.store.data_directory import ServerAddress
from argybargy.store.errors import StoreError
from argybargy.store.sqlite.schema import load_migrations
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.system.mounts import find_file_system, pick_file_system
from argybargy.system.ports import Holder
from support.store_player import Player

DATA = Path("/data/argy")
ME, ROOT, OTHER = 1000, 0, 2000
HERE, ELSEWHERE = (
    ServerAddress("127.0.0.1", 8765, 7),
    ServerAddress("127.0.0.1", 9999, 7),
)
NEWEST = load_migrations()[-1].number


def levels(findings: Iterable[Finding]) -> dict[str, Level]:
    """Return the worst finding of each check."""
    order = list(Level)
    worst: dict[str, Level] = {}
    for each in findings:
        known = worst.get(each.check, Level.OK)
        worst[each.check] = max(known, each.level, key=order.index)
        assert bool(each.fix) is (each.level is not Level.OK), each
    return worst


def only(findings: Iterable[Finding], level: Level) -> Finding:
    (found,) = [each for each in findings if each.level is level]
    return found


# -- the port ---------------------------------------------------------------------


def at_port(**facts: object) -> Finding:
    given = {"host": "127.0.0.1", "port": 8765, "data": DATA, **facts}
    return judge_port(PortFacts(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "level", "words", "fix"),
    [
        ({}, Level.OK, "127.0.0.1:8765 is free", ""),
        ({"host": "::1"}, Level.OK, "[::1]:8765 is free", ""),
        ({"port": 0}, Level.OK, "Each start chooses a free port", ""),
        (
            {"refusal": errno.EADDRINUSE, "holder": Holder(7, "python3", DATA)},
            Level.OK,
            "by the relay of this data directory (process 7)",
            "",
        ),
        (
            {"refusal": errno.EADDRINUSE, "holder": Holder(7, "py", Path("/b"))},
            Level.PROBLEM,
            "held by the relay of /b (process 7)",
            "argybargy up --port 8766",
        ),
        (
            {"refusal": errno.EADDRINUSE, "holder": Holder(7, "nginx")},
            Level.PROBLEM,
            "held by nginx (process 7)",
            "argybargy up --port 8766",
        ),
        (
            {"refusal": errno.EADDRINUSE, "port": 65_535},
            Level.PROBLEM,
            "a process that this user may not see",
            "argybargy up --port 65534",
        ),
        (
            {"refusal": errno.EADDRINUSE, "is_served": True, "served_at": HERE},
            Level.OK,
            "by the relay of this data directory.",
            "",
        ),
        (
            {"refusal": errno.EACCES, "port": 80},
            Level.PROBLEM,
            "special rights",
            "--port 8765",
        ),
        (
            {"refusal": errno.EADDRNOTAVAIL, "host": "192.0.2.1"},
            Level.PROBLEM,
            "192.0.2.1 is not an address of this machine",
            "--host 127.0.0.1",
        ),
        ({"is_served": True}, Level.WARNING, "but not on 127.0.0.1:8765", "--port"),
        (
            {"is_served": True, "served_at": ELSEWHERE},
            Level.WARNING,
            "but not on 127.0.0.1:8765",
            "argybargy doctor --port 9999",
        ),
        (
            {"refusal": errno.EADDRINUSE, "is_served": True, "served_at": ELSEWHERE},
            Level.PROBLEM,
            "a process that this user may not see",
            "argybargy up --port 8766",
        ),
    ],
)
def test_a_port_is_free_or_reported_with_its_holder(
    facts: dict[str, object], level: Level, words: str, fix: str
) -> None:
    finding = at_port(**facts)
    assert finding.level is level
    assert words in finding.text
    assert fix in finding.fix


def settings(data: Path, **more: str) -> Settings:
    variables = {f"ARGYBARGY_{name.upper()}": text for name, text in more.items()}
    return parse_settings({"ARGYBARGY_DATA": str(data), **variables})


def test_an_address_of_another_machine_cannot_be_bound(tmp_path: Path) -> None:
    facts = look_at_port(settings(tmp_path, host="192.0.2.1"))
    assert judge_port(facts).level is Level.PROBLEM


def test_a_host_without_an_address_cannot_be_bound(tmp_path: Path) -> None:
    facts = look_at_port(settings(tmp_path, host="no..such"))
    assert "not an address" in judge_port(facts).text


# -- the directory ------------------------------------------------------------------


def a_home(mode: int = 0o700, owner: int = ME, **facts: object) -> DirectoryFacts:
    given = {"home": EntryFacts(DATA, mode, owner), "user": ME, **facts}
    return DirectoryFacts(DATA, **given)  # type: ignore[arg-type]


def a_file(mode: int = 0o600, owner: int = ME, target: str = "") -> EntryFacts:
    link = Path(target) if target else None
    return EntryFacts(DATA / "relay.db", mode, owner, link)


@pytest.mark.parametrize(
    ("facts", "check", "level", "fix"),
    [
        (a_home(0o750), "data", Level.WARNING, "chmod 700 /data/argy"),
        (a_home(0o770), "data", Level.PROBLEM, "chmod 700 /data/argy"),
        (a_home(owner=OTHER), "data", Level.PROBLEM, "sudo chown -R"),
        (a_home(user=ROOT), "data", Level.WARNING, "sudo -u '#1000' argybargy doctor"),
        (a_home(is_writable=False), "data", Level.PROBLEM, "chmod u+rwx /data/argy"),
        (
            attrs.evolve(a_home(), home=EntryFacts(DATA, 0o700, ME, Path("/else"))),
            "data",
            Level.WARNING,
            "argybargy up --data",
        ),
        (
            DirectoryFacts(DATA, None, is_writable=False),
            "data",
            Level.PROBLEM,
            "argybargy up --data",
        ),
        (a_home(files=(a_file(0o640),)), "files", Level.PROBLEM, "chmod 600 /data"),
        (a_home(files=(a_file(owner=OTHER),)), "files", Level.PROBLEM, "chown"),
        (
            a_home(files=(a_file(target="../x y"),)),
            "files",
            Level.PROBLEM,
            "mv '/data/argy/../x y' /data/argy/relay.db",
        ),
        (a_home(free_bytes=1), "disk", Level.PROBLEM, "df -h /data/argy"),
        (a_home(free_bytes=100 * 1024**2), "disk", Level.WARNING, "df -h"),
        (a_home(file_system="nfs4"), "disk", Level.WARNING, "a local disk"),
        (a_home(file_system="tmpfs"), "disk", Level.WARNING, "a local disk"),
    ],
)
def test_a_bad_directory_is_reported_with_the_reason(
    facts: DirectoryFacts, check: str, level: Level, fix: str
) -> None:
    findings = judge_directory(facts)
    assert fix in only(findings, level).fix
    assert levels(findings)[check] is level
    others = {name for name, worst in levels(findings).items() if worst is not Level.OK}
    assert others == {check}


@pytest.mark.parametrize(
    "facts",
    [
        a_home(),
        a_home(files=(a_file(),), file_system="ext4"),
        a_home(0o777, user=None, files=(a_file(0o666, owner=OTHER),)),
        DirectoryFacts(DATA, None),
    ],
)
def test_a_good_directory_needs_no_fix(facts: DirectoryFacts) -> None:
    assert set(levels(judge_directory(facts)).values()) == {Level.OK}


def test_the_facts_of_a_directory_are_collected(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert look_at_directory(data / "deep").home is None
    data.mkdir(mode=0o700)
    (data / "relay.db").touch(mode=0o600)
    (data / "admin.token").symlink_to("nowhere")
    (data / "relay.db").chmod(0o644)
    (tmp_path / "link").symlink_to("data")
    facts = look_at_directory(tmp_path / "link")
    assert facts.home is not None
    assert (facts.home.mode, facts.home.target) == (0o700, Path("data"))
    token, database = facts.files
    assert (token.target, database.mode) == (Path("nowhere"), 0o644)
    assert facts.user in {None, os.geteuid()}
    assert facts.free_bytes > 0


MOUNTS = [
    "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw",
    "30 21 0:40 / /srv rw shared:9 - nfs4 server:/srv rw",
    r"31 30 0:41 / /srv/two\040words rw - tmpfs tmpfs rw",
    "a line of another kernel",
    "32 21 0:42 / /srv/over rw - ext4 /dev/sdb rw",
    "33 32 0:43 / /srv/over rw - cifs //nas/x rw",
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/argy", "nfs4"),
        ("/srvice", "ext4"),
        ("/srv/two words/a", "tmpfs"),
        ("/srv/over", "cifs"),
    ],
)
def test_the_innermost_mount_is_the_file_system(path: str, kind: str) -> None:
    assert pick_file_system(Path(path), MOUNTS) == kind


def test_without_a_mount_table_the_file_system_is_unknown(tmp_path: Path) -> None:
    assert find_file_system(tmp_path, tmp_path / "none") == ""


# -- the database ---------------------------------------------------------------------


def make_database(data: Path, version: int = NEWEST, rows: int = 500) -> Path:
    path = data / "relay.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("CREATE INDEX by_text ON t (text)")
    connection.executemany(
        "INSERT INTO t (text) VALUES (?)", [(f"{n:>100}",) for n in range(rows)]
    )
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    return path


def judged(data: Path, *, is_thorough: bool = False) -> list[Finding]:
    return list(judge_database(look_at_database(data, is_thorough=is_thorough)))


@pytest.mark.parametrize("is_thorough", [False, True])
def test_an_intact_database_is_fine_and_not_written(
    tmp_path: Path, is_thorough: bool
) -> None:
    path = make_database(tmp_path)
    before = path.read_bytes()
    findings = judged(tmp_path, is_thorough=is_thorough)
    assert set(levels(findings).values()) == {Level.OK}
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_database_and_an_empty_one_are_fine(tmp_path: Path) -> None:
    assert levels(judged(tmp_path)) == {"database": Level.OK}
    (tmp_path / "relay.db").touch()
    assert set(levels(judged(tmp_path)).values()) == {Level.OK}


def test_a_damaged_page_is_a_problem(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    path.write_bytes(content)
    found = only(judged(tmp_path), Level.PROBLEM)
    assert found.check == "database"
    assert "argybargy restore" in found.fix


def test_a_file_that_is_not_a_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "relay.db").write_bytes(b"not a database " * 500)
    assert only(judged(tmp_path), Level.PROBLEM).check == "database"


def test_a_newer_schema_names_both_versions(tmp_path: Path) -> None:
    make_database(tmp_path, version=NEWEST + 7)
    found = only(judged(tmp_path), Level.PROBLEM)
    assert f"has schema {NEWEST + 7}" in found.text
    assert f"up to {NEWEST}" in found.text
    assert "upgrade" in found.fix


def test_a_database_of_another_program_is_a_problem(tmp_path: Path) -> None:
    make_database(tmp_path, version=0)
    assert "a database of another program" in only(judged(tmp_path), Level.PROBLEM).text


def test_an_older_schema_is_reported_as_to_be_migrated() -> None:
    facts = DatabaseFacts(DATA / "relay.db", version=1, newest=2, has_tables=True)
    texts = [each.text for each in judge_database(facts)]
    assert any("the next start migrates it to 2" in text for text in texts)


def test_a_large_write_ahead_log_is_a_warning(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    facts = look_at_database(tmp_path, is_thorough=False)
    assert facts is not None
    grown = attrs.evolve(facts, wal_bytes=WAL_BYTES + 1)
    assert only(judge_database(grown), Level.WARNING).check == "wal"
    path.with_name("relay.db-wal").write_bytes(b"")
    assert facts.wal_bytes == 0


def test_a_locked_database_is_reported_as_unreadable(tmp_path: Path) -> None:
    path = make_database(tmp_path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        look_at_database(tmp_path, is_thorough=False)
    other.close()


# -- the machine ----------------------------------------------------------------------

NOW_MS = 1_767_800_000_000  # in January 2026


def a_clock(
    wall_ms: int = NOW_MS,
    seconds: float = 1.0,
    ahead_seconds: float = -9.0,
    message_seconds: float = -9.0,
) -> machine.ClockFacts:
    before, after = Instant(wall_ms - 1000, 5.0), Instant(wall_ms, 5.0 + seconds)
    newest = wall_ms / 1000 + ahead_seconds
    latest = wall_ms / 1000 + message_seconds
    return machine.ClockFacts(before, after, DATA / "relay.db", newest, "lab", latest)


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        (a_clock(), Level.OK, "The clock says 2026-01-07"),
        (a_clock(wall_ms=1_000), Level.PROBLEM, "1970-01-01 00:00:01 UTC, which"),
        (a_clock(wall_ms=NOW_MS * 4), Level.PROBLEM, "which is impossible"),
        (a_clock(ahead_seconds=3600), Level.WARNING, "3,600 seconds later"),
        (a_clock(seconds=90.0), Level.WARNING, "was set during this check"),
        (a_clock(message_seconds=59.0), Level.OK, "The clock says"),
        (a_clock(message_seconds=7200.0), Level.WARNING, "'lab' is 7,200 seconds"),
    ],
)
def test_an_impossible_clock_is_reported(
    facts: machine.ClockFacts, level: Level, words: str
) -> None:
    finding = machine.judge_clock(facts)
    assert finding.level is level
    assert words in finding.text
    levels([finding])


def test_the_clock_is_compared_with_the_newest_file(tmp_path: Path) -> None:
    now = Instant(NOW_MS, 5.0)
    assert machine.look_at_clock(now, now, tmp_path).newest_file is None
    for name, seconds in (("relay.db", 5), ("relay.lock", 9), ("other", 99)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    facts = machine.look_at_clock(now, now, tmp_path)
    assert (facts.newest_file, facts.newest_seconds) == (tmp_path / "relay.lock", 9)


async def test_the_clock_is_compared_with_the_newest_message(tmp_path: Path) -> None:
    now = Instant(NOW_MS, 5.0)
    (tmp_path / "relay.db").touch()
    assert not machine.look_at_clock(now, now, tmp_path).newest_room
    async with open_sqlite_store(tmp_path / "data") as store:
        for name, at_ms in (("den", NOW_MS), ("lab", NOW_MS + 9_000_000), ("pub", 5)):
            player = Player.of(store, name)
            player.now = Instant(at_ms, 0.0)
            await player.say("ann")
    facts = machine.look_at_clock(now, now, tmp_path / "data")
    assert facts.newest_room == "lab"
    assert facts.newest_message_seconds == (NOW_MS + 9_000_000) / 1000
    assert machine.judge_clock(facts).level is Level.WARNING


@pytest.mark.parametrize(
    ("soft", "hard", "level", "fix"),
    [
        (30_000, 30_000, Level.OK, ""),
        (1_024, 1_048_576, Level.WARNING, "ulimit -n 24256 && argybargy up"),
        (1_024, 4_096, Level.WARNING, "LimitNOFILE=24256"),
        (64, 4_096, Level.PROBLEM, "LimitNOFILE=24256"),
    ],
)
def test_too_few_descriptors_are_reported_with_a_fix(
    soft: int, hard: int, level: Level, fix: str
) -> None:
    finding = machine.judge_descriptors(machine.DescriptorFacts(soft, hard))
    assert (finding.level, fix in finding.fix) == (level, True)
    levels([finding])


def test_the_descriptors_of_a_relay_that_runs_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    table = "Limit Soft Hard Units\nMax open files     256      unlimited     files\n"
    (tmp_path / "42" / "limits").write_text(table)
    facts = machine.look_at_descriptors(42, tmp_path)
    assert facts is not None
    assert (facts.soft, facts.is_relay) == (256, True)
    assert facts.hard > 1_000_000
    assert "The running relay" in machine.judge_descriptors(facts).text
    gone = machine.look_at_descriptors(43, tmp_path)
    assert gone is None or not gone.is_relay


def test_a_platform_without_a_descriptor_limit_is_fine() -> None:
    assert machine.judge_descriptors(None).level is Level.OK


def test_a_missing_cloudflared_is_not_a_problem() -> None:
    assert "/bin/cloudflared" in machine.judge_tunnel("/bin/cloudflared").text
    assert machine.judge_tunnel(None).level is Level.OK
