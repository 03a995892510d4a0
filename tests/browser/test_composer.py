"""Speaking: D62 to D67, drafts, and who is spoken to."""

import pytest
from playwright.sync_api import Route, expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser


def test_enter_sends_and_shift_enter_begins_a_line(desk: Desk) -> None:
    """D62, with several lines."""
    desk.relay.room("build")
    desk.sign_in()
    expect(desk.composer).to_have_attribute("placeholder", "Message #build")
    send = desk.button("Send")
    expect(send).not_to_have_class("send is-ready")
    desk.composer.click()
    desk.page.keyboard.type("one")
    desk.page.keyboard.press("Shift+Enter")
    desk.page.keyboard.type("two")
    expect(send).to_have_class("send is-ready")
    expect(desk.composer).to_have_value("one\ntwo")
    low = desk.composer.bounding_box()
    desk.page.keyboard.press("Enter")
    expect(desk.composer).to_have_value("")
    expect(desk.css(".msg .prose")).to_have_text("one\ntwo")
    high = desk.composer.bounding_box()
    assert low is not None
    assert high is not None
    assert low["height"] > high["height"]
    desk.composer.fill("three")
    send.click()
    expect(desk.css(".msg")).to_have_count(2)
    expect(desk.composer).to_be_focused()


def test_the_name_one_speaks_under_is_edited_in_place(desk: Desk) -> None:
    """D63: it is only a name, the relay marks that the operator speaks."""
    desk.relay.room("build")
    desk.sign_in()
    desk.page.get_by_role("button", name="as operator").click()
    field = desk.page.get_by_label("Speak as")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("maxlength", "16")
    field.fill("titus")
    field.press("Enter")
    desk.page.get_by_role("button", name="as titus").click()
    desk.page.get_by_label("Speak as").fill("  ")
    desk.composer.click()
    expect(desk.page.get_by_role("button", name="as titus")).to_be_visible()
    desk.send("hello")
    expect(desk.css(".msg .name")).to_have_text("titus")
    expect(desk.css(".msg .pill.operator")).to_be_visible()


def test_one_chooses_whom_to_speak_to(desk: Desk) -> None:
    """D64, D65: with the browser's own menus, which phones and keyboards know."""
    relay = desk.relay
    claude = relay.agent("claude")
    claude.say("x")
    relay.agent("late")
    desk.sign_in()
    to, expects = (
        desk.page.get_by_label("Recipient"),
        desk.page.get_by_label("Who should"),
    )
    expect(to.locator("option")).to_have_text(
        ["to: everyone", "to: claude", "to: late"]
    )
    expect(to).to_have_class("choice")
    expect(expects.locator("option").first).to_have_text("expects: no reply")
    expects.select_option("anyone")
    expect(expects).to_have_class("choice is-set")
    to.select_option("claude")
    expect(to).to_have_class("choice is-set")
    # An expectation that no longer fits is dropped with the addressee it was for.
    expect(expects).to_have_class("choice")
    expect(expects.locator("option").first).to_have_text("expects: claude")
    desk.send("for you")
    said = claude.call("GET", "/messages?since=0&wait=10").json["messages"][-1]
    assert (said["to"], said["expects_reply"]) == ("claude", "claude")
    to.select_option("all")
    expects.select_option("anyone")
    desk.send("for anyone")
    expect(desk.css(".msg")).to_have_count(3)
    said = claude.call("GET", "/messages?since=0").json["messages"][-1]
    assert (said["to"], said["expects_reply"]) == ("all", "anyone")
    expect(expects).to_have_class("choice")


def test_what_the_relay_heard_though_its_answer_was_lost_is_not_said_twice(
    desk: Desk,
) -> None:
    desk.relay.room("build")
    desk.sign_in()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    desk.page.route("**/admin/say", lose)
    desk.send("only once")
    expect(desk.css(".composer .problem")).to_contain_text("does not answer")
    desk.page.unroute("**/admin/say")
    for text in ("only once", "and this"):
        desk.send(text)
        expect(desk.composer).to_have_value("")
    expect(desk.css(".msg")).to_have_count(2)
    desk.send("only once")  # meant, this time
    expect(desk.css(".msg")).to_have_count(3)


def test_a_failure_says_why_and_keeps_the_text(desk: Desk) -> None:
    """D66, with the relay's own words."""
    desk.relay.agent("claude").say("x")
    desk.sign_in()
    desk.page.get_by_role("button", name="as operator").click()
    desk.page.get_by_label("Speak as").fill("claude")
    desk.page.get_by_label("Speak as").press("Enter")
    desk.send("as somebody else")
    problem = desk.css(".composer .problem")
    expect(problem).to_have_attribute("role", "alert")
    expect(problem).to_contain_text(
        "Send failed — An agent of this room has that name."
    )
    expect(desk.composer).to_have_value("as somebody else")
    desk.page.route("**/admin/say", lambda route: route.abort())
    desk.composer.press("Enter")
    expect(problem).to_contain_text("the relay does not answer")
    desk.page.unroute("**/admin/say")
    desk.page.get_by_role("button", name="as claude").click()
    desk.page.get_by_label("Speak as").fill("operator")
    desk.composer.press("Enter")
    expect(desk.css(".msg")).to_have_count(2)
    expect(problem).to_have_count(0)


