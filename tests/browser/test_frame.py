"""The frame around it all: D10 to D13, D15 to D17, D48, D50."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 740}


def width_of(desk: Desk, selector: str) -> float:
    box = desk.css(selector).bounding_box()
    assert box is not None
    return box["width"]


def test_a_sidebar_a_conversation_and_a_drawer(desk: Desk) -> None:
    """D10, D11, D12: the drawer lies over the page, which scrolls inside only."""
    desk.relay.agent("claude").ask("Well?")
    desk.relay.agent("quiet")
    desk.relay.room("old")
    desk.relay.do("/admin/rooms/old/close")
    desk.sign_in()
    assert 250 <= width_of(desk, ".sidebar") <= 300
    expect(desk.css(".wordmark")).to_have_text("argybargy")
    order = desk.page.evaluate(
        "[...document.querySelectorAll('.inbox, .rooms, .rooms .fold, .roster, "
        ".roster .fold')].map((node) => node.className)"
    )
    assert order == ["inbox", "rooms", "fold", "roster", "fold"]
    desk.button("Relay settings").click()
    assert width_of(desk, "dialog.drawer") <= 460
    root = desk.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert root
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_dot_says_how_the_page_is_connected(desk: Desk) -> None:
    """D11. Words beside it, since a colour alone says little."""
    desk.relay.room("build")
    desk.open()
    expect(desk.css(".brand .connection")).to_have_text("idle")
    desk.sign_in()
    dot = desk.css(".brand .connection")
    expect(dot).to_have_class(re.compile("is-live"))
    assert "Relay reachable" in (dot.get_attribute("title") or "")


def test_motion_can_be_had_without_and_focus_is_seen(new_desk: NewDesk) -> None:
    """D15, D16."""
    desk = new_desk(reduced_motion="reduce")
    desk.relay.agent("claude").say("x")
    desk.sign_in()
    moving = desk.page.evaluate(
        "[...document.querySelectorAll('*')].filter((node) => {"
        " const style = getComputedStyle(node);"
        " return style.animationName !== 'none' || style.transitionDuration !== '0s';"
        "}).length"
    )
    assert moving == 0
    desk.page.keyboard.press("Tab")
    focused = desk.page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle"
    )
    assert focused == "solid"
    icons = desk.css("svg:not([role=img])")
    assert all(icon.get_attribute("aria-hidden") == "true" for icon in icons.all())


def test_a_phone_has_the_sidebar_behind_a_menu(new_desk: NewDesk) -> None:
    """D17."""
    desk = new_desk(viewport=PHONE)
    desk.relay.agent("claude").ask("Well?")
    desk.relay.room("other")
    desk.sign_in("?room=build")
    menu = desk.page.get_by_role("button", name="Menu, 1 question waiting")
    expect(desk.css(".sidebar")).to_be_hidden()
    menu.click()
    expect(desk.css(".sidebar")).to_be_visible()
    assert width_of(desk, ".sidebar") <= 0.86 * PHONE["width"] + 1
    desk.page.mouse.click(365, 300)
    expect(desk.css(".sidebar")).to_be_hidden()
    menu.click()
    desk.enter("other")
    expect(desk.css(".sidebar")).to_be_hidden()
    menu.click()
    desk.page.keyboard.press("Escape")
    expect(desk.css(".sidebar")).to_be_hidden()
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    size = desk.composer.evaluate("node => getComputedStyle(node).fontSize")
    assert float(size.removesuffix("px")) >= 16
    expect(desk.css(".head .pill")).to_be_hidden()


def test_a_phone_answers_with_a_tap_or_two(new_desk: NewDesk) -> None:
    desk = new_desk(viewport=PHONE, has_touch=True, is_mobile=True)
    seq = desk.relay.agent("claude").ask("Well?")
    desk.sign_in("?room=build")
    reply = desk.message(seq).get_by_role("button", name="Reply", exact=True)
    desk.message(seq).locator(".prose").tap()
    reply.tap()
    expect(desk.css(".replying")).to_contain_text("Well?")
    desk.composer.fill("Yes.")
    desk.button("Send").tap()
    expect(desk.message(seq).locator(".badge")).to_have_text("answered · operator")


def test_the_header_says_what_the_room_is(desk: Desk) -> None:
    """D48."""
    relay = desk.relay
    claude = relay.agent("claude")
    claude.say("one")
    claude.say("two")
    desk.sign_in()
    expect(desk.css("h1.channel-title")).to_have_text("build")
    pill = desk.css(".head .pill")
    expect(pill).to_have_text("open")
    expect(pill).to_have_attribute("title", "Agents may join, read and write")
    expect(desk.css(".head .present")).to_have_text("1 present")
    expect(desk.css(".head .counted")).to_have_text(
        re.compile(r"^\s*2 msg · (now|\d+[smhd] ago)\s*$")
    )


def test_a_room_is_closed_in_two_clicks_and_opened_in_one(desk: Desk) -> None:
    """D50."""
    desk.relay.agent("claude").say("x")
    desk.sign_in()
    button = desk.css(".close-room")
    expect(button).to_have_text("Close room")
    button.click()
    expect(button).to_have_text("Confirm close")
    expect(button).to_have_text("Close room", timeout=4_000)  # it was not meant
    button.click()
    button.click()
    expect(desk.css(".head .pill")).to_have_text("closed")
    assert "operator" in (desk.css(".head .pill").get_attribute("title") or "")
    audit = desk.relay.admin("GET", "/admin/audit").json["events"]
    assert [each["actor"] for each in audit if each["action"] == "room_close"] == [
        "operator"
    ]
    desk.css(".close-room").click()
    expect(desk.css(".head .pill")).to_have_text("open")


def test_the_focus_goes_on_when_what_had_it_goes(desk: Desk) -> None:
    relay = desk.relay
    claude = relay.agent("claude")
    claude.ask("One?")
    relay.agent("codex").ask("Two?")
    desk.sign_in()
    press = desk.page.keyboard.press
    desk.button("Answer").first.press("Enter")
    press("Escape")
    expect(desk.css(".waiting-open").first).to_be_focused()
    desk.button("Answer").first.press("Enter")
    desk.page.keyboard.type("Yes.")
    press("Enter")
    expect(desk.css(".waiting-open")).to_have_count(1)
    expect(desk.css(".waiting-open")).to_be_focused()
    desk.button("Later").press("Enter")
    expect(desk.button("1 later")).to_be_focused()
    desk.button("as operator").press("Enter")
    press("Enter")
    expect(desk.button("as operator")).to_be_focused()
    desk.css(".close-room").press("Enter")
    press("Enter")
    expect(desk.button("Reopen room")).to_be_focused()
    desk.agent_row("claude").press("Enter")
    desk.button("Back to build").press("Enter")
    expect(desk.composer).to_be_focused()


def test_a_double_click_closes_no_room(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.css(".close-room").dblclick()
    expect(desk.button("Confirm close")).to_be_visible()
    expect(desk.css(".pill.room-open")).to_be_visible()
