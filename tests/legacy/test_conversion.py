"""Switching from the original Argybargy: one command, and agents go on as they are."""

import json
from pathlib import Path

import apsw
import pytest

from support.first_argybargy import OLD_TABLES, OriginalRelay
from support.real_commands import Desk, Guests


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "new")


@pytest.fixture
def original(tmp_path: Path) -> OriginalRelay:
    return OriginalRelay.make(tmp_path / "old")


def switch(desk: Desk, original: OriginalRelay, *more: str) -> None:
    result = desk.type("import", "--from-original", str(original.path), *more)
    assert result.code == 0, result.talk


def lines(desk: Desk, kind: str = "message") -> list[dict[str, object]]:
    exported = desk.type("export").out.splitlines()
    return [each for each in map(json.loads, exported) if each["type"] == kind]


def test_codes_and_cursors_of_the_original_go_on_working(
    desk: Desk, original: OriginalRelay
) -> None:
    plain, hashed = original.invite("ann"), original.invite("bob", hashed=True)
    for text in ("one", "two", "three"):
        original.post("ann", text)
    original.stop()
    switch(desk, original)

    async def work(guests: Guests) -> None:
        answer = await guests.poll(hashed, since=2)
        assert [message.text for message in answer.page.messages] == ["three"]
        assert (answer.page.cursor, answer.is_reset) == (3, False)
        assert await guests.post(plain, "four") == 4

    desk.inside(work)


def test_no_code_is_found_in_anything_that_is_stored(
    desk: Desk, original: OriginalRelay
) -> None:
    live, revoked = original.invite("ann"), original.invite("bob")
    original.revoke(revoked)
    original.post("ann", "hi")
    original.stop()
    switch(desk, original)
    stored = b"".join(path.read_bytes() for path in desk.data.iterdir())
    for code in (live, revoked):
        assert code.encode() not in stored

    async def work(guests: Guests) -> None:
        assert guests.is_known(live)
        assert not guests.is_known(revoked)

    desk.inside(work)


def test_a_code_ends_when_it_would_have_ended(
    desk: Desk, original: OriginalRelay
) -> None:
    over = original.invite("ann", expires="2020-01-01T00:00:00+00:00")
    going = original.invite("bob", expires="2999-01-01T00:00:00+00:00")
    original.stop()
    switch(desk, original)

    async def work(guests: Guests) -> None:
        assert not guests.is_known(over)
        assert guests.known(going).expires_ms is not None

    desk.inside(work)


def test_importing_again_adds_nothing_and_keeps_revocations(
    desk: Desk, original: OriginalRelay
) -> None:
    code = original.invite("ann")
    original.post("ann", "hi")
    original.stop()
    switch(desk, original)
    assert desk.type("revoke", "ann", "--yes").code == 0
    again = desk.type("import", "--from-original", str(original.path), "--json")
    assert {
        kind: again.json[kind]["new"] for kind in ("messages", "codes", "audit")
    } == {
        "messages": 0,
        "codes": 0,
        "audit": 0,
    }
    said = desk.type("import", "--from-original", str(original.path))
    assert "messages: 0 new, 1 already known" in said.out
    assert "Nothing was new." in said.talk

    async def work(guests: Guests) -> None:
        assert not guests.is_known(code)

    desk.inside(work)


