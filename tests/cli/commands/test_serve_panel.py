"""The status panel of `up`, and its use of the terminal."""

import errno
import io
import logging
import os

import pytest
import trio
import trio.testing

from argybargy.cli.commands.serve_panel import Pace, draw, show_panel
from argybargy.cli.terminal.live_lines import LiveLines
from argybargy.cli.terminal.output import Span
from argybargy.serve.status import RelayStatus
from argybargy.serve.tunnel.tunnel import TunnelState, TunnelStatus
from support.terminal_screen import Screen

URL = "http://127.0.0.1:8765"


def text_of(seen: RelayStatus, per_minute: int = 0) -> list[str]:
    return ["".join(span.text for span in line) for line in draw(seen, per_minute)]


def live(columns: int = 80, rows: int = 24) -> tuple[LiveLines, io.StringIO]:
    stream = io.StringIO()
    return LiveLines(stream, lambda: os.terminal_size((columns, rows))), stream


def shown(stream: io.StringIO) -> list[str]:
    screen = Screen(80)
    screen.feed(stream.getvalue())
    return screen.text().split("\n")


def test_the_panel_shows_the_state_of_the_relay() -> None:
    status = TunnelStatus(TunnelState.UP, "https://a.trycloudflare.com")
    seen = RelayStatus(
        "https://a.trycloudflare.com", status, rooms=3, online=4, parked=2,
        said=90, questions=2, longest_wait_seconds=185,
    )  # fmt: skip
    assert text_of(seen, 12) == [
        "",
        "  tunnel    up",
        "  address   https://a.trycloudflare.com",
        "  rooms     3 open",
        "  agents    4 online, 2 polls parked",
        "  messages  12 in the last minute",
        "  waiting   2 questions, for up to 3m: argybargy waiting",
    ]


def test_without_a_tunnel_the_panel_has_no_tunnel_row() -> None:
    assert text_of(RelayStatus(URL))[1] == f"  address   {URL}"
    assert text_of(RelayStatus(URL))[-1] == "  waiting   no open question"
    assert "1 question, for up to" in text_of(RelayStatus(URL, questions=1))[-1]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (TunnelStatus(TunnelState.STARTING), "opening"),
        (
            TunnelStatus(TunnelState.DOWN, None, "it ended", 11.6),
            "down, retry within 12 s: it ended",
        ),
    ],
)
def test_the_panel_shows_the_state_of_the_tunnel(
    status: TunnelStatus, text: str
) -> None:
    assert text_of(RelayStatus(URL, status))[1] == f"  tunnel    {text}"


def test_the_pace_is_that_of_the_last_minute() -> None:
    pace = Pace()
    assert pace.measure(0, 100) == 0
    assert pace.measure(30, 110) == 10
    assert pace.measure(60, 115) == 15
    assert pace.measure(61, 116) == 6
    assert pace.measure(1_000, 116) == 0


def test_lines_are_redrawn_in_place_and_cleared() -> None:
    lines, stream = live()
    stream.write("before\n")
    lines.show([(Span("one"),), (Span("two"),)])
    lines.show([(Span("three"),)])
    assert shown(stream) == ["before", "three", ""]
    lines.write("logged\n")
    assert shown(stream) == ["before", "logged", "three", ""]
    lines.clear()
    assert shown(stream) == ["before", "logged", ""]


def test_lines_are_cut_to_the_terminal() -> None:
    lines, stream = live(columns=10, rows=3)
    lines.show([(Span("x" * 8), Span("yyyy")), (Span("é"),), (Span("no room"),)])
    assert stream.getvalue() == "xxxxxxxxy\n?\n"


async def test_the_panel_is_redrawn_once_a_second_and_cleared(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lines, stream = live()
    looks = []

    def look() -> RelayStatus:
        looks.append(trio.current_time())
        return RelayStatus(URL, said=len(looks))

    with trio.move_on_after(2.5):
        await show_panel(lines, look)
    assert [round(each - looks[0]) for each in looks] == [0, 1, 2]
    assert "2 in the last minute" in stream.getvalue()
    assert shown(stream) == [""]


async def test_logs_are_written_above_the_panel(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lines, stream = live()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with trio.move_on_after(1.5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(show_panel, lines, lambda: RelayStatus(URL))
                await trio.sleep(0.5)
                root.warning("heard")
                assert shown(stream)[0] == "heard"
                assert shown(stream)[2] == f"  address   {URL}"
        assert handler.stream is stream
        assert shown(stream) == ["heard", ""]
    finally:
        root.removeHandler(handler)


class Gone(io.StringIO):
    """A terminal that has been closed."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, "gone")


async def test_a_closed_terminal_ends_only_the_panel(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lines = LiveLines(Gone(), lambda: os.terminal_size((80, 24)))
    with trio.fail_after(5):
        await show_panel(lines, lambda: RelayStatus(URL))


@pytest.mark.skipif(os.name != "posix", reason="pipes are asked by poll")
def test_a_stopped_terminal_does_not_block_the_panel() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    size = os.write(writer, b"x" * 10_000_000)
    os.set_blocking(writer, True)
    with os.fdopen(writer, "w") as stream:
        lines = LiveLines(stream, lambda: os.terminal_size((80, 24)))
        lines.show([(Span("never"),)])
        while size:
            size -= len(os.read(reader, size))
        lines.show([(Span("now"),)])
    assert os.read(reader, 1_000) == b"now\n"
    os.close(reader)
