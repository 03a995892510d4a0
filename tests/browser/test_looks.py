"""What is there can be seen: whole, in its place, on every width of screen."""

import signal

import pytest
from playwright.sync_api import Locator, expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 812}
TABLET = {"width": 768, "height": 1024}
SMALL = pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
TABLE = (
    "| file | before | after | note |\n|---|--:|:-:|---|\n"
    "| parser.py | 312 ms | 187 ms | table-driven, with a rather long remark |"
)


def is_whole(thing: Locator) -> None:
    """Fail unless a thing is within the screen and all of its text within it."""
    expect(thing).to_be_in_viewport(ratio=0.99)
    assert thing.evaluate("node => node.scrollWidth <= node.clientWidth + 1")


@pytest.mark.parametrize("mode", ["offline", "polling"])
def test_a_phone_says_that_the_connection_is_bad(new_desk: NewDesk, mode: str) -> None:
    desk = new_desk(viewport=PHONE)
    desk.relay.room("build")
    if mode == "polling":
        desk.page.route("**/admin/stream", lambda route: route.fulfill(status=404))
        code = desk.relay.do("/admin/sign-in")["code"]
        desk.open(f"?room=build#code={code}")
    else:
        desk.sign_in("?room=build")
        desk.relay.stop(signal.SIGTERM)
    trouble = desk.css(".head .connection")
    expect(trouble).to_contain_text(mode)
    is_whole(trouble)


def test_a_tablet_keeps_its_name_beside_a_bad_connection(new_desk: NewDesk) -> None:
    desk = new_desk(viewport=TABLET)
    desk.relay.room("build")
    desk.sign_in()
    size = desk.css(".brand > svg").bounding_box()
    desk.relay.stop(signal.SIGTERM)
    expect(desk.css(".brand .connection")).to_contain_text("offline")
    is_whole(desk.css(".brand"))
    assert desk.css(".brand > svg").bounding_box() == size


def test_the_forms_of_a_phone_are_within_it(new_desk: NewDesk) -> None:
    desk = new_desk(viewport=PHONE)
    desk.open()
    desk.button("Paste admin token").click()
    is_whole(desk.css("dialog"))
    is_whole(desk.css("dialog form"))
    desk.sign_in()
    is_whole(desk.css(".welcome"))
    is_whole(desk.css(".room-form"))


@SMALL
def test_the_foot_of_the_composer_has_room_for_all(
    new_desk: NewDesk, size: dict[str, int]
) -> None:
    desk = new_desk(viewport=size)
    desk.relay.room("build")
    desk.sign_in()
    is_whole(desk.css("button.choice"))
    box = desk.css(".send").bounding_box()
    assert box is not None
    assert box["width"] >= 34


@SMALL
def test_a_table_scrolls_rather_than_break_its_words(
    new_desk: NewDesk, size: dict[str, int]
) -> None:
    desk = new_desk(viewport=size)
    desk.relay.agent("claude").say(TABLE)
    desk.sign_in()
    expect(desk.css("th")).to_have_count(4)
    heights = desk.css("th").evaluate_all("all => all.map((n) => n.clientHeight)")
    assert max(heights) < 40
    assert desk.css(".timeline").evaluate("n => n.scrollWidth <= n.clientWidth")


def test_an_empty_relay_has_its_search_at_the_edge(desk: Desk) -> None:
    desk.sign_in()
    box = desk.css(".search-button").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] > 1280 - 20


def test_a_phone_tells_a_closed_room_by_its_lock(new_desk: NewDesk) -> None:
    desk = new_desk(viewport=PHONE)
    desk.relay.agent("claude", "old").say("over")
    desk.relay.do("/admin/rooms/old/close")
    desk.sign_in("?room=old")
    expect(desk.css(".head-icon.is-closed")).to_be_visible()


def test_a_phone_names_the_agent_that_it_shows(new_desk: NewDesk) -> None:
    desk = new_desk(viewport=PHONE)
    desk.relay.agent("gemini-cli").say("here")
    desk.sign_in("?room=build&with=gemini-cli")
    is_whole(desk.css("h1.channel-title"))
    expect(desk.css("h1.channel-title")).to_have_text("gemini-cli")


@SMALL
def test_long_names_leave_a_badge_on_one_line(
    new_desk: NewDesk, size: dict[str, int]
) -> None:
    desk = new_desk(viewport=size)
    relay = desk.relay
    long = relay.agent("night-shift-regression-runner-on-the-build-farm-in-frankfurt")
    asked = relay.agent("claude").ask("Who?", "anyone")
    long.claim(asked)
    desk.sign_in("?room=build")
    badge = desk.message(asked).locator(".badge")
    box = badge.bounding_box()
    assert box is not None
    assert box["height"] < 30
    is_whole(badge)
    is_whole(desk.css(".head"))


def test_a_notice_covers_neither_the_last_words_nor_the_composer(
    new_desk: NewDesk,
) -> None:
    desk = new_desk(viewport=PHONE)
    desk.relay.agent("claude").say_all(f"line {number}" for number in range(40))
    desk.sign_in("?room=nowhere")
    notice = desk.css(".notice").bounding_box()
    last = desk.css(".msg").last.bounding_box()
    assert notice is not None
    assert last is not None
    assert notice["y"] + notice["height"] < last["y"]


def test_many_questions_leave_room_for_the_rooms(desk: Desk) -> None:
    claude = desk.relay.agent("claude")
    for number in range(9):
        claude.ask(f"Question {number}?")
    desk.sign_in()
    expect(desk.css(".waiting-row")).to_have_count(9)
    expect(desk.room_row("build")).to_be_in_viewport()
    desk.css(".waiting-open").last.focus()
    expect(desk.css(".waiting-row").last).to_be_in_viewport()


def test_a_quote_keeps_its_distance(desk: Desk) -> None:
    desk.relay.agent("claude").say("before\n\n> quoted\n\nafter")
    desk.sign_in()
    expect(desk.css("blockquote")).to_be_visible()
    tops = desk.css(".prose > * + *").evaluate_all(
        "all => all.map((n) => n.offsetTop - n.previousSibling.offsetTop"
        " - n.previousSibling.offsetHeight)"
    )
    assert min(tops) >= 5


def test_a_command_to_copy_is_seen_whole(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.button("Add an agent to build").click()
    desk.css("form.mint").get_by_label("Name").fill("shell")
    desk.button("Mint a key").click()
    expect(desk.css(".copy-block")).to_have_count(2)
    for block in desk.css(".copy-block").all():
        pre, button = (block.locator(each).bounding_box() for each in ("pre", ".copy"))
        assert pre is not None
        assert button is not None
        assert button["y"] + button["height"] <= pre["y"]


CONTRASTS = """() => {
  const rgb = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => rgb(colour).map((each) => each / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  return Array.from({ length: 10 }, (_, hue) => {
    const node = document.createElement("span");
    node.className = `to hue-${hue}`;
    document.body.append(node);
    const { color, backgroundColor } = getComputedStyle(node);
    const [low, high] = [light(color), light(backgroundColor)].sort((a, b) => a - b);
    return [color, (high + 0.05) / (low + 0.05)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_hue_can_be_told_and_read(new_desk: NewDesk, scheme: str) -> None:
    found = new_desk(color_scheme=scheme).open().page.evaluate(CONTRASTS)
    assert len({colour for colour, _ in found}) == 10
    assert min(contrast for _, contrast in found) >= 4.5
