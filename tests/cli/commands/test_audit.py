"""The audit log on the terminal."""

import pytest

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


def test_rows_are_json_for_programs() -> None:
    (row,) = terminal(1).type("audit", "--json").json
    assert (row["id"], row["action"], row["detail"]) == (1, "say", "seq 1")


def test_a_log_without_rows_is_exit_code_3() -> None:
    assert terminal(0).type("audit").code == 3


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_is_a_number_from_1(limit: str) -> None:
    assert terminal(1).type("audit", "--limit", limit).code == 2
