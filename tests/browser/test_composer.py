"""The composer: D62 to D67, drafts and recipients."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def test_enter_sends_and_shift_enter_begins_a_line(dashboard: Dashboard) -> None:
    """D62, with several lines."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    expect(dashboard.composer).to_have_attribute("placeholder", "Message #build")
    send = dashboard.button("Send")
    expect(send).not_to_have_class("send is-ready")
    dashboard.composer.click()
    dashboard.page.keyboard.type("one")
    dashboard.page.keyboard.press("Shift+Enter")
    dashboard.page.keyboard.type("two")
    expect(send).to_have_class("send is-ready")
    expect(dashboard.composer).to_have_value("one\ntwo")
    low = dashboard.composer.bounding_box()
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.composer).to_have_value("")
    expect(dashboard.css(".msg .prose")).to_have_text("one\ntwo")
    high = dashboard.composer.bounding_box()
    assert low is not None
    assert high is not None
    assert low["height"] > high["height"]
    dashboard.composer.fill("three")
    send.click()
    expect(dashboard.css(".msg")).to_have_count(2)
    expect(dashboard.composer).to_be_focused()


def test_the_operator_s_name_is_edited_in_place(dashboard: Dashboard) -> None:
    """D63: it is only a name; the relay marks messages of the operator."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.page.get_by_role("button", name="as operator").click()
    field = dashboard.page.get_by_label("Speak as")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("maxlength", "16")
    field.fill("titus")
    field.press("Enter")
    dashboard.page.get_by_role("button", name="as titus").click()
    dashboard.page.get_by_label("Speak as").fill("  ")
    dashboard.composer.click()
    expect(dashboard.page.get_by_role("button", name="as titus")).to_be_visible()
    dashboard.send("hello")
    expect(dashboard.css(".msg .name")).to_have_text("titus")
    expect(dashboard.css(".msg .pill.operator")).to_be_visible()


def test_recipient_and_expected_replier_are_chosen(dashboard: Dashboard) -> None:
    """D64, D65: with the browser's own menus, which phones and keyboards know."""
    relay = dashboard.relay
    claude = relay.agent("claude")
    claude.say("x")
    relay.agent("late")
    dashboard.sign_in()
    to, expects = (
        dashboard.page.get_by_label("Recipient"),
        dashboard.page.get_by_label("Who should"),
    )
    expect(to.locator("option")).to_have_text(["everyone", "claude", "late"])
    expect(to).to_have_class("choice")
    expect(expects.locator("option").first).to_have_text("nobody")
    expects.select_option("anyone")
    expect(expects).to_have_class("choice is-set")
    to.select_option("claude")
    expect(to).to_have_class("choice is-set")
    # An expectation that no longer fits is dropped with the addressee it was for.
    expect(expects).to_have_class("choice")
    expect(expects.locator("option").first).to_have_text("claude")
    dashboard.send("for you")
    said = claude.call("GET", "/messages?since=0&wait=10").json["messages"][-1]
    assert (said["to"], said["expects_reply"]) == ("claude", "claude")
    to.select_option("all")
    expects.select_option("anyone")
    dashboard.send("for anyone")
    expect(dashboard.css(".msg")).to_have_count(3)
    said = claude.call("GET", "/messages?since=0").json["messages"][-1]
    assert (said["to"], said["expects_reply"]) == ("all", "anyone")
    expect(expects).to_have_class("choice")


