"""The inbox: D18 to D25, answering in place, notifications."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard, NewDashboard, wait_until

pytestmark = pytest.mark.browser


def test_the_inbox_is_hidden_while_no_question_waits(dashboard: Dashboard) -> None:
    """D18."""
    claude = dashboard.relay.agent("claude")
    claude.say("no question")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    expect(dashboard.css(".inbox")).to_have_count(0)
    assert "Waiting for you" not in dashboard.page.inner_text("body")
    claude.ask("but now?")
    inbox = dashboard.css(".inbox")
    expect(inbox).to_contain_text("Waiting for you · 1")
    above = dashboard.page.evaluate(
        "document.querySelector('.inbox').compareDocumentPosition("
        "document.querySelector('.rooms')) & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    assert above


def test_every_room_s_questions_are_listed_longest_wait_first(
    dashboard: Dashboard,
) -> None:
    """D19, D20, D21, D23."""
    relay = dashboard.relay
    relay.room("here")
    first = relay.agent("writer", "docs")
    first.ask("Shall I add a page on tunnels?")
    dashboard.page.wait_for_timeout(1100)
    second = relay.agent("codex", "build")
    seq = second.ask("Who can help me?", "anyone")
    relay.agent("claude", "build").claim(seq)
    dashboard.sign_in("?room=here")
    rows = dashboard.css(".waiting-open")
    expect(rows).to_have_count(2)
    expect(dashboard.css("#inbox-label")).to_contain_text("Waiting for you · 2")
    expect(dashboard.css("#inbox-label")).to_have_attribute(
        "title", "Nobody has waited over 5 minutes"
    )
    texts = rows.all_inner_texts()
    assert re.match(r"WR\s+writer\s+#docs\s+0:0\d\s+Shall I add", texts[0])
    assert re.match(r"CO\s+codex\s+#build\s+0:0\d\s+Who can help", texts[1])
    label = rows.nth(1).get_attribute("aria-label") or ""
    assert re.match(r"codex in build has been waiting \w+: Who can help", label)
    assert "Claimed by claude, still unanswered." in label
    expect(dashboard.css(".waiting-row").nth(1)).to_contain_text("claimed by claude")


def test_a_wait_runs_by_itself_and_gets_loud_after_five_minutes(
    dashboard: Dashboard,
) -> None:
    """D21, D22: amber before, red from 300 s on, without an update from the relay."""
    dashboard.relay.agent("claude").ask("Well?")
    dashboard.sign_in()
    wait = dashboard.css(".wait")
    expect(wait).to_have_attribute("data-loud", "false")
    shown = wait.inner_text()
    expect(wait).not_to_have_text(shown)
    calm = wait.evaluate("node => getComputedStyle(node).color")
    dashboard.advance_clock(301)
    expect(wait).to_have_attribute("data-loud", "true")
    expect(wait).to_have_text(re.compile(r"5:0\d"))
    assert wait.evaluate("node => getComputedStyle(node).color") != calm
    expect(dashboard.css("#inbox-label")).to_have_attribute(
        "title", "1 waiting over 5 minutes"
    )
    expect(dashboard.page).to_have_title("(1) #build · Argybargy")


def _enable_notifications(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_label(
        "Notify me when somebody has waited five minutes"
    ).check()


def test_an_overdue_question_notifies_once_if_enabled(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(permissions=["notifications"])
    dashboard.page.add_init_script(
        "window.told = [];"
        "window.Notification = class { constructor(title, more) {"
        " window.told.push([title, more.body]); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _enable_notifications(dashboard)
    dashboard.page.keyboard.press("Escape")
    assert dashboard.page.evaluate("window.told") == []
    dashboard.advance_clock(301)
    wait_until(lambda: bool(dashboard.page.evaluate("window.told.length")))
    dashboard.page.wait_for_timeout(1200)
    assert dashboard.page.evaluate("window.told") == [
        ["claude waits in #build", "Ship it?"]
    ]
    dashboard.page.reload()
    dashboard.wait_live()
    dashboard.advance_clock(301)
    expect(dashboard.page).to_have_title("(1) #build · Argybargy")
    assert dashboard.page.evaluate("window.told") == []


def test_a_question_of_another_database_with_the_same_number_notifies_too(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(permissions=["notifications"])
    dashboard.page.add_init_script(
        "sessionStorage.argy_told = JSON.stringify("
        "['build 1', 'build 1 2026-01-01T00:00:00.000Z']);"
        "window.told = [];"
        "window.Notification = class { constructor(title) { window.told.push(title); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _enable_notifications(dashboard)
    dashboard.page.keyboard.press("Escape")
    dashboard.advance_clock(301)
    wait_until(lambda: bool(dashboard.page.evaluate("window.told.length")))


def test_a_browser_without_notifications_is_reported(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(permissions=["notifications"])
    dashboard.page.add_init_script(
        "window.Notification = class { constructor() { throw new TypeError(); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _enable_notifications(dashboard)
    dashboard.advance_clock(301)
    expect(dashboard.css("dialog .notice")).to_contain_text("cannot show notifications")


def test_a_row_leads_to_its_room_and_into_the_composer(dashboard: Dashboard) -> None:
    """D24. It shows the question too, which may lie far back."""
    dashboard.relay.room("here")
    seq = dashboard.relay.agent("claude", "build").ask("Ship it?")
    dashboard.sign_in("?room=here")
    dashboard.css(".waiting-open").click()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.message(seq)).to_be_visible()
    expect(dashboard.composer).to_be_focused()


def test_a_row_leaves_when_its_question_is_answered_and_others_stay(
    dashboard: Dashboard,
) -> None:
    """D25."""
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    asked = claude.ask("Codex, is it done?", "codex")
    relay.agent("writer", "docs").ask("Shall I?")
    relay.agent("scout", "gone").ask("Left behind?")
    relay.do("/admin/rooms/gone/close")
    relay.say("Who has time?", expects_reply="anyone")
    dashboard.sign_in()
    expect(dashboard.css(".waiting-open")).to_have_count(2)
    relay.say("Good morning everybody.")
    codex.say("It is.", reply_to=asked)
    expect(dashboard.css(".waiting-open")).to_have_count(1)
    expect(dashboard.css(".waiting-open")).to_contain_text("writer")


def test_a_question_is_answered_in_place(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("here")
    writer = relay.agent("writer", "docs")
    seq = writer.ask("Shall I add a page?")
    dashboard.sign_in("?room=here")
    dashboard.button("Answer").click()
    expect(dashboard.page.get_by_label("Answer writer")).to_be_focused()
    dashboard.page.keyboard.type("Yes, one page.")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".inbox")).to_have_count(0)
    expect(dashboard.css("h1.channel-title")).to_have_text("here")
    said = writer.call("GET", "/messages?since=0&wait=10").json["messages"][-1]
    assert (said["text"], said["reply_to"]) == ("Yes, one page.", seq)
    assert said["from_kind"] == "operator"


def test_a_question_can_be_snoozed(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Now?")
    dashboard.sign_in()
    dashboard.button("Later").click()
    expect(dashboard.css(".waiting-open")).to_have_count(0)
    dashboard.button("1 later").click()
    expect(dashboard.css(".waiting-open")).to_have_count(1)
    dashboard.button("Later").click()
    expect(dashboard.css(".waiting-open")).to_have_count(0)
    dashboard.advance_clock(601)
    expect(dashboard.css(".waiting-open")).to_have_count(1)


def test_a_started_answer_outlives_its_question(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("here")
    seq = relay.agent("claude").ask("Ship it?")
    relay.agent("codex").ask("Or this?")
    dashboard.sign_in("?room=here")
    row = dashboard.css(".waiting-row").filter(has_text="Ship it?")
    answer = row.get_by_label("Answer claude")
    row.get_by_role("button", name="Answer", exact=True).click()
    dashboard.page.keyboard.type("Not before")
    dashboard.page.keyboard.press("Escape")
    row.get_by_role("button", name="Answer", exact=True).click()
    expect(answer).to_have_value("Not before")
    relay.say("from another tab", reply_to=seq)
    expect(dashboard.css("#inbox-label")).to_contain_text("Waiting for you · 1")
    expect(row).to_contain_text("no longer waiting")
    dashboard.page.keyboard.type(" noon.")
    expect(answer).to_have_value("Not before noon.")
    dashboard.page.keyboard.press("Enter")
    expect(row).to_have_count(0)


def test_a_row_names_the_agent_that_was_asked(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    relay.agent("claude").say("x")
    codex.ask("Claude?", "claude")
    codex.ask("You?")
    dashboard.sign_in()
    expect(dashboard.css(".waiting-row .where")).to_have_text(
        ["#build · asks claude", "#build"]
    )
