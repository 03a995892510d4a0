import json
from functools import partial

import pytest

from argybargy.torture.client.connection import Address
from bench.ledger import Tally
from bench.report import to_json, to_markdown
from bench.result import Figure, Result, percentile_ms
from bench.runner import Measured, Subject, attached
from bench.server import Server
from bench.sizes import Sizes


def measured(label: str, *results: Result) -> Measured:
    server = Server(Address("127.0.0.1", 1), "token")
    subject = Subject(label, f"run {label}", partial(attached, server))
    return Measured(subject, results)


OURS = measured(
    "server",
    Result("poll", 1000, 2, 0.5, 0.1, 1.5, 2.5, Tally(3, 4)),
    Result("idle", figures=(Figure("idle CPU", 0.1, "%", decides=True),)),
    Result("start", note="skipped: running already"),
)
THEIRS = measured(
    "vs",
    Result("poll", 500, 0, 1.0, 0.25, 20.0, 30.0),
    Result("idle", figures=(Figure("idle CPU", 0.2, "%", decides=True),)),
    Result("start", operations=3, figures=(Figure("start", 580, "ms", decides=True),)),
)


def rows(table: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
    ]


def test_the_table_has_a_line_for_each_row() -> None:
    header, rule, poll, idle, start = rows(to_markdown([OURS]))
    assert header[:4] == ["row", "server", "ops", "CPU us/op"]
    assert set(rule) == {"---"}
    assert poll == (
        ["poll", "server", "1000", "100", "1.5", "2.5", "2,000", "3", "4", "2", ""]
    )
    assert idle[-1] == "idle CPU 0.1 %"
    assert start[2:4] == ["-", "-"]
    assert start[-1] == "skipped: running already"


def test_with_two_servers_the_second_line_of_a_row_has_the_ratio() -> None:
    header, _, *lines = rows(to_markdown([OURS, THEIRS]))
    assert header[-1] == "ratio"
    assert [(line[0], line[1], line[-1]) for line in lines] == [
        ("poll", "server", "-"),
        ("poll", "vs", "5x"),
        ("idle", "server", "-"),
        ("idle", "vs", "2x"),
        ("start", "server", "-"),
        ("start", "vs", "-"),
    ]


def test_every_line_has_as_many_cells_whatever_a_note_contains() -> None:
    noisy = measured("server", Result("poll", note="a | b\nc"))
    assert {len(line) for line in rows(to_markdown([noisy]))} == {11}


def test_the_json_has_all_that_was_found_and_what_it_was_found_with() -> None:
    document = json.loads(to_json([OURS, THEIRS], Sizes(polls=7)))
    assert document["sizes"]["polls"] == 7
    assert [each["command"] for each in document["servers"]] == ["run server", "run vs"]
    assert document["ratios"] == {"poll": 5.0, "idle": 2.0, "start": None}
    poll, idle, _ = document["servers"][0]["results"]
    assert poll == {
        "row": "poll",
        "operations": 1000,
        "failed": 2,
        "elapsed_seconds": 0.5,
        "cpu_seconds": 0.1,
        "p50_ms": 1.5,
        "p99_ms": 2.5,
        "figures": [],
        "note": "",
        "lost": 3,
        "doubled": 4,
        "cpu_us_per_operation": pytest.approx(100.0),
        "operations_per_second": 2000.0,
    }
    assert idle["figures"][0] == (
        {"name": "idle CPU", "value": 0.1, "unit": "%", "decides": True}
    )


def test_percentiles_are_samples_and_not_between_them() -> None:
    samples = [number / 1e3 for number in range(100, 0, -1)]
    assert percentile_ms(samples, 50) == pytest.approx(50)
    assert percentile_ms(samples, 99) == pytest.approx(99)
    assert percentile_ms([0.002], 99) == pytest.approx(2)
    assert percentile_ms([], 50) is None