def test_a_message_whose_response_was_lost_is_not_stored_twice(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    dashboard.page.route("**/admin/say", lose)
    dashboard.send("only once")
    expect(dashboard.css(".composer .problem")).to_contain_text("does not answer")
    dashboard.page.unroute("**/admin/say")
    for text in ("only once", "and this"):
        dashboard.send(text)
        expect(dashboard.composer).to_have_value("")
    expect(dashboard.css(".msg")).to_have_count(2)
    dashboard.send("only once")  # meant, this time
    expect(dashboard.css(".msg")).to_have_count(3)


def test_a_failure_says_why_and_keeps_the_text(dashboard: Dashboard) -> None:
    """D66, with the relay's own words."""
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in()
    dashboard.page.get_by_role("button", name="as operator").click()
    dashboard.page.get_by_label("Speak as").fill("claude")
    dashboard.page.get_by_label("Speak as").press("Enter")
    dashboard.send("as somebody else")
    problem = dashboard.css(".composer .problem")
    expect(problem).to_have_attribute("role", "alert")
    expect(problem).to_contain_text(
        "Send failed — An agent of this room has that name."
    )
    expect(dashboard.composer).to_have_value("as somebody else")
    dashboard.page.route("**/admin/say", lambda route: route.abort())
    dashboard.composer.press("Enter")
    expect(problem).to_contain_text("the relay does not answer")
    dashboard.page.unroute("**/admin/say")
    dashboard.page.get_by_role("button", name="as claude").click()
    dashboard.page.get_by_label("Speak as").fill("operator")
    dashboard.composer.press("Enter")
    expect(dashboard.css(".msg")).to_have_count(2)
    expect(problem).to_have_count(0)


def test_the_operator_speaks_in_a_room_that_is_closed(dashboard: Dashboard) -> None:
    """D67."""
    dashboard.relay.room("build")
    dashboard.relay.do("/admin/rooms/build/close")
    dashboard.sign_in()
    dashboard.send("one last word")
    expect(dashboard.css(".msg .prose")).to_have_text("one last word")


def test_each_room_has_a_draft_and_none_keeps_a_recipient(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("a1", "one").say("x")
    relay.agent("a2", "two").say("x")
    dashboard.sign_in("?room=one")
    dashboard.page.get_by_label("Recipient").select_option("a1")
    dashboard.composer.fill("half a thought")
    dashboard.enter("two")
    expect(dashboard.composer).to_have_value("")
    expect(dashboard.page.get_by_label("Recipient")).to_have_value("all")
    dashboard.composer.fill("another")
    dashboard.page.reload()
    dashboard.wait_live()
    expect(dashboard.composer).to_have_value("another")
    dashboard.enter("one")
    expect(dashboard.composer).to_have_value("half a thought")
    expect(dashboard.page.get_by_label("Recipient")).to_have_value("all")


SLOW = (
    "(ms) => { const real = window.fetch; window.fetch = async (...call) => {"
    " if (String(call[0]).includes('admin/say'))"
    " await new Promise((done) => setTimeout(done, ms));"
    " return real(...call); }; }"
)


def test_text_typed_during_a_send_stays_and_a_failure_restores_the_rest(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.page.evaluate(SLOW, 500)
    dashboard.send("first")
    dashboard.page.keyboard.type("second")
    expect(dashboard.css(".msg .prose")).to_have_text("first")
    expect(dashboard.composer).to_have_value("second")
    dashboard.page.route("**/admin/say", lambda route: route.abort())
    dashboard.composer.press("Enter")
    dashboard.page.keyboard.type("third")
    expect(dashboard.css(".composer .problem")).to_be_visible()
    expect(dashboard.composer).to_have_value("second\nthird")


def test_a_slow_response_does_not_move_the_focus(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("here")
    relay.agent("claude").ask("Well?")
    dashboard.sign_in("?room=here")
    dashboard.page.evaluate(SLOW, 500)
    dashboard.send("slow")
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("half")
    expect(dashboard.css(".msg")).to_have_count(1)
    dashboard.page.wait_for_timeout(100)
    expect(dashboard.page.get_by_label("Answer claude")).to_be_focused()


def test_a_direct_view_has_its_own_draft_and_expects_only_its_agent(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    relay.agent("codex").say("y")
    dashboard.sign_in()
    expects = dashboard.page.get_by_label("Who should answer")
    expects.select_option("codex")
    dashboard.composer.fill("for all")
    dashboard.agent_row("claude").click()
    expect(dashboard.composer).to_have_value("")
    expect(expects).to_have_value("default")
    dashboard.composer.fill("private")
    dashboard.button("Back to build").click()
    expect(dashboard.composer).to_have_value("for all")
    relay.do("/admin/revoke", {"target": "codex", "all": True})
    dashboard.agent_row("claude").click()
    expect(dashboard.composer).to_have_value("private")
    dashboard.composer.press("Enter")
    expect(dashboard.css(".msg")).to_have_count(2)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert (said["text"], said["to"], said["expects_reply"]) == (
        "private",
        "claude",
        "claude",
    )


def test_a_reply_to_an_own_message_goes_to_its_recipients(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    for agent in (claude, codex):
        agent.say("x")
    relay.say("for two", to=["claude", "codex"])
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(3)
    to = dashboard.page.get_by_label("Recipient")
    dashboard.page.keyboard.press("r")
    expect(to).to_have_value("claude, codex")
    dashboard.page.keyboard.type("more")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".msg")).to_have_count(4)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert said["to"] == ["claude", "codex"]
    expect(to).to_have_value("all")


def test_escape_discards_a_changed_name(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.button("as operator").click()
    dashboard.page.get_by_label("Speak as").fill("titus")
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.button("as operator")).to_be_visible()


def test_enter_begins_a_line_on_a_touch_screen(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(has_touch=True, is_mobile=True)
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.composer.fill("one")
    dashboard.composer.press("Enter")
    expect(dashboard.composer).to_have_value("one\n")


def says(dashboard: Dashboard) -> Locator:
    return dashboard.css("#says")


def test_the_composer_says_in_words_what_it_will_do(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.say("hello")
    asked = claude.ask("Well?", to="all")
    dashboard.sign_in()
    words = says(dashboard)
    expect(words).to_have_text("To everyone · no answer needed")
    expect(dashboard.composer).to_have_attribute("aria-describedby", "says")
    to, expects = (
        dashboard.page.get_by_label("Recipient"),
        dashboard.page.get_by_label("Who should answer"),
    )
    expects.select_option("anyone")
    expect(words).to_have_text("To everyone · asks anyone")
    to.select_option("codex")
    expect(words).to_have_text("Asks codex")
    expects.select_option("none")
    expect(words).to_have_text("To codex alone · no answer needed")
    to.select_option("all")
    dashboard.message(asked).hover()
    reply = dashboard.message(asked).get_by_role("button", name="Reply", exact=True)
    reply.click()
    expect(words).to_have_text(f"Reply to claude's question #{asked} · answers it")
    expects.select_option("anyone")
    expect(words).to_have_text(
        f"Reply to claude's question #{asked} · asks back, so it stays open"
        " · asks anyone"
    )
    expects.select_option(index=0)
    to.select_option("codex")
    expect(words).to_have_text(
        f"Reply to claude's question #{asked} ·"
        " does not answer it: claude will not see it"
    )
    to.select_option("all")
    relay.say("Yes.", reply_to=asked)
    expect(words).to_have_text(
        f"Reply to claude's question #{asked} · already answered · no answer needed"
    )
    dashboard.button("Cancel the reply").click()
    expect(words).to_have_text("To everyone · no answer needed")
    mine = relay.say("Who is here?", expects_reply="anyone")
    dashboard.message(mine).hover()
    dashboard.message(mine).get_by_role("button", name="Reply", exact=True).click()
    expect(words).to_have_text(
        f"Reply to operator's question #{mine} · no answer needed"
    )


def test_a_message_that_leaves_a_question_open_says_so_and_becomes_its_answer(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.say("hello")
    asked = claude.ask("Deploy?")
    dashboard.sign_in()
    words = says(dashboard)
    expect(dashboard.message(asked)).to_be_visible()
    expect(words).to_have_text("To everyone · no answer needed")
    dashboard.composer.fill("Yes, go")
    expect(words).to_contain_text(f"claude's question #{asked} stays open")
    instead = dashboard.button("Answer it instead")
    dashboard.page.get_by_label("Recipient").select_option("codex")
    expect(instead).to_have_count(0)  # claude does not read it
    dashboard.page.get_by_label("Recipient").select_option("all")
    instead.click()
    expect(words).to_have_text(f"Reply to claude's question #{asked} · answers it")
    expect(dashboard.composer).to_have_value("Yes, go")
    expect(dashboard.composer).to_be_focused()
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".composer .pending")).to_contain_text("Your answer to claude")
    dashboard.composer.fill("Next")
    expect(instead).to_have_count(0)  # its answer is on its way
    dashboard.composer.fill("")
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    expect(dashboard.message(asked)).to_contain_text("answered")


def test_several_questions_that_stay_open_are_counted(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    first, _ = claude.ask("One?"), claude.ask("Two?")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(2)
    dashboard.composer.fill("Yes")
    expect(says(dashboard)).to_contain_text(
        f"claude's question #{first} and 1 more stay open"
    )
    dashboard.button(f"Answer #{first} instead").click()
    expect(says(dashboard)).to_have_text(
        f"Reply to claude's question #{first} · answers it"
    )


@pytest.mark.parametrize("width", [320, 375])
def test_words_and_controls_are_whole_on_a_phone(
    new_dashboard: NewDashboard, width: int
) -> None:
    dashboard = new_dashboard(viewport={"width": width, "height": 740})
    long = "a-name-that-is-as-long-as-names-may-be-" + "x" * 25
    asked = dashboard.relay.agent(long).ask("Well?")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    dashboard.page.keyboard.press("r")
    expect(says(dashboard)).to_have_text(
        f"Reply to {long}'s question #{asked} · answers it"
    )
    foot = dashboard.css(".composer-foot")
    assert foot.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert says(dashboard).evaluate("node => node.scrollWidth <= node.clientWidth")
    send = dashboard.button("Send").bounding_box()
    assert send is not None
    assert send["x"] + send["width"] <= width
    assert send["width"] >= 36
    expect(dashboard.button("Send")).to_be_in_viewport(ratio=0.99)


def test_names_are_completed_and_one_at_the_beginning_is_the_recipient(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    for name in ("codex", "claude", "reviewer"):
        relay.agent(name).say("x")
    dashboard.sign_in()
    for name in ("codex", "claude", "reviewer"):
        expect(dashboard.agent_row(name)).to_be_visible()
    names = dashboard.page.get_by_role("listbox", name="Names in this room")
    press, typed = dashboard.page.keyboard.press, dashboard.page.keyboard.type
    dashboard.composer.click()
    typed("@c")
    options = names.get_by_role("option")
    expect(options).to_have_text([re.compile("claude"), re.compile("codex")])
    expect(dashboard.composer).to_have_attribute("role", "combobox")
    expect(dashboard.composer).to_have_attribute("aria-expanded", "true")
    active = dashboard.composer.get_attribute("aria-activedescendant") or ""
    expect(dashboard.css(f"#{active}")).to_have_attribute("aria-selected", "true")
    press("ArrowDown")
    expect(options.last).to_have_attribute("aria-selected", "true")
    press("Enter")
    expect(names).to_have_count(0)
    expect(dashboard.composer).to_have_value("@codex ")
    expect(dashboard.composer).to_be_focused()
    expect(dashboard.page.get_by_label("Recipient")).to_have_value("codex")
    expect(says(dashboard)).to_have_text("Asks codex")
    typed("as @rev")
    press("Tab")
    expect(dashboard.composer).to_have_value("@codex as @reviewer ")
    expect(dashboard.page.get_by_label("Recipient")).to_have_value("codex")
    typed("said")
    press("Enter")
    expect(dashboard.page.get_by_label("Recipient")).to_have_value("all")
    expect(dashboard.css(".msg")).to_have_count(4)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert (said["to"], said["text"]) == ("codex", "@codex as @reviewer said")


def test_escape_closes_the_names_and_deleting_one_restores_the_recipient(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("codex").say("x")
    dashboard.sign_in()
    names = dashboard.page.get_by_role("listbox")
    dashboard.composer.click()
    dashboard.page.keyboard.type("a@b.org and @co")
    expect(names).to_be_visible()
    dashboard.page.keyboard.press("Escape")
    expect(names).to_have_count(0)
    expect(dashboard.composer).to_be_focused()
    dashboard.composer.fill("@co")
    names.get_by_role("option").click()
    expect(dashboard.composer).to_have_value("@codex ")
    recipient = dashboard.page.get_by_label("Recipient")
    expect(recipient).to_have_value("codex")
    dashboard.composer.fill("codex")
    expect(recipient).to_have_value("all")
    dashboard.composer.fill("mail to me@co")
    expect(names).to_have_count(0)


def test_choices_are_offered_with_an_own_question(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    codex.say("x")
    dashboard.sign_in()
    expect(dashboard.button("Offer choices")).to_have_count(0)
    dashboard.page.get_by_label("Recipient").select_option("codex")
    dashboard.button("Offer choices").click()
    field = dashboard.page.get_by_label("Add an answer to offer")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("maxlength", "40")
    dashboard.page.keyboard.type("now")
    dashboard.composer.fill("Ship it?")
    dashboard.composer.press("Enter")
    expect(dashboard.css(".composer .problem")).to_have_text(
        "Offer at least two choices, or none."
    )
    field.fill("later")
    field.press("Enter")
    field.fill("never")
    field.press("Enter")
    expect(dashboard.css(".offered .choice-mark")).to_have_text(
        ["now", "later", "never"]
    )
    dashboard.button("Remove never").click()
    dashboard.composer.press("Enter")
    expect(dashboard.css(".msg .choice-mark")).to_have_text(["now", "later"])
    expect(dashboard.css(".offered")).to_have_count(0)
    heard = codex.call("GET", "/messages?since=0").json["messages"][-1]
    assert heard["choices"] == ["now", "later"]
    codex.call(
        "POST",
        "/messages",
        {"choice": "later", "reply_to": heard["seq"], "to": "operator"},
    )
    expect(dashboard.css(".msg .is-chosen")).to_contain_text("later")


def test_what_the_relay_says_about_a_message_is_shown(dashboard: Dashboard) -> None:
    """Who hears of it, and that a recipient is not there."""
    relay = dashboard.relay
    relay.agent("codex").say("x")
    gone = relay.agent("gone")
    gone.say("Bye.", to="operator")
    relay.do("/admin/revoke", {"target": "gone", "all": True})
    dashboard.sign_in()
    expect(dashboard.agent_row("gone")).to_have_count(0)
    note = dashboard.css(".composer-note")
    dashboard.page.get_by_label("Recipient").select_option("codex")
    dashboard.send("for you")
    expect(note).to_contain_text("Sent #")
    expect(note).to_contain_text("codex: online")
    expect(note).not_to_have_class(re.compile("is-doubt"))
    dashboard.composer.fill("x")
    expect(note).to_have_text("")
    dashboard.composer.fill("")
    row = dashboard.css(".msg[data-from=gone]")
    row.hover()
    row.get_by_role("button", name="Reply", exact=True).click()
    dashboard.send("still there?")
    expect(note).to_have_class(re.compile("is-doubt"))
    expect(note).to_contain_text("gone")


def offered(dashboard: Dashboard) -> Locator:
    return dashboard.css(".offered .choice-mark bdi")


def start_question(dashboard: Dashboard) -> None:
    """Ask anyone, with two choices."""
    dashboard.page.get_by_label("Who should answer").select_option("anyone")
    dashboard.composer.fill("Which one?")
    dashboard.button("Offer choices").click()
    for choice in ("left", "right"):
        dashboard.page.get_by_label("Add an answer to offer").fill(choice)
        dashboard.page.keyboard.press("Enter")
    expect(offered(dashboard)).to_have_text(["left", "right"])


def test_a_started_question_survives_a_reply_and_its_end(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    seq = claude.say("For you alone.", to="operator")
    dashboard.sign_in()
    start_question(dashboard)
    row = dashboard.message(seq)
    row.hover()
    row.get_by_role("button", name="Reply", exact=True).click()
    expect(offered(dashboard)).to_have_text(["left", "right"])
    expect(dashboard.composer).to_have_value("Which one?")
    expect(says(dashboard)).to_contain_text("asks anyone")
    dashboard.button("Cancel the reply").click()
    expect(offered(dashboard)).to_have_text(["left", "right"])
    expect(says(dashboard)).to_contain_text("To everyone · asks anyone")
    row.hover()
    row.get_by_role("button", name="Reply", exact=True).click()
    dashboard.composer.press("Enter")
    expect(dashboard.css(".msg")).to_have_count(2)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert (said["reply_to"], said["choices"]) == (seq, ["left", "right"])
    assert said["expects_reply"] == "anyone"


def test_choices_stay_whoever_is_chosen(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    relay.room("ops")
    dashboard.sign_in("?room=build")
    start_question(dashboard)
    to = dashboard.page.get_by_label("Recipient")
    to.select_option("claude")
    expect(offered(dashboard)).to_have_text(["left", "right"])
    dashboard.page.get_by_label("Who should answer").select_option("default")
    expect(says(dashboard)).to_have_text("Asks claude")
    to.select_option("all")
    expect(says(dashboard)).to_contain_text("asks claude")
    expect(offered(dashboard)).to_have_text(["left", "right"])
    dashboard.page.get_by_label("Who should answer").select_option(label="nobody")
    expect(says(dashboard)).to_contain_text(
        "the choices are not sent, since nobody is asked"
    )
    dashboard.enter("ops")
    dashboard.enter("build")
    dashboard.page.get_by_label("Who should answer").select_option("anyone")
    expect(offered(dashboard)).to_have_text(["left", "right"])


def test_letters_typed_after_a_click_on_a_message_are_no_shortcuts(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    seqs = [claude.say(text) for text in ("one", "two")]
    dashboard.sign_in()
    dashboard.message(seqs[0]).locator(".prose").click()
    dashboard.page.keyboard.type("recap")
    expect(dashboard.css(".replying")).to_have_count(0)
    expect(dashboard.composer).not_to_be_focused()
    # The same message, reached with the keyboard, takes them.
    dashboard.page.keyboard.press("Shift+Tab")
    dashboard.page.keyboard.press("j")
    expect(dashboard.message(seqs[1])).to_be_focused()
    dashboard.page.keyboard.press("k")
    expect(dashboard.message(seqs[0])).to_be_focused()
    dashboard.page.keyboard.press("r")
    expect(dashboard.css(".replying")).to_contain_text("one")


def test_who_does_not_listen_is_said_before_and_after_sending(
    dashboard: Dashboard,
) -> None:
    """In words with the time of this place, as everywhere else."""
    relay = dashboard.relay
    relay.agent("codex").say("x")
    relay.stop()
    relay.start()
    dashboard.sign_in("?room=build")
    nobody = "Nobody here listens now: they read it when they come back"
    expect(says(dashboard)).to_have_text(f"To everyone · no answer needed · {nobody}")
    since = r"not listening since \d\d:\d\d"
    dashboard.page.get_by_label("Recipient").select_option("codex")
    expect(says(dashboard)).to_have_text(re.compile(f"^Asks codex · {since}$"))
    dashboard.send("Are you there?")
    note = dashboard.css(".composer-note")
    expect(note).to_have_text(re.compile(f"^Sent #2 · codex: {since}$"))
    expect(note).to_have_class(re.compile("is-doubt"))
    expect(says(dashboard)).to_have_text("Asks codex")
    # The note is about codex: that nobody else listens is still said.
    dashboard.page.get_by_label("Recipient").select_option("all")
    expect(says(dashboard)).to_contain_text(nobody)
    dashboard.composer.fill("x")
    dashboard.message(1).hover()
    dashboard.message(1).get_by_role("button", name="Reply", exact=True).click()
    expect(says(dashboard)).to_contain_text(nobody)


def test_a_note_of_what_was_sent_goes_away(dashboard: Dashboard) -> None:
    dashboard.relay.agent("codex").say("x")
    dashboard.sign_in("?room=build")
    dashboard.page.clock.install()
    dashboard.page.get_by_label("Recipient").select_option("codex")
    dashboard.send("For you.")
    note = dashboard.css(".composer-note")
    expect(note).to_contain_text("Sent #2 · codex:")
    dashboard.page.clock.fast_forward(11_000)
    expect(note).to_have_text("")


def test_the_view_of_an_agent_says_once_that_it_does_not_listen(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("codex").say("x")
    relay.stop()
    relay.start()
    dashboard.sign_in("?room=build&with=codex")
    expect(dashboard.css(".head")).to_contain_text("not listening since")
    expect(says(dashboard)).to_have_text("Asks codex")


def history(dashboard: Dashboard) -> list[str]:
    found = dashboard.relay.admin("GET", "/admin/rooms/build/history").json
    return [each["text"] for each in found["messages"]]


def reply(dashboard: Dashboard, seq: int) -> None:
    dashboard.message(seq).hover()
    dashboard.message(seq).get_by_role("button", name="Reply", exact=True).click()


def test_an_answer_from_the_composer_can_be_undone_like_one_from_the_inbox(
    dashboard: Dashboard,
) -> None:
    asked = dashboard.relay.agent("claude").ask("Ship it?", to="operator")
    dashboard.sign_in("?room=build")
    reply(dashboard, asked)
    dashboard.send("Yes.")
    expect(dashboard.composer).to_have_value("")
    line = dashboard.css(".composer .pending")
    expect(line).to_have_text(
        re.compile(r"^\s*Your answer to claude is sent\s*in [1-5] s\s*Undo$")
    )
    expect(dashboard.css(".sidebar .outgoing .said")).to_have_text("Yes.")
    line.get_by_role("button", name="Undo").click()
    expect(line).to_have_count(0)
    expect(dashboard.composer).to_have_value("Yes.")
    expect(dashboard.css(".replying")).to_contain_text("Ship it?")
    assert history(dashboard) == ["Ship it?"]
    dashboard.composer.press("Enter")
    expect(dashboard.message(asked + 1)).to_contain_text("Yes.", timeout=15_000)
    expect(dashboard.composer).to_have_value("")
    expect(dashboard.css(".composer-note")).to_contain_text("Sent #2 · claude:")


def test_what_is_said_after_an_answer_does_not_come_before_it(
    dashboard: Dashboard,
) -> None:
    asked = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in("?room=build")
    reply(dashboard, asked)
    dashboard.send("Yes.")
    expect(dashboard.css(".composer .pending")).to_be_visible()
    dashboard.send("And tell the others.")
    expect(dashboard.message(asked + 2)).to_be_visible()
    assert history(dashboard) == ["Ship it?", "Yes.", "And tell the others."]


def test_an_answer_that_is_refused_returns_to_the_composer(
    dashboard: Dashboard,
) -> None:
    """Sent again, it has the same idempotency key: it may have been stored."""
    asked = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in("?room=build")
    keys: list[str] = []

    def refuse(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        problem = {"detail": {"error": "unavailable", "detail": "The disk is full."}}
        route.fulfill(status=503, json=problem)

    dashboard.page.route("**/admin/say", refuse)
    reply(dashboard, asked)
    for _ in range(2):
        dashboard.composer.fill("Yes.")
        dashboard.composer.press("Enter")
        dashboard.send_now()
        expect(dashboard.css(".composer .problem")).to_contain_text("The disk is full.")
        expect(dashboard.composer).to_have_value("Yes.")
        expect(dashboard.css(".replying")).to_contain_text("Ship it?")
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_closed_room_is_reopened_where_one_writes_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport={"width": 375, "height": 740})
    dashboard.relay.agent("claude", "old").say("over")
    dashboard.relay.do("/admin/rooms/old/close")
    dashboard.sign_in("?room=old")
    note = dashboard.css(".closed-note")
    expect(note).to_contain_text("its agents were told to leave: only you can post.")
    expect(dashboard.css(".says")).not_to_contain_text("when they come back")
    note.get_by_role("button", name="Reopen room").click()
    expect(note).to_have_count(0)


def test_a_click_beside_the_field_is_meant_for_it(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(1)
    dashboard.css(".msg").click()
    dashboard.css(".says").click()
    expect(dashboard.composer).to_be_focused()
    dashboard.page.keyboard.type("really")
    expect(dashboard.composer).to_have_value("really")
    expect(dashboard.css(".replying")).to_have_count(0)
