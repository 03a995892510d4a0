"""What is there can be seen: whole, in its place, on every width of screen."""

import signal

import pytest
from playwright.sync_api import Locator, expect

from browser.conftest import NewDesk

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
    heights = desk.css("th").evaluate_all("all => all.map((n) => n.clientHeight)")
    assert max(heights) < 40
    assert desk.css(".timeline").evaluate("n => n.scrollWidth <= n.clientWidth")
