"""The audit log on the terminal."""

import pytest

from argybargy.cli.client.protocol import Json
from support.fake_operator import FakeOperator
from support.terminal import Terminal


def terminal(rows: int) -> Terminal:
    audited = [("say", f"seq {number}") for number in range(1, rows + 1)]
    return Terminal(FakeOperator(audited=audited))


def test_the_newest_rows_are_shown_with_the_way_to_older_ones() -> None:
    shown = terminal(5).type("audit", "-n", "2")
    assert [line.split()[-1] for line in shown.out.splitlines()[1:]] == ["4", "5"]
    assert shown.talk == "Older rows: argybargy audit --before 4\n"
    shown = terminal(5).type("audit", "--before", "4")
    assert [line.split()[-1] for line in shown.out.splitlines()[1:]] == ["1", "2", "3"]
    assert shown.talk == ""


def test_rows_are_in_the_order_of_their_times() -> None:
    """Some rows are stored, and get their id, a moment after others."""

    def row(number: int, at: str, action: str) -> Json:
        ts = f"2026-01-02T03:04:05.{at}+00:00"
        return {"id": number, "ts": ts, "action": action, "actor": "operator",
                "room": "build", "detail": ""}  # fmt: skip

    class Unordered(FakeOperator):
        def call(self, *_: object) -> Json:
            rows = [row(8, "300", "say"), row(9, "300", "claim"), row(7, "400", "x")]
            return {"events": [*rows, row(10, "200", "connect")]}

    shown = Terminal(Unordered()).type("audit")
    actions = [line.split()[1] for line in shown.out.splitlines()[1:]]
    assert actions == ["connect", "say", "claim", "x"]
    assert "--before 7\n" in shown.talk


def test_rows_are_json_for_programs() -> None:
    (row,) = terminal(1).type("audit", "--json").json
    assert (row["id"], row["action"], row["detail"]) == (1, "say", "seq 1")


def test_a_log_without_rows_is_exit_code_3() -> None:
    assert terminal(0).type("audit").code == 3


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_is_a_number_from_1(limit: str) -> None:
    assert terminal(1).type("audit", "--limit", limit).code == 2
