import pytest

from bench.goals import (
    FIGURE_GOALS,
    ORIGINAL_GOALS,
    FigureGoal,
    Goal,
    RatioGoal,
    Verdict,
    goals_against_commit,
    ratio,
    ratios,
)
from bench.result import Result, Spread
from bench.rows import ROWS


def cost(cpu_us: float | None) -> Result:
    if cpu_us is None:
        return Result("poll", note="not measured: it died")
    return Result("poll", 1_000, cpu_seconds=cpu_us / 1_000)


def test_a_ratio_says_how_many_times_the_other_costs() -> None:
    assert ratio(cost(100), cost(250)) == pytest.approx(2.5)


@pytest.mark.parametrize(("first", "other"), [(None, 1), (1, None), (0, 1)])
def test_there_is_no_ratio_without_both_costs(
    first: float | None, other: float | None
) -> None:
    assert ratio(cost(first), cost(other)) is None


def test_ratios_compare_turns_of_the_same_round() -> None:
    # The machine was twice as slow in the second round: the ratio does not change.
    ours, others = [cost(100), cost(200), cost(100)], [cost(300), cost(600), cost(310)]
    spread = ratios(ours, others)
    assert spread is not None
    assert spread.median == pytest.approx(3)
    assert spread.least == pytest.approx(3)
    assert spread.most == pytest.approx(3.1)


def test_a_round_with_one_cost_missing_has_no_ratio() -> None:
    assert ratios([cost(100), cost(None)], [cost(200), cost(300)]) == Spread(2, 2, 2)
    assert ratios([cost(None)], [cost(300)]) is None


def test_a_ratio_goal_is_judged_by_the_median() -> None:
    goal = RatioGoal("poll", 3.0)
    assert goal.verdict(Spread(3.0, 1.0, 4.0)) is Verdict.MET
    assert goal.verdict(Spread(2.99, 2.0, 9.0)) is Verdict.UNMET
    assert goal.verdict(None) is Verdict.UNKNOWN


def test_a_figure_goal_is_a_limit() -> None:
    goal = FigureGoal("parked", "memory", 12)
    assert goal.verdict(Spread(12.0, 11.0, 13.0)) is Verdict.MET
    assert goal.verdict(Spread(12.1, 11.0, 13.0)) is Verdict.UNMET
    assert goal.verdict(None) is Verdict.UNKNOWN


def test_another_commit_allows_each_row_five_percent() -> None:
    (goal,) = goals_against_commit(["poll"])
    assert goal.verdict(Spread(1 / 1.049, 1, 1)) is Verdict.MET
    assert goal.verdict(Spread(1 / 1.051, 1, 1)) is Verdict.UNMET


def test_every_goal_is_one_of_a_row_that_exists() -> None:
    names = {row.name for row in ROWS}
    goals: tuple[Goal, ...] = FIGURE_GOALS + ORIGINAL_GOALS
    assert {goal.row for goal in goals} <= names
