"""Colours of names on a terminal."""

import pytest

from argybargy.cli.terminal.name_colours import MARKS, PALETTE, NameColours

NAMES = [f"agent-{number}" for number in range(len(PALETTE))]


def test_a_name_has_the_same_colour_in_every_run_and_spelling() -> None:
    assert NameColours().colour("Alice") == NameColours().colour("alice") == PALETTE[11]


def test_as_many_names_as_colours_differ() -> None:
    colours = NameColours()
    assert len({colours.colour(name) for name in NAMES}) == len(PALETTE)
    assert colours.colour("one more") in PALETTE


def _luminance(number: int) -> float:
    levels = (0, 95, 135, 175, 215, 255)
    place = number - 16
    shares = [levels[place // 36], levels[place // 6 % 6], levels[place % 6]]
    red, green, blue = (
        share / 255 / 12.92 if share <= 10 else ((share / 255 + 0.055) / 1.055) ** 2.4
        for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("number", [*PALETTE, MARKS])
def test_a_colour_is_readable_on_black_and_on_white(number: int) -> None:
    luminance = _luminance(number)
    assert 1.05 / (luminance + 0.05) >= 3.9
    assert (luminance + 0.05) / 0.05 >= 3.9


def test_the_marks_have_a_colour_of_their_own() -> None:
    assert len({*PALETTE, MARKS}) == len(PALETTE) + 1
