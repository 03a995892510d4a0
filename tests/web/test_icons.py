"""The committed icons are those that `support.draw_icons` draws from icon.svg."""

import pytest

from support.draw_icons import FAVICON, FOLDER, ICONS, Icon, decode_png, draw

SVG = (FOLDER / "icon.svg").read_text()
HINT = "run: uv run python tests/support/draw_icons.py"
BLUE, GOLD = (0x4A, 0x5F, 0xD0), (0xE0, 0x95, 0x2D)


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_is_drawn_from_the_picture(name: str) -> None:
    # Pixels, since the compressed bytes depend on the version of zlib.
    assert decode_png((FOLDER / name).read_bytes()) == draw(ICONS[name], SVG), HINT


def test_the_favicon_is_drawn_from_the_picture() -> None:
    png = (FOLDER / "favicon.ico").read_bytes()[22:]
    assert decode_png(png) == draw(FAVICON, SVG), HINT


def pixel(rows: list[bytes], x: int, y: int, size: int) -> tuple[int, ...]:
    step = len(rows[0]) // size
    return tuple(rows[y][x * step : (x + 1) * step])


def test_both_bubbles_are_where_the_picture_has_them() -> None:
    rows = draw(Icon(32), SVG)
    assert pixel(rows, 12, 10, 32) == (*BLUE, 255)
    assert pixel(rows, 28, 20, 32) == (*GOLD, 255)
    for x, y in ((0, 0), (31, 0), (0, 31), (31, 31), (18, 19)):
        assert pixel(rows, x, y, 32)[3] == 0


def test_what_a_launcher_may_cut_off_a_maskable_icon_is_background() -> None:
    name = "icon-maskable-512.png"
    icon = ICONS[name]
    rows = decode_png((FOLDER / name).read_bytes())
    radius = 0.4 * icon.size
    outside = {
        pixel(rows, x, y, icon.size)
        for x in range(0, icon.size, 3)
        for y in range(0, icon.size, 3)
        if (x - icon.size / 2) ** 2 + (y - icon.size / 2) ** 2 > radius**2
    }
    assert outside == {icon.ground}