def test_the_operator_speaks_in_a_room_that_is_closed(desk: Desk) -> None:
    """D67."""
    desk.relay.room("build")
    desk.relay.do("/admin/rooms/build/close")
    desk.sign_in()
    desk.send("one last word")
    expect(desk.css(".msg .prose")).to_have_text("one last word")


def test_each_room_has_its_draft_and_none_keeps_an_addressee(desk: Desk) -> None:
    relay = desk.relay
    relay.agent("a1", "one").say("x")
    relay.agent("a2", "two").say("x")
    desk.sign_in("?room=one")
    desk.page.get_by_label("Recipient").select_option("a1")
    desk.composer.fill("half a thought")
    desk.enter("two")
    expect(desk.composer).to_have_value("")
    expect(desk.page.get_by_label("Recipient")).to_have_value("all")
    desk.composer.fill("another")
    desk.page.reload()
    desk.is_live()
    expect(desk.composer).to_have_value("another")
    desk.enter("one")
    expect(desk.composer).to_have_value("half a thought")
    expect(desk.page.get_by_label("Recipient")).to_have_value("all")


SLOW = (
    "(ms) => { const real = window.fetch; window.fetch = async (...call) => {"
    " if (String(call[0]).includes('admin/say'))"
    " await new Promise((done) => setTimeout(done, ms));"
    " return real(...call); }; }"
)


def test_what_is_typed_during_a_send_stays_and_a_failure_gives_all_back(
    desk: Desk,
) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.page.evaluate(SLOW, 500)
    desk.send("first")
    desk.page.keyboard.type("second")
    expect(desk.css(".msg .prose")).to_have_text("first")
    expect(desk.composer).to_have_value("second")
    desk.page.route("**/admin/say", lambda route: route.abort())
    desk.composer.press("Enter")
    desk.page.keyboard.type("third")
    expect(desk.css(".composer .problem")).to_be_visible()
    expect(desk.composer).to_have_value("second\nthird")


def test_a_slow_answer_takes_the_focus_from_nothing(desk: Desk) -> None:
    relay = desk.relay
    relay.room("here")
    relay.agent("claude").ask("Well?")
    desk.sign_in("?room=here")
    desk.page.evaluate(SLOW, 500)
    desk.send("slow")
    desk.button("Answer").click()
    desk.page.keyboard.type("half")
    expect(desk.css(".msg")).to_have_count(1)
    desk.page.wait_for_timeout(100)
    expect(desk.page.get_by_label("Answer claude")).to_be_focused()


def test_a_direct_view_has_its_own_draft_and_expects_only_its_agent(
    desk: Desk,
) -> None:
    relay = desk.relay
    relay.agent("claude").say("x")
    relay.agent("codex").say("y")
    desk.sign_in()
    expects = desk.page.get_by_label("Who should answer")
    expects.select_option("codex")
    desk.composer.fill("for all")
    desk.agent_row("claude").click()
    expect(desk.composer).to_have_value("")
    expect(expects).to_have_value("default")
    desk.composer.fill("private")
    desk.button("Back to build").click()
    expect(desk.composer).to_have_value("for all")
    relay.do("/admin/revoke", {"target": "codex", "all": True})
    desk.agent_row("claude").click()
    expect(desk.composer).to_have_value("private")
    desk.composer.press("Enter")
    expect(desk.css(".msg")).to_have_count(2)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert (said["text"], said["to"], said["expects_reply"]) == (
        "private",
        "claude",
        "claude",
    )


def test_a_reply_to_own_words_goes_to_those_who_heard_them_and_only_that_one(
    desk: Desk,
) -> None:
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    for agent in (claude, codex):
        agent.say("x")
    relay.say("for two", to=["claude", "codex"])
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(3)
    to = desk.page.get_by_label("Recipient")
    desk.page.keyboard.press("r")
    expect(to).to_have_value("claude, codex")
    desk.page.keyboard.type("more")
    desk.page.keyboard.press("Enter")
    expect(desk.css(".msg")).to_have_count(4)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert said["to"] == ["claude", "codex"]
    expect(to).to_have_value("all")


def test_escape_leaves_the_name_one_speaks_under(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.button("as operator").click()
    desk.page.get_by_label("Speak as").fill("titus")
    desk.page.keyboard.press("Escape")
    expect(desk.button("as operator")).to_be_visible()


def test_enter_begins_a_line_where_one_types_with_a_finger(new_desk: NewDesk) -> None:
    desk = new_desk(has_touch=True, is_mobile=True)
    desk.relay.room("build")
    desk.sign_in()
    desk.composer.fill("one")
    desk.composer.press("Enter")
    expect(desk.composer).to_have_value("one\n")
