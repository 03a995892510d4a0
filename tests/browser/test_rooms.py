"""The list of rooms: D26 to D36."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Desk

pytestmark = pytest.mark.browser


def names(desk: Desk) -> list[str]:
    return [row.get_attribute("data-room") or "" for row in desk.css(".room-row").all()]


def test_every_room_is_listed_the_latest_first_and_silent_ones_by_name(
    desk: Desk,
) -> None:
    """D26, D27, D29, D30."""
    relay = desk.relay
    relay.room("zebra")
    relay.room("ant")
    one, two = relay.agent("a1", "one"), relay.agent("a2", "two")
    relay.agent("silent", "coded")
    one.say("first")
    two.say("second")
    desk.sign_in("?room=two")
    expect(desk.css(".room-row")).to_have_count(5)
    assert names(desk) == ["two", "one", "ant", "coded", "zebra"]
    expect(desk.room_row("one").locator(".meta")).to_have_text(
        re.compile(r"^\s*\d+ · (now|\d+[smhd])\s*$")
    )
    expect(desk.room_row("ant").locator(".meta")).to_have_text("quiet")
    expect(desk.room_row("two")).to_have_attribute("aria-current", "true")
    expect(desk.room_row("two")).to_have_class(re.compile(r"\bactive\b"))
    expect(desk.css("[aria-current]")).to_have_count(1)
    label = desk.room_row("one").get_attribute("aria-label") or ""
    assert re.match(r"Room one, open, 1 message, the last \w+ ago", label)
    one.say("third")
    expect(desk.room_row("one").locator(".meta")).to_contain_text("2 ·")
    assert names(desk)[:2] == ["one", "two"]
    aged = desk.room_row("one").locator(".meta").inner_text()
    expect(desk.room_row("one").locator(".meta")).not_to_have_text(aged)


def test_unread_rooms_are_marked_and_stay_so_over_a_reload(desk: Desk) -> None:
    """D28."""
    relay = desk.relay
    relay.room("here")
    one = relay.agent("a1", "one")
    one.say("x")
    desk.sign_in("?room=here")
    expect(desk.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    desk.enter("one")
    desk.enter("here")
    expect(desk.room_row("one")).not_to_have_class(re.compile(r"\bunread\b"))
    one.say("y")
    expect(desk.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    expect(desk.room_row("one").locator(".dot")).to_be_visible()
    desk.page.reload()
    expect(desk.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    assert ", unread" in (desk.room_row("one").get_attribute("aria-label") or "")
    desk.enter("one")
    desk.agent_row("a1").click()  # a direct view counts as reading its room
    one.say("z")
    expect(desk.room_row("one").locator(".meta")).to_contain_text("3 ·")
    expect(desk.room_row("one")).not_to_have_class(re.compile(r"\bunread\b"))


def test_marks_of_another_database_are_worth_nothing(desk: Desk) -> None:
    """D28: a mark above the last message was made over other messages."""
    desk.relay.room("here")
    desk.relay.agent("a1", "one").say("x")
    desk.page.add_init_script("localStorage.argy_seen = JSON.stringify({one: 900})")
    desk.sign_in("?room=here")
    expect(desk.room_row("one")).to_have_class(re.compile(r"\bunread\b"))


def test_closed_rooms_fold_away_and_come_back(desk: Desk) -> None:
    """D31, D32, D33: and the choice is kept."""
    relay = desk.relay
    relay.room("here")
    relay.agent("a1", "old").say("x")
    desk.sign_in("?room=here")
    expect(desk.css(".fold")).to_have_count(0)
    relay.do("/admin/rooms/old/close", {"by": "titus"})
    fold = desk.css(".fold")
    expect(fold).to_contain_text("Closed · 1")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(fold).to_have_attribute("data-hidden", "1")
    expect(fold).to_have_attribute("title", "1 closed room hidden. Click to show them.")
    expect(desk.room_row("old")).to_have_count(0)
    fold.click()
    expect(fold).to_contain_text("Hide closed · 1")
    row = desk.room_row("old")
    expect(row).to_have_attribute("data-status", "closed")
    expect(row.locator(".meta")).to_contain_text("closed")
    assert "closed by titus" in (row.get_attribute("aria-label") or "")
    line = row.locator(".name").evaluate(
        "node => getComputedStyle(node).textDecorationLine"
    )
    assert line == "line-through"
    expect(desk.room_row("here")).to_have_attribute("data-status", "open")
    desk.page.reload()
    expect(desk.room_row("old")).to_be_visible()
    desk.css(".fold").click()
    expect(desk.room_row("old")).to_have_count(0)


def test_the_room_being_read_never_folds_away(desk: Desk) -> None:
    """D34."""
    desk.relay.room("build")
    desk.relay.room("other")
    desk.sign_in("?room=build")
    desk.relay.do("/admin/rooms/build/close")
    expect(desk.room_row("build")).to_have_attribute("data-status", "closed")
    expect(desk.room_row("build")).to_be_visible()
    expect(desk.css(".fold")).to_have_count(0)
    desk.enter("other")
    expect(desk.room_row("build")).to_have_count(0)


def test_the_address_names_the_room(desk: Desk) -> None:
    """D35. An unknown room leads to the first one too, and the page says so."""
    desk.relay.room("ant")
    desk.relay.room("bee")
    desk.sign_in("?room=bee")
    expect(desk.css("h1.channel-title")).to_have_text("bee")
    depth = desk.page.evaluate("history.length")
    desk.enter("ant")
    assert desk.page.url.endswith("/dashboard?room=ant")
    assert desk.page.evaluate("history.length") == depth
    desk.page.goto(f"{desk.relay.url}/dashboard?room=typo")
    expect(desk.css("h1.channel-title")).to_have_text("ant")
    expect(desk.css(".notice")).to_have_text("There is no room #typo. This is #ant.")


def test_a_new_room_of_others_appears_by_itself(desk: Desk) -> None:
    desk.relay.room("ant")
    desk.sign_in()
    expect(desk.css(".room-row")).to_have_count(1)
    desk.relay.agent("a1", "bee").say("hello")
    expect(desk.room_row("bee")).to_have_class(re.compile(r"\bunread\b"))


def test_nothing_is_listed_before_signing_in(desk: Desk) -> None:
    """D36."""
    desk.relay.room("secret")
    desk.open()
    expect(desk.css(".rooms")).to_contain_text("Hidden until you sign in.")
    assert "secret" not in desk.page.content()


def test_two_tabs_share_what_was_read(desk: Desk) -> None:
    relay = desk.relay
    claude, scout = relay.agent("claude"), relay.agent("scout", "ops")
    claude.say("x")
    scout.say("y")
    desk.sign_in("?room=build")
    other = Desk.sit_down(relay, desk.page.context)
    other.sign_in("?room=ops")
    scout.say("read in the other tab")
    expect(other.css(".msg")).to_have_count(2)
    claude.say("read in this tab")
    expect(desk.css(".msg")).to_have_count(2)
    expect(desk.room_row("ops")).not_to_have_class(re.compile("unread"))
    marks = desk.page.evaluate("JSON.parse(localStorage.getItem('argy_seen'))")
    assert marks == {"build": 2, "ops": 2}
