"""Layout: elements are fully visible and in place at every screen width."""

import signal

import pytest
from playwright.sync_api import Locator, expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 812}
TABLET = {"width": 768, "height": 1024}
SMALL = pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
TABLE = (
    "| file | before | after | note |\n|---|--:|:-:|---|\n"
    "| parser.py | 312 ms | 187 ms | table-driven, with a rather long remark |"
)


def assert_fully_visible(thing: Locator) -> None:
    """Fail unless an element is within the viewport and its text is not clipped."""
    expect(thing).to_be_in_viewport(ratio=0.99)
    assert thing.evaluate("node => node.scrollWidth <= node.clientWidth + 1")


@pytest.mark.parametrize("mode", ["offline", "polling"])
def test_a_phone_shows_a_bad_connection(new_dashboard: NewDashboard, mode: str) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.room("build")
    if mode == "polling":
        dashboard.page.route("**/admin/stream", lambda route: route.fulfill(status=404))
        code = dashboard.relay.do("/admin/sign-in")["code"]
        dashboard.open(f"?room=build#code={code}")
    else:
        dashboard.sign_in("?room=build")
        dashboard.relay.stop(signal.SIGTERM)
    trouble = dashboard.css(".head .connection")
    expect(trouble).to_contain_text(mode)
    assert_fully_visible(trouble)


def test_a_tablet_keeps_its_name_beside_a_bad_connection(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=TABLET)
    dashboard.relay.room("build")
    dashboard.sign_in()
    size = dashboard.css(".brand > svg").bounding_box()
    dashboard.relay.stop(signal.SIGTERM)
    expect(dashboard.css(".brand .connection")).to_contain_text("offline")
    assert_fully_visible(dashboard.css(".brand"))
    assert dashboard.css(".brand > svg").bounding_box() == size


def test_forms_fit_a_phone(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.open()
    dashboard.button("Paste admin token").click()
    assert_fully_visible(dashboard.css("dialog"))
    assert_fully_visible(dashboard.css("dialog form"))
    dashboard.sign_in()
    assert_fully_visible(dashboard.css(".welcome"))
    assert_fully_visible(dashboard.css(".room-form"))


@SMALL
def test_the_composer_s_controls_fit(
    new_dashboard: NewDashboard, size: dict[str, int]
) -> None:
    dashboard = new_dashboard(viewport=size)
    dashboard.relay.room("build")
    dashboard.sign_in()
    assert_fully_visible(dashboard.css("button.choice"))
    box = dashboard.css(".send").bounding_box()
    assert box is not None
    assert box["width"] >= 34


@SMALL
def test_a_wide_table_scrolls_instead_of_breaking_words(
    new_dashboard: NewDashboard, size: dict[str, int]
) -> None:
    dashboard = new_dashboard(viewport=size)
    dashboard.relay.agent("claude").say(TABLE)
    dashboard.sign_in()
    expect(dashboard.css("th")).to_have_count(4)
    heights = dashboard.css("th").evaluate_all("all => all.map((n) => n.clientHeight)")
    assert max(heights) < 40
    assert dashboard.css(".timeline").evaluate("n => n.scrollWidth <= n.clientWidth")


def test_an_empty_relay_has_its_search_at_the_edge(dashboard: Dashboard) -> None:
    dashboard.sign_in()
    box = dashboard.css(".search-button").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] > 1280 - 20


def test_a_phone_tells_a_closed_room_by_its_lock(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.agent("claude", "old").say("over")
    dashboard.relay.do("/admin/rooms/old/close")
    dashboard.sign_in("?room=old")
    expect(dashboard.css(".head-icon.is-closed")).to_be_visible()


def test_a_phone_names_the_agent_that_it_shows(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.agent("gemini-cli").say("here")
    dashboard.sign_in("?room=build&with=gemini-cli")
    assert_fully_visible(dashboard.css("h1.channel-title"))
    expect(dashboard.css("h1.channel-title")).to_have_text("gemini-cli")


@SMALL
def test_long_names_leave_a_badge_on_one_line(
    new_dashboard: NewDashboard, size: dict[str, int]
) -> None:
    dashboard = new_dashboard(viewport=size)
    relay = dashboard.relay
    long = relay.agent("night-shift-regression-runner-on-the-build-farm-in-frankfurt")
    asked = relay.agent("claude").ask("Who?", "anyone")
    long.claim(asked)
    dashboard.sign_in("?room=build")
    badge = dashboard.message(asked).locator(".badge")
    box = badge.bounding_box()
    assert box is not None
    assert box["height"] < 30
    assert_fully_visible(badge)
    assert_fully_visible(dashboard.css(".head"))


def test_a_notice_covers_neither_the_last_words_nor_the_composer(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.agent("claude").say_all(f"line {number}" for number in range(40))
    dashboard.sign_in("?room=nowhere")
    notice = dashboard.css(".notice").bounding_box()
    last = dashboard.css(".msg").last.bounding_box()
    assert notice is not None
    assert last is not None
    below = dashboard.css(".composer").bounding_box()
    assert below is not None
    assert last["y"] + last["height"] <= below["y"]
    assert below["y"] + below["height"] <= notice["y"]
    assert notice["y"] + notice["height"] <= PHONE["height"]


def test_many_questions_leave_the_rooms_visible(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(9):
        claude.ask(f"Question {number}?")
    dashboard.sign_in()
    expect(dashboard.room_row("build")).to_be_in_viewport()
    dashboard.button("6 more").click()
    expect(dashboard.css(".waiting-row")).to_have_count(9)
    expect(dashboard.room_row("build")).to_be_in_viewport()
    dashboard.css(".waiting-open").last.focus()
    expect(dashboard.css(".waiting-row").last).to_be_in_viewport()


def test_a_blockquote_has_margins(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").say("before\n\n> quoted\n\nafter")
    dashboard.sign_in()
    expect(dashboard.css("blockquote")).to_be_visible()
    tops = dashboard.css(".prose > * + *").evaluate_all(
        "all => all.map((n) => n.offsetTop - n.previousSibling.offsetTop"
        " - n.previousSibling.offsetHeight)"
    )
    assert min(tops) >= 5


def test_a_copy_button_does_not_cover_its_command(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.button("Add an agent to build").click()
    dashboard.css("form.access-form").get_by_label("Name").fill("shell")
    dashboard.button("Create the invite").click()
    expect(dashboard.css(".copy-block")).to_have_count(4)
    for block in dashboard.css(".copy-block").all():
        pre, button = (block.locator(each).bounding_box() for each in ("pre", ".copy"))
        assert pre is not None
        assert button is not None
        assert button["y"] + button["height"] <= pre["y"]
