"""The list of rooms: D26 to D36."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def names(dashboard: Dashboard) -> list[str]:
    return [
        row.get_attribute("data-room") or "" for row in dashboard.css(".room-row").all()
    ]


def test_rooms_are_sorted_by_last_message_and_empty_ones_by_name(
    dashboard: Dashboard,
) -> None:
    """D26, D27, D29, D30."""
    relay = dashboard.relay
    relay.room("zebra")
    relay.room("ant")
    one, two = relay.agent("a1", "one"), relay.agent("a2", "two")
    relay.agent("silent", "coded")
    one.say("first")
    two.say("second")
    dashboard.sign_in("?room=two")
    expect(dashboard.css(".room-row")).to_have_count(5)
    assert names(dashboard) == ["two", "one", "ant", "coded", "zebra"]
    expect(dashboard.room_row("one").locator(".meta")).to_have_text(
        re.compile(r"^\s*(now|\d+[smhd])\s*$")
    )
    expect(dashboard.room_row("ant").locator(".meta")).to_have_text("quiet")
    expect(dashboard.room_row("two")).to_have_attribute("aria-current", "true")
    expect(dashboard.room_row("two")).to_have_class(re.compile(r"\bactive\b"))
    expect(dashboard.css("[aria-current]")).to_have_count(1)
    label = dashboard.room_row("one").get_attribute("aria-label") or ""
    assert re.match(r"Room one, open, 1 message, the last \w+ ago", label)
    one.say("third")
    expect(dashboard.room_row("one").locator(".unread-count")).to_have_text("2")
    assert names(dashboard)[:2] == ["one", "two"]
    aged = dashboard.room_row("one").locator(".meta").inner_text()
    expect(dashboard.room_row("one").locator(".meta")).not_to_have_text(aged)


def test_unread_rooms_are_counted_and_stay_so_over_a_reload(
    dashboard: Dashboard,
) -> None:
    """D28."""
    relay = dashboard.relay
    relay.room("here")
    one = relay.agent("a1", "one")
    one.say("x")
    dashboard.sign_in("?room=here")
    expect(dashboard.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    dashboard.enter("one")
    dashboard.enter("here")
    expect(dashboard.room_row("one")).not_to_have_class(re.compile(r"\bunread\b"))
    one.say("y")
    expect(dashboard.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    expect(dashboard.room_row("one").locator(".unread-count")).to_have_text("1")
    dashboard.page.reload()
    expect(dashboard.room_row("one")).to_have_class(re.compile(r"\bunread\b"))
    assert ", 1 unread" in (dashboard.room_row("one").get_attribute("aria-label") or "")
    dashboard.enter("one")
    dashboard.agent_row("a1").click()  # a direct view counts as reading its room
    one.say("z")
    expect(dashboard.room_row("one")).to_have_attribute(
        "aria-label", re.compile("3 messages")
    )
    expect(dashboard.room_row("one")).not_to_have_class(re.compile(r"\bunread\b"))


def test_read_marks_of_another_database_are_ignored(dashboard: Dashboard) -> None:
    """D28: a mark above the last message was made over other messages."""
    dashboard.relay.room("here")
    dashboard.relay.agent("a1", "one").say("x")
    dashboard.page.add_init_script(
        "localStorage.argy_seen = JSON.stringify({one: 900})"
    )
    dashboard.sign_in("?room=here")
    expect(dashboard.room_row("one")).to_have_class(re.compile(r"\bunread\b"))


def test_closed_rooms_are_collapsed_and_expanded(dashboard: Dashboard) -> None:
    """D31, D32, D33: and the choice is kept."""
    relay = dashboard.relay
    relay.room("here")
    relay.agent("a1", "old").say("x")
    dashboard.sign_in("?room=here")
    expect(dashboard.css(".fold")).to_have_count(0)
    relay.do("/admin/rooms/old/close", {"by": "titus"})
    fold = dashboard.css(".fold")
    expect(fold).to_contain_text("Closed · 1")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(fold).to_have_attribute("data-hidden", "1")
    expect(fold).to_have_attribute("title", "1 closed room hidden. Click to show them.")
    expect(dashboard.room_row("old")).to_have_count(0)
    fold.click()
    expect(fold).to_contain_text("Hide closed · 1")
    row = dashboard.room_row("old")
    expect(row).to_have_attribute("data-status", "closed")
    expect(row.locator(".meta")).to_contain_text("closed")
    assert "closed by titus" in (row.get_attribute("aria-label") or "")
    line = row.locator(".name").evaluate(
        "node => getComputedStyle(node).textDecorationLine"
    )
    assert line == "line-through"
    expect(dashboard.room_row("here")).to_have_attribute("data-status", "open")
    dashboard.page.reload()
    expect(dashboard.room_row("old")).to_be_visible()
    dashboard.css(".fold").click()
    expect(dashboard.room_row("old")).to_have_count(0)


def test_the_room_in_view_is_never_collapsed(dashboard: Dashboard) -> None:
    """D34."""
    dashboard.relay.room("build")
    dashboard.relay.room("other")
    dashboard.sign_in("?room=build")
    dashboard.relay.do("/admin/rooms/build/close")
    expect(dashboard.room_row("build")).to_have_attribute("data-status", "closed")
    expect(dashboard.room_row("build")).to_be_visible()
    expect(dashboard.css(".fold")).to_have_count(0)
    dashboard.enter("other")
    expect(dashboard.room_row("build")).to_have_count(0)


def test_the_address_names_the_room(dashboard: Dashboard) -> None:
    """D35. An unknown room leads to the first one too, and the page says so."""
    dashboard.relay.room("ant")
    dashboard.relay.room("bee")
    dashboard.sign_in("?room=bee")
    expect(dashboard.css("h1.channel-title")).to_have_text("bee")
    depth = dashboard.page.evaluate("history.length")
    dashboard.enter("ant")
    assert dashboard.page.url.endswith("/dashboard?room=ant")
    assert dashboard.page.evaluate("history.length") == depth
    dashboard.page.goto(f"{dashboard.relay.url}/dashboard?room=typo")
    expect(dashboard.css("h1.channel-title")).to_have_text("ant")
    expect(dashboard.css(".notice")).to_have_text(
        "There is no room #typo. This is #ant."
    )


def test_a_room_created_elsewhere_appears_by_itself(dashboard: Dashboard) -> None:
    dashboard.relay.room("ant")
    dashboard.sign_in()
    expect(dashboard.css(".room-row")).to_have_count(1)
    dashboard.relay.agent("a1", "bee").say("hello")
    expect(dashboard.room_row("bee")).to_have_class(re.compile(r"\bunread\b"))


def test_nothing_is_listed_before_signing_in(dashboard: Dashboard) -> None:
    """D36."""
    dashboard.relay.room("secret")
    dashboard.open()
    expect(dashboard.css(".rooms")).to_contain_text("Hidden until you sign in.")
    assert "secret" not in dashboard.page.content()


def test_two_tabs_share_what_was_read(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, scout = relay.agent("claude"), relay.agent("scout", "ops")
    claude.say("x")
    scout.say("y")
    dashboard.sign_in("?room=build")
    other = Dashboard.open_tab(relay, dashboard.page.context)
    other.sign_in("?room=ops")
    scout.say("read in the other tab")
    expect(other.css(".msg")).to_have_count(2)
    claude.say("read in this tab")
    expect(dashboard.css(".msg")).to_have_count(2)
    expect(dashboard.room_row("ops")).not_to_have_class(re.compile("unread"))
    marks = dashboard.page.evaluate("JSON.parse(localStorage.getItem('argy_seen'))")
    assert marks == {"build": 2, "ops": 2}


def test_a_room_with_a_question_to_the_operator_has_a_mark_of_its_own(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.room("here")
    claude = relay.agent("claude", "one")
    seq = claude.ask("Well?")
    claude.ask("And?")
    dashboard.sign_in("?room=here")
    row = dashboard.room_row("one")
    expect(row.locator(".asked")).to_have_text("2?")
    assert ", 2 questions to you" in (row.get_attribute("aria-label") or "")
    dashboard.enter("one")  # which reads its messages, but answers nothing
    expect(row.locator(".unread-count")).to_have_count(0)
    expect(row.locator(".asked")).to_have_text("2?")
    relay.say("Yes.", "one", reply_to=seq)
    expect(row.locator(".asked")).to_have_text("?")


def test_pinned_rooms_come_first_in_this_browser_and_its_tabs(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    for name in ("ant", "bee", "cat"):
        relay.room(name)
    dashboard.sign_in("?room=cat")
    other = Dashboard.open_tab(relay, dashboard.page.context)
    other.sign_in("?room=ant")
    dashboard.button("Actions for #cat").click()
    pin = dashboard.page.get_by_role("menuitem", name="Pin room")
    for _ in range(pin.evaluate("n => [...n.parentNode.children].indexOf(n)")):
        dashboard.page.keyboard.press("ArrowDown")
    expect(pin).to_be_focused()
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".room-row .name")).to_have_text(["cat", "ant", "bee"])
    expect(other.css(".room-row .name")).to_have_text(["cat", "ant", "bee"])
    assert "pinned" in (dashboard.room_row("cat").get_attribute("aria-label") or "")
    dashboard.button("Actions for #cat").click()
    dashboard.page.get_by_role("menuitem", name="Unpin room").click()
    expect(dashboard.css(".room-row .name")).to_have_text(["ant", "bee", "cat"])


def test_many_rooms_can_be_filtered(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name in ("ant", "bee", "cat", "dog", "eel"):
        relay.room(name)
    dashboard.sign_in("?room=ant")
    field = dashboard.page.get_by_label("Filter rooms")
    expect(dashboard.css(".room-row")).to_have_count(5)
    expect(field).to_have_count(0)
    relay.room("antelope")
    relay.room("closed-ant")
    relay.do("/admin/rooms/closed-ant/close")
    field.fill("ANT")
    expect(dashboard.css(".room-row .name")).to_have_text(
        ["ant", "antelope", "closed-ant"]
    )
    field.fill("zebra")
    expect(dashboard.css(".rooms")).to_contain_text("No room has “zebra” in its name.")
    field.fill("ee")
    field.press("Enter")
    expect(dashboard.css("h1.channel-title")).to_have_text("bee")
    expect(dashboard.css(".rooms ul").first.locator(".room-row")).to_have_count(6)


def test_the_room_in_view_is_in_sight_of_a_long_list_at_first(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport={"width": 1280, "height": 500})
    for number in range(30):
        dashboard.relay.room(f"room-{number:02d}")
    dashboard.sign_in("?room=room-25")
    row = dashboard.room_row("room-25")
    expect(row).to_be_in_viewport(ratio=1)
    # It scrolls with the others, and covers none of them.
    dashboard.css(".sidebar-scroll").evaluate("node => { node.scrollTop = 0; }")
    expect(row).not_to_be_in_viewport()


def test_own_messages_are_never_unread(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude", "build")
    claude.say("before")
    seq = claude.ask("Needed?")
    relay.room("here")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(2)
    dashboard.enter("here")
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("No.")
    dashboard.page.keyboard.press("Enter")
    dashboard.page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    row = dashboard.room_row("build")
    expect(row).to_have_attribute("aria-label", re.compile("3 messages"))
    expect(row).not_to_have_class(re.compile(r"\bunread\b"))
    claude.say("and this?")
    expect(row.locator(".unread-count")).to_have_text("1")
    dashboard.enter("build")
    news = dashboard.css(".is-news + .msg")
    expect(news).to_contain_text("and this?")
    assert seq == 2


def test_what_the_operator_wrote_elsewhere_is_not_unread(dashboard: Dashboard) -> None:
    """Before the page was opened, and while it is open."""
    relay = dashboard.relay
    claude = relay.agent("claude", "build")
    relay.room("here")
    claude.say("one")
    for text in ("two", "three"):
        relay.say(text)
    claude.say("four")
    dashboard.sign_in("?room=here")
    count = dashboard.room_row("build").locator(".unread-count")
    expect(count).to_have_text("2")
    relay.say("five")
    claude.say("six")
    expect(count).to_have_text("3")
    dashboard.enter("build")
    dashboard.enter("here")
    relay.say("seven")
    row = dashboard.room_row("build")
    expect(row).to_have_attribute("aria-label", re.compile("7 messages"))
    expect(count).to_have_count(0)


def test_an_own_withdrawal_is_not_unread(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude", "build")
    claude.say("before")
    claude.ask("Needed?")
    relay.room("here")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(2)
    dashboard.enter("here")
    dashboard.button("No answer needed").click()
    expect(dashboard.css(".outgoing")).to_contain_text("is told", timeout=15_000)
    row = dashboard.room_row("build")
    expect(row).to_have_attribute("aria-label", re.compile("3 messages"))
    expect(row).not_to_have_class(re.compile(r"\bunread\b"))
    dashboard.enter("build")
    expect(dashboard.css(".event")).to_contain_text("has withdrawn question 2")
    expect(dashboard.css(".is-news")).to_have_count(0)


def test_n_after_n_is_a_command_and_no_letter_in_the_composer(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude", "ant")
    claude.ask("One?")
    relay.agent("claude", "bee").say("x")
    dashboard.sign_in("?view=inbox")
    dashboard.css(".inbox-view").get_by_role("button", name="Later").press("Enter")
    dashboard.page.get_by_role("menuitem", name="For 1 hour").press("Enter")
    dashboard.page.keyboard.press("n")
    expect(dashboard.css("h1.channel-title")).to_have_text(re.compile("ant|bee"))
    first = dashboard.css("h1.channel-title").inner_text()
    expect(dashboard.composer).not_to_be_focused()
    dashboard.page.keyboard.press("n")
    expect(dashboard.css("h1.channel-title")).not_to_have_text(first)
    expect(dashboard.composer).to_have_value("")


def test_all_closed_rooms_are_counted_also_the_one_in_view(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    for name in ("one", "two"):
        relay.room(name)
        relay.do(f"/admin/rooms/{name}/close")
    dashboard.sign_in("?room=one")
    expect(dashboard.css(".rooms .fold")).to_have_text("Closed · 2")
    expect(dashboard.css(".rooms .fold")).to_have_attribute("data-hidden", "1")
    expect(dashboard.room_row("one")).to_be_visible()
    expect(dashboard.room_row("two")).to_have_count(0)


def test_n_goes_to_the_next_unread_room(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name in ("ant", "bee", "cat"):
        relay.agent("a", name).say("x")
    dashboard.sign_in("?room=cat")
    press = dashboard.page.keyboard.press
    expect(dashboard.css(".msg")).to_have_count(1)
    press("n")
    expect(dashboard.css("h1.channel-title")).to_have_text("bee")
    expect(dashboard.room_row("bee")).not_to_have_class(re.compile("unread"))
    press("n")
    expect(dashboard.css("h1.channel-title")).to_have_text("ant")
    expect(dashboard.css(".room-row.unread")).to_have_count(0)
    press("n")
    expect(dashboard.css(".notice")).to_have_text("Everything is read.")


def test_n_shows_first_what_is_unread_further_up(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("here")
    claude = relay.agent("claude")
    claude.say("read")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(1)
    dashboard.enter("here")
    claude.say_all(f"line {number}" for number in range(50))
    expect(dashboard.room_row("build").locator(".unread-count")).to_have_text("50")
    dashboard.page.keyboard.press("n")
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.css(".msg")).to_have_count(51)
    news = dashboard.css(".is-news")
    expect(news).not_to_be_in_viewport()
    dashboard.css("h1.channel-title").click()
    dashboard.page.keyboard.press("n")
    expect(news).to_be_in_viewport()
    dashboard.page.keyboard.press("End")
    expect(dashboard.css(".msg").last).to_be_in_viewport()


def test_the_name_of_a_closed_room_has_one_line_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport={"width": 375, "height": 812})
    relay = dashboard.relay
    relay.agent("claude", "spike-wasm").say("Done.")
    relay.do("/admin/rooms/spike-wasm/close")
    relay.agent("codex").ask("Shall I?")
    dashboard.sign_in("?room=spike-wasm")
    title = dashboard.css("h1.channel-title")
    expect(dashboard.css(".head .room-closed")).to_be_visible()
    assert title.evaluate("node => node.getBoundingClientRect().height") < 30
    # A notice does not cover the menu.
    dashboard.button("Reopen room").click()
    expect(dashboard.css(".notice")).to_be_visible()
    dashboard.button("Actions for #spike-wasm").click()
    first = dashboard.page.get_by_role("menuitem", name="Invite an agent")
    expect(first).to_be_visible()
    expect(dashboard.css(".notice")).to_be_visible()
    # The notice lets presses through, so that it is not found where it lies.
    dashboard.css(".notice-place").evaluate(
        "node => { node.style.pointerEvents = 'auto'; }"
    )
    on_top = """node => {
      const { x, y, width, height } = node.getBoundingClientRect();
      return node.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    assert first.evaluate(on_top)
