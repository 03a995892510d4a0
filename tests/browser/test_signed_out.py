"""The page without a session: D51, D75 to D78."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def test_a_signed_out_page_is_no_empty_room(dashboard: Dashboard) -> None:
    """D51, D75: and the page makes no request that would be refused."""
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.url))
    dashboard.relay.agent("claude").say("secret")
    dashboard.open("?room=build")
    expect(dashboard.css("h1.channel-title")).to_have_text("not signed in")
    locked = dashboard.css(".is-locked")
    expect(locked).to_contain_text("Not signed in")
    expect(locked.locator("pre")).to_have_text(
        f"argybargy open --port {dashboard.relay.port}"
    )
    expect(locked.get_by_role("button")).to_have_text(["Copy", "Paste a link or token"])
    expect(dashboard.css(".timeline, .composer")).to_have_count(0)
    dashboard.page.wait_for_timeout(500)
    assert not [url for url in asked if "/admin/" in url]


def test_a_session_that_ends_locks_the_page_and_says_so(dashboard: Dashboard) -> None:
    """D75: at once, while a stream is open."""
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    assert dashboard.relay.admin("DELETE", "/admin/sessions").status == 200
    expect(dashboard.css(".is-locked")).to_contain_text("Your session has ended")
    expect(dashboard.css(".msg, .room-row")).to_have_count(0)


def test_the_field_is_focused_and_its_text_selected_on_a_phone_too(
    new_dashboard: NewDashboard,
) -> None:
    """D76."""
    dashboard = new_dashboard(viewport={"width": 375, "height": 740}).open()
    dashboard.button("Paste a link or token").click()
    field = dashboard.css("#adToken")
    expect(field).to_be_focused()
    field.fill("wrong")
    dashboard.button("Sign in").click()
    expect(dashboard.css("#token-told")).to_contain_text("not the admin token")
    expect(field).to_be_focused()
    chosen = field.evaluate("node => [node.selectionStart, node.selectionEnd]")
    assert chosen == [0, 5]


def test_the_gear_says_that_a_token_is_needed_and_stops_saying_it(
    dashboard: Dashboard,
) -> None:
    """D77."""
    dashboard.relay.agent("claude").say("x")
    dashboard.open()
    gear = dashboard.css(".gear")
    expect(gear).to_have_attribute("title", "Relay settings: sign in here")
    gear.click()
    dashboard.css("#adToken").fill(dashboard.relay.token)
    dashboard.button("Sign in").click()
    expect(gear).to_have_attribute("title", "Relay settings")
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".is-locked")).to_have_count(0)
    expect(dashboard.css(".msg")).to_have_count(1)
    assert "Hidden until" not in dashboard.page.inner_text("body")


def test_every_control_has_an_accessible_name(dashboard: Dashboard) -> None:
    """D78, of the whole page."""
    dashboard.relay.agent("claude").ask("x?")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    nameless = dashboard.page.evaluate(
        "[...document.querySelectorAll('button, input, select, textarea')].filter("
        "(node) => !(node.ariaLabel || node.innerText.trim() || node.labels?.length))"
        ".map((node) => node.outerHTML)"
    )
    assert nameless == []
    for name in ("Relay settings", "System", "Send"):
        pattern = "System theme" if name == "System" else name
        expect(
            dashboard.page.get_by_role("button", name=re.compile(pattern))
        ).to_have_count(1)
    expect(dashboard.css(".room-row")).to_have_attribute(
        "aria-label", re.compile("Room build")
    )
    expect(dashboard.agent_row("claude")).to_have_attribute(
        "aria-label", re.compile("^claude —")
    )


def test_signing_out_leaves_no_draft_no_room_and_no_search(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.composer.fill("a secret")
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_role("tab", name="Sessions").click()
    dashboard.button("Sign out").click()
    expect(dashboard.page).to_have_title("Argybargy")
    dashboard.page.keyboard.press("/")
    dashboard.page.wait_for_timeout(100)
    expect(dashboard.css("dialog")).to_have_count(0)
    dashboard.sign_in()
    expect(dashboard.composer).to_have_value("")
