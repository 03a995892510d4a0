"""The page's layout, header and focus: D10 to D13, D15 to D17, D48, D50."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 740}


def width_of(dashboard: Dashboard, selector: str) -> float:
    box = dashboard.css(selector).bounding_box()
    assert box is not None
    return box["width"]


def test_a_sidebar_a_conversation_and_a_drawer(dashboard: Dashboard) -> None:
    """D10, D11, D12: the drawer lies over the page, which scrolls inside only."""
    dashboard.relay.agent("claude").ask("Well?")
    dashboard.relay.agent("quiet")
    dashboard.relay.room("old")
    dashboard.relay.do("/admin/rooms/old/close")
    dashboard.sign_in()
    assert 250 <= width_of(dashboard, ".sidebar") <= 300
    expect(dashboard.css(".wordmark")).to_have_text("argybargy")
    expect(dashboard.css(".rooms .fold")).to_have_count(1)
    expect(dashboard.css(".roster .fold")).to_have_count(1)
    order = dashboard.page.evaluate(
        "[...document.querySelectorAll('.inbox, .rooms, .rooms .fold, .roster, "
        ".roster .fold')].map((node) => node.className)"
    )
    assert order == ["inbox", "rooms", "fold", "roster", "fold"]
    expect(dashboard.css(".sidebar .roster")).to_have_count(0)
    dashboard.button("Relay settings").click()
    assert width_of(dashboard, "dialog.drawer") <= 640
    root = dashboard.page.evaluate(
        "document.documentElement.scrollHeight <= innerHeight"
    )
    assert root
    assert dashboard.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_connection_status_is_shown(dashboard: Dashboard) -> None:
    """D11. Words beside it, since a colour alone says little."""
    dashboard.relay.room("build")
    dashboard.open()
    expect(dashboard.css(".brand .connection")).to_have_text("idle")
    dashboard.sign_in()
    dot = dashboard.css(".brand .connection")
    expect(dot).to_have_class(re.compile("is-live"))
    assert "Relay reachable" in (dot.get_attribute("title") or "")


def test_reduced_motion_is_honoured_and_focus_is_visible(
    new_dashboard: NewDashboard,
) -> None:
    """D15, D16."""
    dashboard = new_dashboard(reduced_motion="reduce")
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in()
    moving = dashboard.page.evaluate(
        "[...document.querySelectorAll('*')].filter((node) => {"
        " const style = getComputedStyle(node);"
        " return style.animationName !== 'none' || style.transitionDuration !== '0s';"
        "}).length"
    )
    assert moving == 0
    dashboard.page.keyboard.press("Tab")
    focused = dashboard.page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle"
    )
    assert focused == "solid"
    icons = dashboard.css("svg:not([role=img])")
    assert all(icon.get_attribute("aria-hidden") == "true" for icon in icons.all())


def test_a_phone_has_the_sidebar_behind_a_menu(new_dashboard: NewDashboard) -> None:
    """D17."""
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.agent("claude").ask("Well?")
    dashboard.relay.room("other")
    dashboard.sign_in("?room=build")
    menu = dashboard.page.get_by_role("button", name="Menu, 1 question to you")
    expect(dashboard.css(".sidebar")).to_be_hidden()
    menu.click()
    expect(dashboard.css(".sidebar")).to_be_visible()
    assert width_of(dashboard, ".sidebar") <= 0.86 * PHONE["width"] + 1
    dashboard.page.mouse.click(365, 300)
    expect(dashboard.css(".sidebar")).to_be_hidden()
    menu.click()
    dashboard.enter("other")
    expect(dashboard.css(".sidebar")).to_be_hidden()
    menu.click()
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".sidebar")).to_be_hidden()
    assert dashboard.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    size = dashboard.composer.evaluate("node => getComputedStyle(node).fontSize")
    assert float(size.removesuffix("px")) >= 16
    expect(dashboard.css(".head .pill")).to_be_hidden()


def test_a_phone_answers_with_a_tap_or_two(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True)
    seq = dashboard.relay.agent("claude").ask("Well?")
    dashboard.sign_in("?room=build")
    reply = dashboard.message(seq).get_by_role("button", name="Reply", exact=True)
    dashboard.message(seq).locator(".prose").tap()
    reply.tap()
    expect(dashboard.css(".replying")).to_contain_text("Well?")
    dashboard.composer.fill("Yes.")
    dashboard.button("Send").tap()
    undo = dashboard.css(".composer .pending").get_by_role("button", name="Undo")
    expect(undo).to_be_in_viewport(ratio=1)
    dashboard.send_now()
    expect(dashboard.message(seq).locator(".badge")).to_contain_text(
        "answered by operator"
    )


def test_the_header_says_what_the_room_is(dashboard: Dashboard) -> None:
    """D48."""
    relay = dashboard.relay
    claude = relay.agent("claude")
    claude.say("one")
    claude.say("two")
    dashboard.sign_in()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    pill = dashboard.css(".head .pill")
    expect(pill).to_have_text("open")
    expect(pill).to_have_attribute("title", "Agents may join, read and write")
    expect(dashboard.button("People: 1 of 1 online")).to_be_visible()
    expect(dashboard.css(".head .counted")).to_have_text(
        re.compile(r"^\s*2 messages · (now|\d+[smhd] ago)\s*$")
    )


def test_a_room_is_closed_after_a_question_and_opened_in_one_click(
    dashboard: Dashboard,
) -> None:
    """D50."""
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in()
    button = dashboard.css(".close-room")
    expect(button).to_have_text("Close room")
    button.click()
    dialog = dashboard.css("dialog")
    expect(dialog).to_contain_text("you can reopen it")
    dialog.get_by_role("button", name="Cancel").click()  # it was not meant
    expect(dialog).to_have_count(0)
    expect(dashboard.css(".head .pill")).to_have_text("open")
    button.click()
    dialog.get_by_role("button", name="Close room").click()
    expect(dashboard.css(".head .pill")).to_have_text("closed")
    assert "operator" in (dashboard.css(".head .pill").get_attribute("title") or "")
    audit = dashboard.relay.admin("GET", "/admin/audit").json["events"]
    assert [each["actor"] for each in audit if each["action"] == "room_close"] == [
        "operator"
    ]
    dashboard.css(".close-room").click()
    expect(dashboard.css(".head .pill")).to_have_text("open")


def test_the_focus_moves_to_a_neighbour_of_a_removed_element(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    claude.ask("One?")
    relay.agent("codex").ask("Two?")
    dashboard.sign_in()
    press = dashboard.page.keyboard.press
    dashboard.button("Answer").first.press("Enter")
    press("Escape")
    expect(dashboard.css(".waiting-open").first).to_be_focused()
    dashboard.button("Answer").first.press("Enter")
    dashboard.page.keyboard.type("Yes.")
    press("Enter")
    expect(dashboard.css(".outgoing .undo")).to_be_focused()
    dashboard.page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    expect(dashboard.css(".waiting-open")).to_have_count(1, timeout=15_000)
    expect(dashboard.css(".waiting-open")).to_be_focused()
    dashboard.button("Later").press("Enter")
    press("Enter")
    expect(dashboard.button("1 later")).to_be_focused()
    dashboard.button("as operator").press("Enter")
    press("Enter")
    expect(dashboard.button("as operator")).to_be_focused()
    dashboard.css(".close-room").press("Enter")
    dashboard.css("dialog").get_by_role("button", name="Close room").press("Enter")
    expect(dashboard.button("Reopen room")).to_be_focused()
    dashboard.agent_row("claude").press("Enter")
    dashboard.button("Back to build").press("Enter")
    expect(dashboard.composer).to_be_focused()


def test_a_double_click_closes_no_room(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.css(".close-room").dblclick()
    expect(dashboard.css("dialog")).to_contain_text("Close #build?")
    expect(dashboard.css(".pill.room-open")).to_be_visible()
