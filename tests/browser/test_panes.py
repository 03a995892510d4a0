"""The right pane: people, a thread or search results, beside or over the talk."""

import re

import pytest
from playwright.sync_api import expect

from browser.scene import add_scene
from support.axe import check_accessibility, check_widths
from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser
WIDE = {"width": 1440, "height": 900}
TABLET = {"width": 768, "height": 1024}
PHONE = {"width": 375, "height": 740}


def left_edges(dashboard: Dashboard) -> list[float]:
    """Return where the panes begin, in pixels."""
    boxes = [
        dashboard.css(each).bounding_box() for each in (".sidebar", "main", ".pane")
    ]
    return [box["x"] for box in boxes if box is not None]


def open_thread(dashboard: Dashboard, room: str, seq: int) -> None:
    dashboard.call_module("panes", f"m.openThread({room!r}, {seq})")


def test_three_panes_stand_side_by_side_on_a_wide_screen(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=WIDE)
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".pane.is-people")).to_be_visible()
    sidebar, talk, pane = left_edges(dashboard)
    assert sidebar == 0
    assert 250 <= talk < pane - 500
    main = dashboard.css("main").bounding_box()
    assert main is not None
    assert main["x"] + main["width"] <= pane + 1
    expect(dashboard.css(".pane-close")).to_have_count(0)
    expect(dashboard.css("main")).not_to_have_attribute("inert", re.compile(".*"))


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_people_lie_over_the_talk_on_a_narrow_screen_until_escape(
    new_dashboard: NewDashboard, size: dict[str, int]
) -> None:
    dashboard = new_dashboard(viewport=size)
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".pane")).to_have_count(0)
    people = dashboard.button("People: 1 of 1 online")
    people.click()
    expect(dashboard.css(".pane.is-people")).to_be_focused()
    expect(dashboard.agent_row("claude")).to_be_visible()
    expect(dashboard.css("main")).to_have_attribute("inert", re.compile(".*"))
    box = dashboard.css(".pane").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] == size["width"]
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".pane")).to_have_count(0)
    expect(people).to_be_focused()


def test_a_thread_has_an_address_and_closes_to_the_people(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    asked = claude.ask("Well?")
    dashboard.relay.say("Yes.", reply_to=asked)
    claude.say("unrelated")
    dashboard.sign_in("?room=build")
    dashboard.css(".timeline").focus()
    open_thread(dashboard, "build", asked)
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Yes.")
    expect(dashboard.css(".pane")).not_to_contain_text("unrelated")
    assert dashboard.page.url.endswith(f"?room=build&thread={asked}")
    dashboard.page.reload()
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Yes.")
    dashboard.button("Close thread").click()
    expect(dashboard.css(".pane.is-people")).to_be_visible()
    assert dashboard.page.url.endswith("?room=build")
    open_thread(dashboard, "build", asked)
    expect(dashboard.css(".pane.is-thread:is(:focus, :focus-within)")).to_be_visible()
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".pane.is-people")).to_be_visible()
    dashboard.page.go_back()
    expect(dashboard.css(".pane.is-people")).to_be_visible()


def test_going_back_from_a_thread_does_not_scroll_the_talk(
    dashboard: Dashboard,
) -> None:
    """The button that goes back is how a thread is closed on a phone."""
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"line {number}" for number in range(60))
    dashboard.sign_in("?room=build")
    expect(dashboard.message(60)).to_be_in_viewport()
    timeline = dashboard.css(".timeline")
    timeline.evaluate("node => { node.scrollTop = 400; }")
    expect(dashboard.css(".fresh")).to_be_visible()
    open_thread(dashboard, "build", 20)
    expect(dashboard.css(".pane.is-thread")).to_contain_text("line 19")
    dashboard.page.go_back()
    expect(dashboard.css(".pane.is-people")).to_be_visible()
    assert timeline.evaluate("node => node.scrollTop") == 400


