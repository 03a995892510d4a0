import pytest

from bench.ledger import Tally
from bench.result import Figure, Result, Spread, combine


def test_a_spread_has_the_median_of_what_is_known() -> None:
    assert Spread.of([5.0, None, 3.0, 4.0]) == Spread(4.0, 3.0, 5.0)
    assert Spread.of([None]) is None


def test_rounds_are_combined_by_their_medians() -> None:
    rounds = [
        Result("poll", 100, 0, 1.0, 0.010, 1.0, 5.0),
        Result("poll", 100, 0, 2.0, 0.030, 3.0, 9.0),
        Result("poll", 200, 0, 1.0, 0.040, 2.0, 6.0),
    ]
    whole = combine(rounds)
    assert whole.operations == 100
    assert whole.cpu_us_per_operation == pytest.approx(200)
    assert whole.operations_per_second == pytest.approx(100)
    assert (whole.p50_ms, whole.p99_ms) == (2.0, 6.0)


def test_no_round_hides_a_loss_or_a_count() -> None:
    def found(lost: int, late: int, others: float) -> Result:
        late_figure = Figure("late", late, adds_up=True)
        return Result(
            "burst",
            10,
            1,
            tally=Tally(lost, 1),
            figures=(late_figure, Figure("memory", late)),
            others=others,
        )

    whole = combine([found(0, 0, 0.1), found(7, 2, 0.9), found(0, 0, 0.2)])
    assert (whole.tally, whole.failed) == (Tally(7, 3), 3)
    assert (whole.figure("late"), whole.figure("memory")) == (2, 0)
    assert whole.others == 0.9


def test_a_round_that_was_not_measured_is_told_and_left_out_of_the_medians() -> None:
    good = Result("poll", 100, cpu_seconds=0.01, figures=(Figure("x", 4),))
    whole = combine([Result("poll", note="not measured: it died"), good, good])
    assert whole.cpu_us_per_operation == pytest.approx(100)
    assert whole.figure("x") == 4
    assert whole.note == "not measured: it died (1 of 3 rounds)"


def test_a_row_that_was_never_measured_keeps_its_reason() -> None:
    none = Result("idle", note="skipped: the process is not known")
    assert combine([none, none]) == none


def test_the_cost_is_the_deciding_figure_or_else_the_cpu_time() -> None:
    result = Result("start", 2, cpu_seconds=0.5, figures=(Figure("x", 1),))
    assert result.deciding == pytest.approx(250_000)
    by_figure = Result("start", 2, figures=(Figure("start", 580, decides=True),))
    assert by_figure.deciding == 580