def test_importing_again_adds_newer_records(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    original.post("ann", "before")
    switch(desk, original)
    original.post("ann", "after")
    switch(desk, original)
    assert [line["text"] for line in lines(desk)] == ["before", "after"]
    original.stop()


def test_it_is_read_while_it_runs_and_nothing_beside_it_changes(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    original.post("ann", "in the log only")
    names = {path.name for path in original.path.parent.iterdir()}
    assert "argybargy.db-wal" in names
    before = original.path.read_bytes()
    switch(desk, original)
    assert [line["text"] for line in lines(desk)] == ["in the log only"]
    assert {path.name for path in original.path.parent.iterdir()} == names
    assert original.path.read_bytes() == before
    original.stop()
    names = {path.name for path in original.path.parent.iterdir()}
    switch(desk, original)
    assert {path.name for path in original.path.parent.iterdir()} == names


def test_a_room_that_retention_has_cut_keeps_its_numbers(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    for number in range(5):
        original.post("ann", f"{number}")
    original.connection.execute("DELETE FROM messages WHERE seq < 4")
    original.stop()
    switch(desk, original)
    assert [line["seq"] for line in lines(desk)] == [4, 5]


@pytest.mark.parametrize(
    "damage",
    [
        "CREATE TABLE messages (room, seq, ts, sender, recipient, text);"
        "INSERT INTO messages VALUES ('lab', 1, '2026-01-02', NULL, 'all', 'hi')",
        "CREATE TABLE messages (room, seq, ts, sender, recipient, text);"
        "INSERT INTO messages VALUES ('lab', 'x', '2026-01-02', 'ann', 'all', 'hi')",
        "CREATE TABLE messages (room, seq, ts, sender, recipient, text);"
        "INSERT INTO messages VALUES ('lab', 1, '2026-01-02', 'ann', 'all', x'00')",
        "DROP TABLE codes; CREATE TABLE messages (room, seq, ts, sender, recipient,"
        "text); CREATE TABLE codes (code, display, name, room, created);"
        "INSERT INTO codes VALUES (NULL, NULL, 'ann', 'lab', '2026-01-02')",
    ],
)
def test_an_incomplete_row_is_refused_in_a_sentence(
    desk: Desk, original: OriginalRelay, damage: str
) -> None:
    original.connection.execute(f"DROP TABLE messages; {damage}").fetchall()
    original.stop()
    result = desk.type("import", "--from-original", str(original.path))
    assert (result.code, result.out) == (1, "")
    assert "is damaged: a row has no fit" in result.talk


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE messages SET text = CAST(x'ff' AS TEXT)", "a text is not UTF-8"),
        (
            "UPDATE messages SET text = printf('%.20000000c', 'a')",
            "a row of over 16777216 bytes",
        ),
        (
            "ALTER TABLE messages RENAME TO m; CREATE VIEW messages AS SELECT * FROM m",
            "is not a database of the original Argybargy",
        ),
    ],
)
def test_impossible_content_is_refused_in_a_sentence(
    desk: Desk, original: OriginalRelay, damage: str, said: str
) -> None:
    original.invite("ann")
    original.post("ann", "hi")
    original.connection.execute(damage).fetchall()
    original.stop()
    result = desk.type("import", "--from-original", str(original.path))
    assert (result.code, result.out) == (1, "")
    assert said in result.talk


def test_a_malformed_time_becomes_the_epoch(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann", expires="0001-01-01T00:00:00+23:59")
    original.post("ann", "hi")
    sql = "UPDATE messages SET ts = '9999-12-31T23:59:59-23:59'"
    original.connection.execute(sql)
    original.stop()
    switch(desk, original)
    assert [line["ts"] for line in lines(desk)] == ["1970-01-01T00:00:00.000+00:00"]


def test_claims_questions_and_closed_rooms_come_along(
    desk: Desk, original: OriginalRelay
) -> None:
    for name in ("ann", "bob"):
        original.invite(name)
    original.post("zed", "left long ago", expects_reply="anyone", claimed_by="gone")
    original.post("ann", "answered", expects_reply="anyone", claimed_by="bob")
    original.post("bob", "the answer")
    original.post("ann", "claimed", expects_reply="anyone", claimed_by="bob")
    original.post("ann", "waiting", "bob", expects_reply="bob")
    original.post("ann", "bye", room="done", expects_reply="anyone", claimed_by="bob")
    original.close_room("done")
    original.stop()
    switch(desk, original)
    found = {line["text"]: line for line in lines(desk)}
    assert {text: (line["settled"], line["open"]) for text, line in found.items()} == {
        "answered": (True, False),
        "the answer": (False, False),
        "claimed": (False, True),
        "waiting": (False, True),
        "left long ago": (True, False),
        "bye": (True, False),
    }
    assert found["claimed"]["claimed_by"] == "bob"
    status = {line["room"]: line["status"] for line in lines(desk, "room")}
    assert status == {"lab": "open", "done": "closed"}


def test_the_human_is_told_from_agents(desk: Desk, original: OriginalRelay) -> None:
    original.invite("ann")
    original.post("operator", "hello")
    original.post("Titus", "hello from the dashboard")
    original.log("say", "Titus", "lab", "-> all")
    original.post("ann", "hello", "operator")
    original.stop()
    switch(desk, original)
    assert [(line["from"], line["from_kind"], line["to"]) for line in lines(desk)] == [
        ("operator", "operator", ["all"]),
        ("Titus", "operator", ["all"]),
        ("ann", "agent", ["operator"]),
    ]


def test_names_that_are_not_allowed_here_are_told(
    desk: Desk, original: OriginalRelay
) -> None:
    code = original.invite("Bob the Builder", "My Room!")
    original.invite("admin", "My Room!")
    original.post("Bob the Builder", "can we?", room="My Room!")
    original.post("Ann", "one", room="my-room")
    original.post("ann", "two", "nobody, really", room="my-room")
    original.post("Zoë", "three", "", room="my-room")
    original.stop()
    result = desk.type("import", "--from-original", str(original.path), "--json")
    assert result.code == 0, result.talk
    assert "room 'My Room!' is called My-Room here" in result.json["changes"]
    assert "room 'my-room' is called my-room-2 here" in result.json["changes"]
    found = [(line["room"], line["from"], line["to"]) for line in lines(desk)]
    assert found == [
        ("My-Room", "Bob-the-Builder", ["all"]),
        ("my-room-2", "Ann", ["all"]),
        ("my-room-2", "ann-2", ["nobody-really"]),
        ("my-room-2", "Zoe", ["peer"]),
    ]
    assert "'admin' in My-Room is called admin-agent here" in str(
        result.json["changes"]
    )

    async def work(guests: Guests) -> None:
        assert guests.known(code).name == "Bob-the-Builder"

    desk.inside(work)


def test_the_audit_log_stands_before_what_importing_adds(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    original.log("room_close", "operator", "lab")
    original.stop()
    switch(desk, original)
    answer = desk.ask("GET", "/admin/audit")
    assert isinstance(answer, dict)
    actions = [event["action"] for event in answer["events"]]
    assert actions[:3] == ["invite", "room_close", "import"]
    assert answer["events"][0]["ts"].startswith("2026-01-02T00:0")


def test_unprintable_characters_are_removed(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    original.close_room("lab", by="Ti\x1b[31mtus" + "x" * 100)
    original.log("room_\nclose", "operator", "lab", "\x1b[2J" + "y" * 2_000)
    original.stop()
    switch(desk, original)
    state, audit = desk.ask("GET", "/admin/state"), desk.ask("GET", "/admin/audit")
    assert isinstance(state, dict)
    assert isinstance(audit, dict)
    status = state["room_status"]["lab"]
    assert status["closed_by"] == ("Ti[31mtus" + "x" * 100)[:64]
    (closed,) = [row for row in audit["events"] if row["action"] == "room_close"]
    assert closed["detail"] == ("[2J" + "y" * 2_000)[:1_000]


def test_an_early_version_is_read_as_well(tmp_path: Path, desk: Desk) -> None:
    original = OriginalRelay.make(tmp_path / "early", OLD_TABLES)
    original._insert(
        "codes", code="c" * 32, display="c" * 32, name="ann", room="lab", created="x"
    )
    original.post("ann", "hi")
    original.stop()
    switch(desk, original)
    assert [line["text"] for line in lines(desk)] == ["hi"]


def test_import_into_a_running_relay(desk: Desk, original: OriginalRelay) -> None:
    original.invite("ann")
    for number in range(300):
        original.post("ann", f"{number} " + "é" * 500)
    original.stop()
    with desk.relay():
        switch(desk, original)
        assert len(lines(desk)) == 300
        again = desk.type("import", "--from-original", str(original.path), "--json")
        assert again.json["messages"] == {"new": 0, "same": 300, "passed": 0}


def test_a_message_that_is_too_long_is_named_and_nothing_imported(
    desk: Desk, original: OriginalRelay
) -> None:
    original.invite("ann")
    original.post("ann", "fine")
    original.post("ann", "x" * 70_000)
    original.stop()
    result = desk.type("import", "--from-original", str(original.path))
    assert result.code == 1
    assert "Message 2 of room lab is too long" in result.talk
    assert lines(desk) == []


@pytest.mark.parametrize("damage", ["missing", "text", "foreign", "empty", "cut"])
def test_a_database_of_another_program_is_refused(
    desk: Desk, original: OriginalRelay, damage: str
) -> None:
    original.invite("ann")
    for _ in range(200):
        original.post("ann", "x" * 500)
    original.stop()
    path, code = original.path, 1
    match damage:
        case "missing":
            path.unlink()
            code = 5
        case "text":
            path.write_bytes(b"This is a shopping list. " * 400)
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:20_000])
        case "foreign":
            path.unlink()
            connection = apsw.Connection(str(path))
            connection.execute("CREATE TABLE messages (a, b)").fetchall()
            connection.close()
    result = desk.type("import", "--from-original", str(path))
    assert (result.code, result.out) == (code, "")
    assert "argybargy.db" in result.talk
    assert "Traceback" not in result.talk
    assert not desk.data.exists()
