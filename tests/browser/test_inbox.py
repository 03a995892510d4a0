"""Who waits on the operator: D18 to D25, answering in place, being called back."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Desk, NewDesk, wait_until

pytestmark = pytest.mark.browser


def test_nothing_is_drawn_while_nobody_waits(desk: Desk) -> None:
    """D18."""
    claude = desk.relay.agent("claude")
    claude.say("no question")
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(1)
    expect(desk.css(".inbox")).to_have_count(0)
    assert "Waiting for you" not in desk.page.inner_text("body")
    claude.ask("but now?")
    inbox = desk.css(".inbox")
    expect(inbox).to_contain_text("Waiting for you · 1")
    above = desk.page.evaluate(
        "document.querySelector('.inbox').compareDocumentPosition("
        "document.querySelector('.rooms')) & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    assert above


def test_every_room_s_questions_are_listed_longest_wait_first(desk: Desk) -> None:
    """D19, D20, D21, D23."""
    relay = desk.relay
    relay.room("here")
    first = relay.agent("writer", "docs")
    first.ask("Shall I add a page on tunnels?")
    desk.page.wait_for_timeout(1100)
    second = relay.agent("codex", "build")
    seq = second.ask("Who can help me?", "anyone")
    relay.agent("claude", "build").claim(seq)
    desk.sign_in("?room=here")
    rows = desk.css(".waiting-open")
    expect(rows).to_have_count(2)
    expect(desk.css("#inbox-label")).to_contain_text("Waiting for you · 2")
    expect(desk.css("#inbox-label")).to_have_attribute(
        "title", "Nobody has waited over 5 minutes"
    )
    texts = rows.all_inner_texts()
    assert re.match(r"WR\s+writer\s+#docs\s+0:0\d\s+Shall I add", texts[0])
    assert re.match(r"CO\s+codex\s+#build\s+0:0\d\s+Who can help", texts[1])
    label = rows.nth(1).get_attribute("aria-label") or ""
    assert re.match(r"codex in build has been waiting \w+: Who can help", label)
    assert "Claimed by claude, still unanswered." in label
    expect(desk.css(".waiting-row").nth(1)).to_contain_text("claimed by claude")


def test_a_wait_runs_by_itself_and_gets_loud_after_five_minutes(desk: Desk) -> None:
    """D21, D22: amber before, red from 300 s on, without a word from the relay."""
    desk.relay.agent("claude").ask("Well?")
    desk.sign_in()
    wait = desk.css(".wait")
    expect(wait).to_have_attribute("data-loud", "false")
    shown = wait.inner_text()
    expect(wait).not_to_have_text(shown)
    calm = wait.evaluate("node => getComputedStyle(node).color")
    desk.later(301)
    expect(wait).to_have_attribute("data-loud", "true")
    expect(wait).to_have_text(re.compile(r"5:0\d"))
    assert wait.evaluate("node => getComputedStyle(node).color") != calm
    expect(desk.css("#inbox-label")).to_have_attribute(
        "title", "1 waiting over 5 minutes"
    )
    expect(desk.page).to_have_title("(1) #build · Argybargy")


def _wish_to_be_notified(desk: Desk) -> None:
    desk.relay.agent("claude").ask("Ship it?")
    desk.sign_in()
    desk.button("Relay settings").click()
    desk.page.get_by_label("Notify me when somebody has waited five minutes").check()


def test_a_long_wait_notifies_once_where_that_was_wished(new_desk: NewDesk) -> None:
    desk = new_desk(permissions=["notifications"])
    desk.page.add_init_script(
        "window.told = [];"
        "window.Notification = class { constructor(title, more) {"
        " window.told.push([title, more.body]); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _wish_to_be_notified(desk)
    desk.page.keyboard.press("Escape")
    assert desk.page.evaluate("window.told") == []
    desk.later(301)
    wait_until(lambda: bool(desk.page.evaluate("window.told.length")))
    desk.page.wait_for_timeout(1200)
    assert desk.page.evaluate("window.told") == [["claude waits in #build", "Ship it?"]]
    desk.page.reload()
    desk.is_live()
    desk.later(301)
    expect(desk.page).to_have_title("(1) #build · Argybargy")
    assert desk.page.evaluate("window.told") == []


def test_a_question_of_another_database_with_the_same_number_notifies_too(
    new_desk: NewDesk,
) -> None:
    desk = new_desk(permissions=["notifications"])
    desk.page.add_init_script(
        "sessionStorage.argy_told = JSON.stringify("
        "['build 1', 'build 1 2026-01-01T00:00:00.000Z']);"
        "window.told = [];"
        "window.Notification = class { constructor(title) { window.told.push(title); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _wish_to_be_notified(desk)
    desk.page.keyboard.press("Escape")
    desk.later(301)
    wait_until(lambda: bool(desk.page.evaluate("window.told.length")))


def test_a_browser_that_cannot_notify_is_told_of(new_desk: NewDesk) -> None:
    desk = new_desk(permissions=["notifications"])
    desk.page.add_init_script(
        "window.Notification = class { constructor() { throw new TypeError(); }"
        " static permission = 'granted';"
        " static async requestPermission() { return 'granted'; } };"
    )
    _wish_to_be_notified(desk)
    desk.later(301)
    expect(desk.css("dialog .notice")).to_contain_text("cannot show notifications")


def test_a_row_leads_to_its_room_and_into_the_composer(desk: Desk) -> None:
    """D24. It shows the question too, which may lie far back."""
    desk.relay.room("here")
    seq = desk.relay.agent("claude", "build").ask("Ship it?")
    desk.sign_in("?room=here")
    desk.css(".waiting-open").click()
    expect(desk.css("h1.channel-title")).to_have_text("build")
    expect(desk.message(seq)).to_be_visible()
    expect(desk.composer).to_be_focused()


def test_a_row_leaves_when_its_question_is_answered_and_others_stay(desk: Desk) -> None:
    """D25."""
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    claude.ask("Codex, is it done?", "codex")
    relay.agent("writer", "docs").ask("Shall I?")
    relay.agent("scout", "gone").ask("Left behind?")
    relay.do("/admin/rooms/gone/close")
    relay.say("Who has time?", expects_reply="anyone")
    desk.sign_in()
    expect(desk.css(".waiting-open")).to_have_count(2)
    codex.say("It is.")
    expect(desk.css(".waiting-open")).to_have_count(1)
    expect(desk.css(".waiting-open")).to_contain_text("writer")


def test_a_question_is_answered_in_place(desk: Desk) -> None:
    relay = desk.relay
    relay.room("here")
    writer = relay.agent("writer", "docs")
    seq = writer.ask("Shall I add a page?")
    desk.sign_in("?room=here")
    desk.button("Answer").click()
    expect(desk.page.get_by_label("Answer writer")).to_be_focused()
    desk.page.keyboard.type("Yes, one page.")
    desk.page.keyboard.press("Enter")
    expect(desk.css(".inbox")).to_have_count(0)
    expect(desk.css("h1.channel-title")).to_have_text("here")
    said = writer.call("GET", "/messages?since=0&wait=10").json["messages"][-1]
    assert (said["text"], said["reply_to"]) == ("Yes, one page.", seq)
    assert said["from_kind"] == "operator"


def test_a_question_can_be_put_off(desk: Desk) -> None:
    desk.relay.agent("claude").ask("Now?")
    desk.sign_in()
    desk.button("Later").click()
    expect(desk.css(".waiting-open")).to_have_count(0)
    desk.button("1 later").click()
    expect(desk.css(".waiting-open")).to_have_count(1)
    desk.button("Later").click()
    expect(desk.css(".waiting-open")).to_have_count(0)
    desk.later(601)
    expect(desk.css(".waiting-open")).to_have_count(1)


def test_a_begun_answer_stays_whatever_becomes_of_its_question(desk: Desk) -> None:
    relay = desk.relay
    relay.room("here")
    seq = relay.agent("claude").ask("Ship it?")
    relay.agent("codex").ask("Or this?")
    desk.sign_in("?room=here")
    row = desk.css(".waiting-row").filter(has_text="Ship it?")
    answer = row.get_by_label("Answer claude")
    row.get_by_role("button", name="Answer", exact=True).click()
    desk.page.keyboard.type("Not before")
    desk.page.keyboard.press("Escape")
    row.get_by_role("button", name="Answer", exact=True).click()
    expect(answer).to_have_value("Not before")
    relay.say("from another tab", reply_to=seq)
    expect(desk.css("#inbox-label")).to_contain_text("Waiting for you · 1")
    expect(row).to_contain_text("no longer waiting")
    desk.page.keyboard.type(" noon.")
    expect(answer).to_have_value("Not before noon.")
    desk.page.keyboard.press("Enter")
    expect(row).to_have_count(0)


def test_a_row_says_whom_else_it_was_put_to(desk: Desk) -> None:
    relay = desk.relay
    codex = relay.agent("codex")
    relay.agent("claude").say("x")
    codex.ask("Claude?", "claude")
    codex.ask("You?")
    desk.sign_in()
    expect(desk.css(".waiting-row .where")).to_have_text(
        ["#build · asks claude", "#build"]
    )
