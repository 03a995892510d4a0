import json
from functools import partial

import pytest

from argybargy.torture.client.connection import Address
from bench.goals import FigureGoal, Goal, RatioGoal, Verdict
from bench.ledger import Tally
from bench.report import Line, summarize, to_json, to_markdown
from bench.result import Figure, Result, Spread, percentile_ms
from bench.runner import Measured, Subject, attached
from bench.server import Server
from bench.sizes import Sizes


def measured(label: str, *rounds: tuple[Result, ...]) -> Measured:
    """Return what was found in the rounds of each row."""
    server = Server(Address("127.0.0.1", 1), "token")
    subject = Subject(label, f"run {label}", partial(attached, server))
    return Measured(subject, rounds)


def idle(percent: float) -> Result:
    return Result("idle", figures=(Figure("idle CPU", percent, "%", decides=True),))


def polls(cpu_us: float, lost: int = 0, others: float = 0.0) -> Result:
    return Result(
        "poll", 1000, 2, 0.5, cpu_us / 1000, 1.5, 2.5, Tally(lost, 4), others=others
    )


OURS = measured(
    "ours",
    (polls(100, lost=3), polls(200), polls(100)),
    (idle(0.1), idle(0.1), idle(0.1)),
    (Result("start", note="skipped: running already"),) * 3,
)
THEIRS = measured(
    "vs",
    (polls(600), polls(800), polls(500)),
    (idle(0.2), idle(0.3), idle(0.2)),
    (Result("start", 3, figures=(Figure("start", 580, "ms", decides=True),)),) * 3,
)


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table."""
    return [
        [
            [cell.strip() for cell in line[1:-1].split("|")]
            for line in part.splitlines()
            if line.startswith("|")
        ]
        for part in text.split("\n\n")
    ]


def test_the_second_table_has_a_line_for_each_row_with_its_median() -> None:
    _, (header, rule, poll, second, start) = tables(to_markdown([OURS]))
    assert header[:4] == ["row", "server", "ops", "CPU us/op"]
    assert set(rule) == {"---"}
    assert poll == (
        ["poll", "ours", "1000", "100", "1.5", "2.5", "2,000", "3", "12", "6", ""]
    )
    assert second[-1] == "idle CPU 0.1 %"
    assert start[2:4] == ["-", "-"]
    assert start[-1] == "skipped: running already"


def test_a_ratio_is_the_median_over_the_rounds_beside_least_and_most() -> None:
    header, _, poll, second, start = tables(to_markdown([OURS, THEIRS]))[0]
    assert header[:6] == ["row", "figure", "ours", "vs", "ratio", "spread"]
    assert poll[:6] == ["poll", "CPU, us", "100", "600", "5x", "4-6x"]
    assert second[:6] == ["idle", "idle CPU, %", "0.1", "0.2", "2x", "2-3x"]
    assert start[:6] == ["start", "start, ms", "-", "580", "-", "-"]
    assert poll[-2:] == ["3", "0"]


def test_one_server_has_the_spread_of_its_cost() -> None:
    header, _, poll, *_ = tables(to_markdown([OURS]))[0]
    assert header == (
        ["row", "figure", "ours", "spread", "goal", "verdict", "lost, ours"]
    )
    assert poll == ["poll", "CPU, us", "100", "100-200", "", "", "3"]


def test_goals_are_in_the_table_with_whether_they_are_met() -> None:
    goals: list[Goal] = [
        RatioGoal("poll", 5.0),
        RatioGoal("idle", 2.5),
        RatioGoal("start", 1.5),
        FigureGoal("idle", "idle CPU", 0.1),
    ]
    lines = tables(to_markdown([OURS, THEIRS], goals))[0][2:]
    assert [[line[0], *line[4:8]] for line in lines] == [
        ["poll", "5x", "4-6x", "5x", "met"],
        ["idle", "2x", "2-3x", "2.5x", "**unmet**"],
        ["idle", "", "0.1-0.1", "at most 0.1", "met"],
        ["start", "-", "-", "1.5x", "not measured"],
    ]


def test_a_goal_for_one_server_is_on_the_line_of_its_row() -> None:
    goals: list[Goal] = [FigureGoal("idle", "idle CPU", 0.05), RatioGoal("poll", 5.0)]
    poll, second, _ = summarize([OURS], goals)
    assert poll.verdict is None
    spread = Spread(0.1, 0.1, 0.1)
    assert second == Line(
        *("idle", "idle CPU, %", (0.1,), spread, "at most 0.05", Verdict.UNMET, (0,))
    )


def test_a_table_of_a_busy_machine_says_so_and_in_which_rows() -> None:
    quiet, busy = polls(100, others=0.05), polls(100, others=0.62)
    text = to_markdown([measured("ours", (quiet, busy), (idle(1), idle(1)))])
    assert text.startswith(
        "**Measured on a busy machine**: other processes used up to 62% of the cores,"
        " in poll.\n\n| row |"
    )
    assert to_markdown([measured("ours", (quiet, quiet))]).startswith("| row |")


def test_every_line_has_as_many_cells_whatever_a_note_contains() -> None:
    noisy = measured("ours", (Result("poll", note="a | b\nc"),))
    _, details = tables(to_markdown([noisy]))
    assert {len(line) for line in details} == {11}


def test_the_json_has_every_round_and_what_it_was_found_with() -> None:
    goals = [RatioGoal("poll", 5.0)]
    document = json.loads(to_json([OURS, THEIRS], Sizes(polls=7), goals))
    assert document["sizes"]["polls"] == 7
    assert [each["command"] for each in document["servers"]] == ["run ours", "run vs"]
    summary = {line["row"]: line for line in document["summary"]}
    assert summary["poll"]["spread"] == {"median": 5.0, "least": 4.0, "most": 6.0}
    assert summary["poll"]["verdict"] == "met"
    assert summary["idle"]["verdict"] is None
    poll, second, _ = document["servers"][0]["results"]
    first, *_ = poll.pop("rounds")
    assert (poll["lost"], poll["cpu_us_per_operation"]) == (3, pytest.approx(100.0))
    assert first == {
        "row": "poll",
        "operations": 1000,
        "failed": 2,
        "elapsed_seconds": 0.5,
        "cpu_seconds": 0.1,
        "p50_ms": 1.5,
        "p99_ms": 2.5,
        "figures": [],
        "note": "",
        "others": 0.0,
        "lost": 3,
        "doubled": 4,
        "cpu_us_per_operation": pytest.approx(100.0),
        "operations_per_second": 2000.0,
    }
    assert second["figures"][0] == {
        "name": "idle CPU",
        "value": 0.1,
        "unit": "%",
        "decides": True,
        "adds_up": False,
    }


def test_percentiles_are_samples_and_not_between_them() -> None:
    samples = [number / 1e3 for number in range(100, 0, -1)]
    assert percentile_ms(samples, 50) == pytest.approx(50)
    assert percentile_ms(samples, 99) == pytest.approx(99)
    assert percentile_ms([0.002], 99) == pytest.approx(2)
    assert percentile_ms([], 50) is None
