"""Questions of the schema before their ends were stored stay what they counted as."""

from importlib.resources import files

import apsw

from argybargy.domain.message import Resolution, ResolutionKind
from argybargy.store.resolutions import decode_resolution


def migrated(connection: apsw.Connection, names: slice) -> None:
    folder = files("argybargy.store.sqlite").joinpath("migrations")
    scripts = sorted(each.name for each in folder.iterdir() if each.name[0] == "0")
    for name in scripts[names]:
        connection.execute(folder.joinpath(name).read_text())


def test_a_question_that_is_not_open_is_answered_by_an_unknown_message() -> None:
    connection = apsw.Connection(":memory:")
    migrated(connection, slice(0, 4))
    connection.execute(
        """
        INSERT INTO rooms (id, name, version, head, first, fence, created_ms, last_ms,
                           spoken_ms) VALUES (1, 'hall', 1, 9, 1, 5, 1, 1, 1)
        """
    )
    rows = [
        (1, "ann", "agent", "anyone", None, 0),  # open
        (2, "ann", "agent", "anyone", None, 0),
        (3, "ann", "agent", "bob", "bob", 1),
        (4, "ann", "agent", "ANN", None, 0),  # asks nobody else
        (5, "ann", "agent", "none", None, 0),
        (6, "Ops", "operator", "bob", None, 0),
        (7, "Ops", "operator", "operator", None, 0),
        (8, "ann", "agent", "anyone", "cid", 0),  # under a lease
        (9, "ann", "agent", "anyone", "cid", 1),  # open, its holder gone
    ]
    for seq, sender, kind, expects, claimed_by, is_settled in rows:
        connection.execute(
            """
            INSERT INTO messages (room_id, seq, at_ms, sender, kind, recipients, text,
                expects, claimed_by, fence, is_settled)
            VALUES (1, ?, 7, ?, ?, '["all"]', 'x', ?, ?, 3, ?)
            """,
            (seq, sender, kind, expects, claimed_by, is_settled),
        )
    connection.execute("INSERT INTO claims VALUES (1, 8, 'cid', 3, 60)")
    for seq in (1, 9):
        connection.execute("INSERT INTO questions VALUES (1, ?, 'ann', 'x')", (seq,))
    migrated(connection, slice(4, 5))
    sql = "SELECT seq, claimed_by, is_settled, resolution FROM messages ORDER BY seq"
    found = {
        seq: (claimed_by, is_settled, decode_resolution(resolution))
        for seq, claimed_by, is_settled, resolution in connection.execute(sql)
    }

    def answered(by: str = "") -> Resolution:
        return Resolution(ResolutionKind.ANSWERED, by, 7)

    assert found == {
        1: (None, 0, None),
        2: (None, 0, answered()),
        3: ("bob", 1, answered("bob")),
        4: (None, 0, None),
        5: (None, 0, None),
        6: (None, 0, answered()),
        7: (None, 0, None),
        8: ("cid", 1, answered("cid")),
        9: (None, 0, None),
    }
    assert connection.execute("SELECT count(*) FROM claims").get == 0
