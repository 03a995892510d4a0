"""Layout: elements are fully visible and in place at every screen width."""

import base64
import signal

import pytest
from playwright.sync_api import Browser, Locator, expect

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


def test_a_tablet_shows_all_that_a_question_offers(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=TABLET)
    dashboard.relay.agent("claude").ask("May I?", to="operator")
    dashboard.sign_in()
    card = dashboard.css(".sidebar .waiting-row")
    expect(card).to_contain_text("No answer needed")
    inside = card.evaluate(
        "card => [...card.querySelectorAll('button')].every((button) => "
        "button.getBoundingClientRect().right <= card.getBoundingClientRect().right)"
    )
    assert inside


def test_forms_fit_a_phone(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.open()
    dashboard.button("Paste a link or token").click()
    assert_fully_visible(dashboard.css("dialog"))
    assert_fully_visible(dashboard.css("dialog form"))
    dashboard.sign_in()
    assert_fully_visible(dashboard.css(".welcome"))
    assert_fully_visible(dashboard.css(".room-form"))


def test_a_touch_screen_has_no_hints_of_keys(new_dashboard: NewDashboard) -> None:
    """But the switcher, behind an icon."""
    desk, phone = (
        new_dashboard(),
        new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True),
    )
    desk.relay.room("build")
    for dashboard, is_desk in ((desk, True), (phone, False)):
        dashboard.sign_in()
        if not is_desk:
            dashboard.button("Menu").click()
        switch = dashboard.button("Go to")
        expect(switch.locator("kbd")).to_be_visible(visible=is_desk)
        expect(switch.locator(".icon")).to_be_visible(visible=not is_desk)
        expect(switch.get_by_text("Go to")).to_be_visible(visible=not is_desk)
        expect(dashboard.css(".help-button")).to_be_visible(visible=is_desk)
        switch.click()
        expect(dashboard.css("dialog.switcher")).to_be_visible()


INK = """async (encoded) => {
    const image = new Image();
    image.src = `data:image/png;base64,${encoded}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    const isInk = (x, y) => {
        const at = 4 * (y * image.width + x);
        return data[at] + data[at + 1] + data[at + 2] < 500;
    };
    const columns = [...Array(image.width - 80).keys()].map((x) => x + 40);
    const rows = [...Array(image.height).keys()];
    const inked = rows.filter((y) => columns.some((x) => isInk(x, y)));
    return (inked[0] + inked.at(-1) + 1) / 2 - image.height / 2;
}"""
"""How far the middle of what is written is below that of a picture."""


def test_the_text_of_a_button_is_in_its_middle_on_a_touch_screen(
    new_dashboard: NewDashboard, chromium: Browser
) -> None:
    scale = 4
    dashboard = new_dashboard(
        viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=scale
    )
    dashboard.relay.agent("bob")
    dashboard.sign_in()
    dashboard.button("Menu").click()
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_role("tab", name="Codes").click()
    blank = chromium.new_page()
    for name in ("New code", "Rotate", "Revoke"):
        picture = base64.b64encode(dashboard.button(name).screenshot()).decode()
        assert abs(blank.evaluate(INK, picture)) <= scale, name
    blank.close()


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


def test_a_phone_tells_a_closed_room_by_a_word(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.agent("claude", "old").say("over")
    dashboard.relay.do("/admin/rooms/old/close")
    dashboard.sign_in("?room=old")
    expect(dashboard.css(".head .room-closed")).to_be_visible()


@pytest.mark.parametrize(
    "room", ["checkout-refactor", "quarterly-refactor-of-the-checkout"]
)
def test_a_phone_shows_a_long_name_whole_and_the_count_beside_the_menu(
    new_dashboard: NewDashboard, room: str
) -> None:
    dashboard = new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True)
    dashboard.relay.agent("claude", room).ask("Ship it?")
    dashboard.sign_in(f"?room={room}")
    title = dashboard.css("h1.channel-title")
    expect(title).to_have_text(room)
    assert title.evaluate("node => node.scrollHeight <= node.clientHeight + 1")
    assert title.evaluate("node => node.scrollWidth <= node.clientWidth")
    icon = dashboard.css(".menu-button .icon").bounding_box()
    count = dashboard.css(".menu-button .count").bounding_box()
    assert icon is not None
    assert count is not None
    assert icon["x"] + icon["width"] <= count["x"]


def test_the_tabs_of_the_settings_are_one_row_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True)
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.button("Menu").click()
    dashboard.button("Relay settings").click()
    tabs = dashboard.page.get_by_role("tab")
    expect(tabs).to_have_count(7)
    assert len({box["y"] for tab in tabs.all() if (box := tab.bounding_box())}) == 1
    tabs.first.focus()
    selected = dashboard.css('[role=tab][aria-selected="true"]')
    for name in ("Codes", "Invites", "Guests", "Sessions", "Audit", "Danger"):
        dashboard.page.keyboard.press("ArrowRight")
        expect(selected).to_have_text(name)
        expect(selected).to_be_in_viewport(ratio=1)


def test_the_actions_of_a_message_cover_neither_its_text_nor_the_one_above(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("A line that is long. " * 20)
    seq = relay.agent("codex").say("Another line that is long. " * 20)
    dashboard.sign_in()
    dashboard.message(seq).hover()
    bar = dashboard.message(seq).locator(".msg-actions").bounding_box()
    above = dashboard.message(seq - 1).locator(".prose").bounding_box()
    text = dashboard.message(seq).locator(".prose").bounding_box()
    assert bar is not None
    assert above is not None
    assert text is not None
    assert above["y"] + above["height"] <= bar["y"]
    # The first line has some pixels above its letters.
    assert bar["y"] + bar["height"] <= text["y"] + 4


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
    below = dashboard.css(".composer").bounding_box()
    assert notice is not None
    assert last is not None
    assert below is not None
    assert notice["y"] + notice["height"] <= last["y"]
    expect(dashboard.css(".notice")).to_have_count(0, timeout=15_000)
    assert dashboard.css(".composer").bounding_box() == below


def test_a_notice_goes_away_when_a_dialog_opens(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?room=nowhere")
    expect(dashboard.css(".notice")).to_be_visible()
    dashboard.button("Close room").click()
    expect(dashboard.css("dialog")).to_be_visible()
    expect(dashboard.css(".notice")).to_have_count(0)


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
    dashboard.invite("agent")
    dashboard.css("form.access-form").get_by_label("Name").fill("shell")
    dashboard.button("Create the invite").click()
    dashboard.css(".other-ways summary").click()
    steps = dashboard.css(".made-steps .copy-block")
    expect(steps).to_have_count(4)
    for block in steps.all():
        pre, button = (block.locator(each).bounding_box() for each in ("pre", ".copy"))
        assert pre is not None
        assert button is not None
        assert button["y"] + button["height"] <= pre["y"]