def test_a_thread_of_another_room_brings_its_room_at_the_message(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("other")
    asked = dashboard.relay.agent("claude").ask("Well?")
    dashboard.sign_in("?room=other")
    open_thread(dashboard, "build", asked)
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Well?")
    expect(dashboard.css(".timeline .is-marked")).to_have_attribute(
        "data-seq", str(asked)
    )


def test_a_thread_leaves_the_inbox_and_the_read_marks_alone(
    dashboard: Dashboard,
) -> None:
    asked = dashboard.relay.agent("claude").ask("Well?")
    dashboard.sign_in("?view=inbox")
    expect(dashboard.css("h1.channel-title")).to_have_text("Inbox")
    open_thread(dashboard, "build", asked)
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Well?")
    expect(dashboard.css("h1.channel-title")).to_have_text("Inbox")
    expect(dashboard.room_row("build")).to_have_class(re.compile("unread"))
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".pane")).to_have_count(0)
    assert dashboard.page.url.endswith("?view=inbox")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_views_of_the_frame(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    add_scene(dashboard.relay)
    dashboard.sign_in("?room=checkout-refactor")
    expect(dashboard.css(".msg").first).to_be_visible()
    check_widths(dashboard, "a busy room")
    dashboard.css(".present").click()
    check_accessibility(dashboard, "people on a phone")
    dashboard.page.keyboard.press("Escape")
    dashboard.button("Actions for #checkout-refactor").click()
    check_accessibility(dashboard, "the menu of a room")
    dashboard.page.get_by_role("menuitem", name="Close room").click()
    expect(dashboard.css("dialog")).to_contain_text("told to leave")
    check_accessibility(dashboard, "closing a room")
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css("dialog")).to_have_count(0)
    dashboard.page.keyboard.press("Control+k")
    expect(dashboard.css("dialog input")).to_be_focused()
    dashboard.page.keyboard.type("re")
    check_accessibility(dashboard, "the switcher")
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css("dialog")).to_have_count(0)
    dashboard.call_module("route", "m.showInbox()")
    dashboard.css("#between-label .fold").click()
    dashboard.button("Ship on Thursday").click()
    check_widths(dashboard, "the inbox")


@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_the_latest_question_is_whole_on_a_small_screen(
    new_dashboard: NewDashboard, size: dict[str, int]
) -> None:
    dashboard = new_dashboard(viewport=size)
    long = dashboard.relay.agent("night-shift-regression-runner-in-frankfurt")
    dashboard.relay.agent("a-reviewer-with-quite-a-name").say("here")
    long.ask("Well?", "a-reviewer-with-quite-a-name")
    dashboard.sign_in("?room=build")
    words = dashboard.css(".turn-words")
    expect(words).to_contain_text(
        "night-shift-regression-runner-in-frankfurt asks a-reviewer-with-quite-a-name"
    )
    expect(words).to_be_in_viewport(ratio=1)
    assert words.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    assert dashboard.css(".head").evaluate("n => n.scrollWidth <= n.clientWidth")


def test_a_room_is_closed_and_deleted_from_its_menu_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    """The name must be typed to delete it: nothing brings it back."""
    dashboard = new_dashboard(viewport=PHONE)
    dashboard.relay.room("other")
    dashboard.relay.agent("claude", "old").say("x")
    dashboard.sign_in("?room=old")
    expect(dashboard.css(".close-room")).to_be_hidden()
    actions = dashboard.button("Actions for #old")
    item = dashboard.page.get_by_role("menuitem")
    actions.click()
    expect(item.filter(has_text="Delete")).to_have_count(0)
    item.filter(has_text="Close room").click()
    expect(dashboard.css("dialog")).to_contain_text("you can reopen it")
    dashboard.css("dialog").get_by_role("button", name="Close room").click()
    expect(dashboard.css(".head .room-closed")).to_be_visible()
    actions.click()
    item.filter(has_text="Delete room").click()
    delete = dashboard.button("Delete room and messages")
    field = dashboard.page.get_by_label("To delete it, type old")
    expect(field).to_be_focused()
    field.fill("othe")
    expect(delete).to_be_disabled()
    field.fill("old")
    delete.click()
    expect(dashboard.css("h1.channel-title")).to_have_text("other")
    gone = dashboard.relay.admin("GET", "/admin/rooms/old/history")
    assert gone.status == 404


def test_the_people_button_hides_them_and_shows_them_again(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=WIDE)
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in("?room=build")
    people = dashboard.button("People: 1 of 1 online")
    expect(people).to_have_attribute("aria-expanded", "true")
    people.click()
    expect(dashboard.css(".pane")).to_have_count(0)
    expect(people).to_have_attribute("aria-expanded", "false")
    people.click()
    expect(dashboard.css(".pane.is-people")).to_be_visible()


def test_a_thread_opened_from_the_people_closes_to_them_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    claude = dashboard.relay.agent("claude")
    dashboard.relay.agent("codex").say("x")
    asked = claude.ask("Codex?", "codex")
    dashboard.sign_in("?room=build")
    dashboard.button("People: 2 of 2 online").click()
    dashboard.button(f"is asked #{asked}").click()
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Codex?")
    dashboard.button("Close thread").click()
    expect(dashboard.css(".pane.is-people")).to_be_visible()
    expect(dashboard.button("Close people")).to_be_focused()
    dashboard.agent_row("codex").click()
    # Who goes to a person wants to see what it said.
    expect(dashboard.css(".pane")).to_have_count(0)
    expect(dashboard.css("h1.channel-title")).to_have_text("codex")
