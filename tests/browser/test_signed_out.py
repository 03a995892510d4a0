"""Locked out: D51, D75 to D78."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser


def test_a_closed_door_is_not_an_empty_room(desk: Desk) -> None:
    """D51, D75: and nothing is asked of the relay in vain."""
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.relay.agent("claude").say("secret")
    desk.open("?room=build")
    expect(desk.css("h1.channel-title")).to_have_text("not signed in")
    locked = desk.css(".is-locked")
    expect(locked).to_contain_text("Not signed in")
    expect(locked).to_contain_text("The gear at the bottom left has the same field.")
    expect(desk.css(".timeline, .composer")).to_have_count(0)
    desk.page.wait_for_timeout(500)
    assert not [url for url in asked if "/admin/" in url]


def test_a_session_that_ends_locks_the_page_and_says_so(desk: Desk) -> None:
    """D75: within a moment, in the middle of a stream."""
    desk.relay.agent("claude").say("x")
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(1)
    assert desk.relay.admin("DELETE", "/admin/sessions").status == 200
    expect(desk.css(".is-locked")).to_contain_text("The relay answered 401")
    expect(desk.css(".msg, .room-row")).to_have_count(0)


def test_the_field_is_focused_and_its_text_selected_on_a_phone_too(
    new_desk: NewDesk,
) -> None:
    """D76."""
    desk = new_desk(viewport={"width": 375, "height": 740}).open()
    desk.button("Paste admin token").click()
    field = desk.css("#adToken")
    expect(field).to_be_focused()
    field.fill("wrong")
    desk.button("Sign in").click()
    expect(desk.css("#token-told")).to_contain_text("401")
    expect(field).to_be_focused()
    chosen = field.evaluate("node => [node.selectionStart, node.selectionEnd]")
    assert chosen == [0, 5]


def test_the_gear_says_that_a_token_is_needed_and_stops_saying_it(desk: Desk) -> None:
    """D77."""
    desk.relay.agent("claude").say("x")
    desk.open()
    gear = desk.css(".gear")
    expect(gear).to_have_attribute("title", "Relay settings: sign in here")
    gear.click()
    desk.css("#adToken").fill(desk.relay.token)
    desk.button("Sign in").click()
    expect(gear).to_have_attribute("title", "Relay settings")
    desk.page.keyboard.press("Escape")
    expect(desk.css(".is-locked")).to_have_count(0)
    expect(desk.css(".msg")).to_have_count(1)
    assert "Hidden until" not in desk.page.inner_text("body")


def test_everything_that_can_be_pressed_has_a_name(desk: Desk) -> None:
    """D78, of the whole page."""
    desk.relay.agent("claude").ask("x?")
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(1)
    nameless = desk.page.evaluate(
        "[...document.querySelectorAll('button, input, select, textarea')].filter("
        "(node) => !(node.ariaLabel || node.innerText.trim() || node.labels?.length))"
        ".map((node) => node.outerHTML)"
    )
    assert nameless == []
    for name in ("Relay settings", "System", "Send"):
        pattern = "System theme" if name == "System" else name
        expect(desk.page.get_by_role("button", name=re.compile(pattern))).to_have_count(
            1
        )
    expect(desk.css(".room-row")).to_have_attribute(
        "aria-label", re.compile("Room build")
    )
    expect(desk.css(".agent-row")).to_have_attribute(
        "aria-label", re.compile("^claude —")
    )


def test_signing_out_leaves_no_draft_no_room_and_no_search(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.composer.fill("a secret")
    desk.button("Relay settings").click()
    desk.button("Sign out").click()
    expect(desk.page).to_have_title("Argybargy")
    desk.page.keyboard.press("/")
    desk.page.wait_for_timeout(100)
    expect(desk.css("dialog")).to_have_count(0)
    desk.sign_in()
    expect(desk.composer).to_have_value("")
