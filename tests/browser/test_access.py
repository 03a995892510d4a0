"""Accessibility: axe, the keyboard, narrow screens, large text."""

import pytest
from playwright.sync_api import expect

from support.axe import WIDTHS
from support.axe import check_accessibility as check
from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def add_activity(dashboard: Dashboard) -> None:
    """Create one of everything that the page can show."""
    relay = dashboard.relay
    claude = relay.agent("claude", capabilities="python, reviews")
    codex = relay.agent("codex")
    relay.agent("invited")
    relay.agent("scout", "old").say("over")
    relay.do("/admin/rooms/old/close")
    claude.say(
        "Hi **all**, `code` and\n\n```sh\nls\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    asked = claude.ask("Is it done?", "codex", to="codex")
    codex.say("It is. https://example.org/x", reply_to=asked, to="claude")
    open_question = codex.ask("Who can help?", "anyone")
    relay.agent("gemini").claim(open_question)
    relay.say("I am here.")
    relay.agent("writer", "docs").ask("Shall I?")
    claude.ask("Ship it?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_anywhere(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    add_activity(dashboard)
    dashboard.open()
    check(dashboard, "signed out")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(6)
    dashboard.css(".rooms .fold").click()
    for width in WIDTHS:
        dashboard.page.set_viewport_size({"width": width, "height": 900})
        dashboard.page.wait_for_timeout(100)
        check(dashboard, f"room at {width}")
    dashboard.page.set_viewport_size({"width": 1440, "height": 900})
    dashboard.agent_row("claude").click()
    check(dashboard, "one agent")
    dashboard.button("Answer").first.click()
    check(dashboard, "an answer in place")
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_role("tab", name="Sessions").click()
    expect(dashboard.css(".session-row")).to_have_count(1)
    check(dashboard, "drawer")
    dashboard.page.keyboard.press("Escape")
    dashboard.invite("agent")
    dashboard.css("form.access-form").get_by_label("Name").fill("newcomer")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".made")).to_be_visible()
    check(dashboard, "a new invite")
    dashboard.page.keyboard.press("Escape")
    dashboard.button("Keyboard").click()
    check(dashboard, "help")


def test_text_is_never_below_twelve_pixels(dashboard: Dashboard) -> None:
    add_activity(dashboard)
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(6)
    small = dashboard.page.evaluate(
        "[...document.querySelectorAll('body *')].filter((node) =>"
        " node.innerText?.trim() && parseFloat(getComputedStyle(node).fontSize) < 12)"
        ".map((node) => node.className)"
    )
    assert small == []


@pytest.mark.parametrize("width", [320, 640])
def test_nothing_sticks_out_of_a_narrow_screen(
    new_dashboard: NewDashboard, width: int
) -> None:
    """320 px is also a screen of 1280 px at 400 %, and 640 px one at 200 %."""
    dashboard = new_dashboard(viewport={"width": width, "height": 640})
    add_activity(dashboard)
    dashboard.relay.agent(
        "a-name-that-is-as-long-as-names-may-be-" + "x" * 25, "build"
    ).say("averyverylongwordwithoutanyspace" * 20)
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(7)
    wide = (
        "[document.documentElement, document.querySelector('.timeline'),"
        " document.querySelector('.head'), document.querySelector('.composer-foot'),"
        " document.querySelector('dialog')].filter((node) => node"
        " && node.scrollWidth > node.clientWidth).map((node) => node.className)"
    )
    assert dashboard.page.evaluate(wide) == []
    menu = dashboard.css(".menu-button")
    menu.click()
    expect(dashboard.css(".sidebar")).to_be_visible()
    assert dashboard.css(".sidebar-scroll").evaluate(
        "n => n.scrollWidth <= n.clientWidth"
    )
    dashboard.button("Relay settings").click()
    assert dashboard.page.evaluate(wide) == []
    dashboard.page.keyboard.press("Escape")
    dashboard.page.keyboard.press("Escape")
    dashboard.composer.fill("x" * 300)
    assert dashboard.page.evaluate(wide) == []
    expect(dashboard.button("Send")).to_be_in_viewport()


def test_the_page_has_landmarks_and_a_log(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in()
    for role, name in (
        ("complementary", "Inbox and rooms"),
        ("complementary", "People"),
        ("navigation", "Rooms"),
        ("main", "Conversation"),
        ("log", "Messages in build"),
    ):
        expect(dashboard.page.get_by_role(role, name=name)).to_have_count(1)  # type: ignore[arg-type]
    expect(dashboard.css("[role=log]")).to_have_attribute("aria-live", "polite")
    expect(dashboard.css("h1")).to_have_count(1)


def test_everything_can_be_done_from_the_keyboard(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    first, second = claude.say("one"), claude.say("two")
    third = claude.ask("three?")
    relay.room("other")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(3)
    press = dashboard.page.keyboard.press
    press("k")
    expect(dashboard.message(third)).to_be_focused()
    press("k")
    press("k")
    expect(dashboard.message(first)).to_be_focused()
    press("j")
    expect(dashboard.message(second)).to_be_focused()
    press("r")
    expect(dashboard.composer).to_be_focused()
    expect(dashboard.css(".replying")).to_contain_text("two")
    dashboard.page.keyboard.type("jk?")
    expect(dashboard.composer).to_have_value("jk?")
    press("Escape")
    expect(dashboard.css(".replying")).to_have_count(0)
    press("Escape")
    expect(dashboard.composer).not_to_be_focused()
    press("g")
    press("i")
    expect(dashboard.css("h1.channel-title")).to_have_text("Inbox")
    expect(dashboard.css(".waiting-open")).to_be_focused()
    press("g")
    press("r")
    expect(dashboard.room_row("build")).to_be_focused()
    press("ArrowDown")
    expect(dashboard.room_row("other")).to_be_focused()
    press("Enter")
    expect(dashboard.css("h1.channel-title")).to_have_text("other")
    press("c")
    expect(dashboard.composer).to_be_focused()
    press("Escape")
    press("?")
    expect(dashboard.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    press("Escape")
    expect(dashboard.css("dialog")).to_have_count(0)


def test_a_dialog_keeps_the_focus_and_gives_it_back(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    opener = dashboard.button("Invite to build")
    opener.focus()
    for _ in range(2):  # the menu, then its first item
        dashboard.page.keyboard.press("Enter")
    dialog = dashboard.page.get_by_role("dialog", name="Invite an agent")
    expect(dialog).to_be_visible()
    for _ in range(12):
        dashboard.page.keyboard.press("Tab")
        inside = dashboard.page.evaluate(
            "document.activeElement === document.body"
            " || !!document.activeElement.closest('dialog')"
        )
        assert inside
    dashboard.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_the_link_of_a_guest_is_ended_where_it_was_made(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    dashboard.invite("guest")
    dashboard.button("Create the guest link").click()
    expect(dashboard.css(".made-secret")).to_be_visible()
    assert len(dashboard.relay.admin("GET", "/admin/state").json["codes"]) == 1
    dashboard.button("End this link").click()
    dashboard.button("Yes, end this link").click()
    expect(dashboard.css(".notice")).to_contain_text("has ended.")
    expect(dashboard.css("dialog")).to_have_count(0)
    assert dashboard.relay.admin("GET", "/admin/state").json["codes"] == []
