"""The inbox: D18 to D25, answering in place."""

import re
from signal import SIGKILL

import pytest
from playwright.sync_api import Locator, expect

from support.browser import Dashboard, NewDashboard, wait_until

pytestmark = pytest.mark.browser

PHONE = {"width": 375, "height": 740}


def leave_list(dashboard: Dashboard) -> None:
    """Move the pointer away from the cards, which keep their places under it."""
    dashboard.css("h1.channel-title").hover()


def leave_page(dashboard: Dashboard) -> None:
    """Leave the inbox page, where sent cards keep their places, and come back."""
    dashboard.room_row("build").click()
    leave_list(dashboard)
    expect(dashboard.css(".sidebar .outgoing")).to_have_count(0, timeout=15_000)
    show_inbox(dashboard)


def undo(dashboard: Dashboard) -> Locator:
    """Find the button of the card that takes an answer back; the room has one too."""
    return dashboard.css(".outgoing .undo")


def answers_to(dashboard: Dashboard, room: str, seq: int) -> list[str]:
    thread = dashboard.relay.admin("GET", f"/admin/rooms/{room}/messages/{seq}")
    return [each["text"] for each in thread.json["replies"]]


def put_off(place: Locator, words: str = "For 10 minutes") -> None:
    """Put off the question of a card, by keyboard."""
    place.get_by_role("button", name="Later", exact=True).press("Enter")
    place.get_by_role("menuitem", name=words).press("Enter")


def show_inbox(dashboard: Dashboard) -> None:
    dashboard.css(".place-row").first.click()
    expect(dashboard.css("h1.channel-title")).to_have_text("Inbox")


def test_cards_are_shown_above_the_rooms_while_questions_ask_the_operator(
    dashboard: Dashboard,
) -> None:
    """D18: without one, there is only the place itself."""
    claude = dashboard.relay.agent("claude")
    claude.say("no question")
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    expect(dashboard.css(".waiting-row")).to_have_count(0)
    expect(dashboard.button("Inbox")).to_be_visible()
    claude.ask("but now?")
    expect(dashboard.button("Inbox Asks you 1")).to_be_visible()
    expect(dashboard.css(".sidebar .waiting-row")).to_have_count(1)
    above = dashboard.page.evaluate(
        "document.querySelector('.inbox').compareDocumentPosition("
        "document.querySelector('.rooms')) & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    assert above


def test_at_most_three_cards_are_above_the_rooms_and_the_rest_a_click_away(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(9):
        claude.ask(f"Question {number}?")
    dashboard.sign_in()
    expect(dashboard.css(".sidebar .waiting-row")).to_have_count(3)
    expect(dashboard.room_row("build")).to_be_in_viewport()
    dashboard.button("6 more").click()
    assert dashboard.page.url.endswith("?view=inbox")
    expect(dashboard.css(".sidebar .waiting-row")).to_have_count(0)
    expect(dashboard.css(".inbox-view .waiting-row")).to_have_count(9)
    dashboard.page.go_back()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")


def test_questions_between_agents_are_folded_below_those_to_the_operator(
    dashboard: Dashboard,
) -> None:
    """The rule is the relay's: `anyone` asks the operator after two minutes."""
    relay = dashboard.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("here")
    claude.ask("Codex?", "codex")
    claude.ask("Anyone?", "anyone")
    claude.ask("You?")
    dashboard.sign_in()
    expect(dashboard.css(".sidebar .waiting-text")).to_have_text(["You?"])
    expect(dashboard.css(".place-row").first).to_have_attribute(
        "title", re.compile("^1 question to you .*, 2 between agents")
    )
    show_inbox(dashboard)
    expect(dashboard.css("#asks-label")).to_contain_text("Asks you · 1")
    expect(dashboard.css(".waiting-row")).to_have_count(1)
    fold = dashboard.button("Between agents · 2")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(dashboard.css(".waiting-text")).to_have_text(["You?", "Codex?", "Anyone?"])


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
    second.ask("Who can help me?")
    seq = second.ask("And who else?", "anyone")
    relay.agent("claude", "build").claim(seq)
    dashboard.sign_in("?room=here")
    rows = dashboard.css(".waiting-open")
    expect(rows).to_have_count(2)
    texts = rows.all_inner_texts()
    assert re.match(r"WR\s+writer\s+#docs\s+0:0\d\s+Shall I add", texts[0])
    assert re.match(r"CO\s+codex\s+#build\s+0:0\d\s+Who can help", texts[1])
    show_inbox(dashboard)
    dashboard.css("#between-label .fold").click()
    label = rows.nth(2).get_attribute("aria-label") or ""
    assert re.match(r"codex in build has been waiting \w+: And who else", label)
    assert "Claimed by claude, still unanswered." in label
    expect(dashboard.css(".waiting-row").nth(2)).to_contain_text("claimed by claude")


def test_questions_of_a_pinned_room_come_first(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude", "calm").ask("Hi?")
    relay.agent("sre-bot", "incident").ask("May I roll back?")
    dashboard.sign_in("?room=incident")
    asking = dashboard.css(".waiting-open .name")
    expect(asking).to_have_text(["claude", "sre-bot"])
    dashboard.button("Actions for #incident").click()
    dashboard.page.get_by_role("menuitem", name="Pin room").click()
    expect(asking).to_have_text(["sre-bot", "claude"])
    dashboard.page.reload()
    expect(asking).to_have_text(["sre-bot", "claude"])
    show_inbox(dashboard)
    expect(dashboard.css(".inbox-view .hint").first).to_contain_text(
        "Pinned rooms come first, then urgent questions, then the longest wait."
    )


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
    expect(dashboard.css(".place-row").first).to_have_attribute(
        "title", re.compile(r"1 question to you \(1 waiting over 5 minutes\)")
    )
    expect(dashboard.page).to_have_title("(1) #build · Argybargy")


def test_a_card_opens_the_thread_of_its_question(dashboard: Dashboard) -> None:
    """D24. Its room is shown at the question, which may lie far back."""
    dashboard.relay.room("here")
    seq = dashboard.relay.agent("claude", "build").ask("Ship it?")
    dashboard.sign_in("?room=here")
    dashboard.css(".waiting-open").click()
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Ship it?")
    assert dashboard.page.url.endswith(f"?room=build&seq={seq}&thread={seq}")
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.message(seq).first).to_be_visible()


def test_a_card_leaves_when_its_question_is_answered_and_others_stay(
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
    dashboard.sign_in("?view=inbox")
    dashboard.css("#between-label .fold").click()
    expect(dashboard.css(".waiting-open")).to_have_count(2)
    relay.say("Good morning everybody.")
    codex.say("It is.", reply_to=asked)
    expect(dashboard.css(".waiting-open")).to_have_count(1)
    expect(dashboard.css(".waiting-open")).to_contain_text("writer")


def test_a_question_is_answered_in_place_five_seconds_later(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.room("here")
    writer = relay.agent("writer", "docs")
    seq = writer.ask("Shall I add a page?")
    dashboard.sign_in("?room=here")
    dashboard.button("Answer").click()
    expect(dashboard.page.get_by_label("Answer writer")).to_be_focused()
    dashboard.page.keyboard.type("Yes, one page.")
    dashboard.page.keyboard.press("Enter")
    card = dashboard.css(".waiting-row")
    expect(card.locator(".outgoing")).to_have_text(
        re.compile(r"^Yes, one page.\s*Sending in [1-5] s\s*Undo$")
    )
    leave_list(dashboard)
    expect(undo(dashboard)).to_be_focused()
    assert answers_to(dashboard, "docs", seq) == []
    expect(card.locator(".outgoing")).to_have_text(
        re.compile(r"^Yes, one page.\s*Sent to #docs · #2$"), timeout=15_000
    )
    expect(card).to_have_count(0, timeout=15_000)
    expect(dashboard.css("h1.channel-title")).to_have_text("here")
    said = writer.call("GET", "/messages?since=0&wait=10").json["messages"][-1]
    assert (said["text"], said["reply_to"]) == ("Yes, one page.", seq)
    assert said["from_kind"] == "operator"
    drafts = dashboard.page.evaluate("sessionStorage.argy_drafts")
    assert "one page" not in drafts


def test_an_undone_answer_is_not_sent_and_can_be_changed(dashboard: Dashboard) -> None:
    seq = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes")
    dashboard.page.keyboard.press("Enter")
    undo(dashboard).click()
    field = dashboard.page.get_by_label("Answer claude")
    expect(field).to_have_value("Yes")
    expect(field).to_be_focused()
    dashboard.send_now()
    dashboard.page.keyboard.press("End")
    dashboard.page.keyboard.type(", on Thursday.")
    dashboard.page.keyboard.press("Enter")
    dashboard.send_now()
    leave_list(dashboard)
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    assert answers_to(dashboard, "build", seq) == ["Yes, on Thursday."]


def test_an_answer_on_its_way_survives_a_closed_tab(dashboard: Dashboard) -> None:
    seq = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes.")
    dashboard.page.keyboard.press("Enter")
    expect(undo(dashboard)).to_be_visible()
    dashboard.page.goto("about:blank")
    wait_until(lambda: answers_to(dashboard, "build", seq) == ["Yes."])


def test_an_answer_that_is_refused_keeps_its_text(dashboard: Dashboard) -> None:
    seq = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    problem = {"detail": {"error": "unavailable", "detail": "The disk is full."}}
    dashboard.page.route(
        "**/admin/say", lambda route: route.fulfill(status=503, json=problem)
    )
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes.")
    dashboard.page.keyboard.press("Enter")
    dashboard.send_now()
    card = dashboard.css(".waiting-row")
    expect(card.get_by_role("alert")).to_have_text(
        "Not sent: The disk is full. Your text is kept."
    )
    expect(dashboard.page.get_by_label("Answer claude")).to_have_value("Yes.")
    dashboard.page.unroute("**/admin/say")
    card.get_by_role("button", name="Send").click()
    dashboard.send_now()
    leave_list(dashboard)
    expect(card).to_have_count(0, timeout=15_000)
    assert answers_to(dashboard, "build", seq) == ["Yes."]


def test_a_lost_response_does_not_send_an_answer_twice(dashboard: Dashboard) -> None:
    """The same answer keeps its idempotency key."""
    seq = dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    keys: list[str] = []
    dashboard.page.on(
        "request",
        lambda request: (
            keys.append(request.headers.get("idempotency-key", ""))
            if request.url.endswith("/admin/say")
            else None
        ),
    )
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes.")
    dashboard.page.keyboard.press("Enter")
    dashboard.send_now()
    dashboard.send_now()
    leave_list(dashboard)
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    assert answers_to(dashboard, "build", seq) == ["Yes."]
    assert len(keys) == 1
    assert keys[0]


def test_an_offered_choice_is_one_tap(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    seq = claude.ask("Ship it?", choices=["Now", "On Thursday"])
    dashboard.sign_in()
    offered = dashboard.page.get_by_role("group", name="Answers that claude offers")
    expect(offered.get_by_role("button")).to_have_text(["Now", "On Thursday"])
    offered.get_by_role("button", name="On Thursday").click()
    undo(dashboard).click()
    expect(offered).to_be_visible()
    offered.get_by_role("button", name="On Thursday").click()
    dashboard.send_now()
    leave_list(dashboard)
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    said = claude.call("GET", "/messages?since=0").json["messages"][-1]
    assert (said["choice"], said["reply_to"]) == ("On Thursday", seq)


def test_a_question_that_needs_no_answer_is_withdrawn(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    seq = claude.ask("Still relevant?")
    dashboard.sign_in()
    needless = dashboard.button("No answer needed")
    expect(needless).to_have_attribute(
        "title", "Ends the question; claude is told that it needs no answer"
    )
    needless.click()
    expect(dashboard.css(".outgoing")).to_contain_text("No answer needed · told in")
    undo(dashboard).click()
    needless.click()
    dashboard.send_now()
    leave_list(dashboard)
    expect(dashboard.css(".outgoing")).to_contain_text(
        "No answer needed · claude is told"
    )
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    asked = claude.call("GET", f"/messages/{seq}").json["message"]
    assert asked["question"]["state"] == "withdrawn"


def test_a_question_between_agents_is_not_withdrawn_by_one_tap(
    dashboard: Dashboard,
) -> None:
    codex = dashboard.relay.agent("codex")
    claude = dashboard.relay.agent("claude")
    seq = codex.ask("Claude?", "claude")
    dashboard.sign_in("?view=inbox")
    dashboard.button("Between agents · 1").click()
    expect(dashboard.button("No answer needed")).to_have_count(0)
    dashboard.button("Actions for the question of codex").click()
    dashboard.page.get_by_role(
        "menuitem", name="No answer needed: codex is told"
    ).click()
    expect(dashboard.css(".outgoing")).to_contain_text("No answer needed · told in")
    dashboard.send_now()
    expect(dashboard.css(".outgoing")).to_contain_text("codex is told")
    asked = claude.call("GET", f"/messages/{seq}").json["message"]
    assert asked["question"]["state"] == "withdrawn"


def test_no_card_moves_under_the_pointer(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(3):
        claude.ask(f"Question {number}?", choices=["Yes", "No"])
    dashboard.sign_in("?view=inbox")
    rows = dashboard.css(".waiting-row")
    rows.nth(0).get_by_role("button", name="Yes").click()
    dashboard.send_now()
    expect(rows.nth(0)).to_contain_text("Sent to #build · #4")
    rows.nth(1).get_by_role("button", name="Later").click()
    dashboard.page.get_by_role("menuitem", name="For 10 minutes").click()
    expect(rows.nth(1)).to_contain_text("Back at")
    expect(dashboard.css("#asks-label")).to_have_text("Asks you · 1")
    expect(rows).to_have_count(3)
    leave_list(dashboard)
    expect(rows).to_have_count(2)
    leave_page(dashboard)
    expect(dashboard.css(".waiting-text")).to_have_text(["Question 2?"], timeout=15_000)


def test_a_sent_card_keeps_its_height_and_place_on_the_inbox_page(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(3):
        claude.ask(f"Question {number}?", choices=["Yes", "No"])
    dashboard.sign_in("?view=inbox")
    rows = dashboard.css(".waiting-row")
    below = rows.nth(1).bounding_box()
    rows.nth(0).get_by_role("button", name="Yes").click()
    expect(rows.nth(0).locator(".said")).to_have_text("Yes")
    assert rows.nth(1).bounding_box() == below
    dashboard.send_now()
    leave_list(dashboard)
    expect(rows.nth(0)).to_contain_text("Sent to #build · #4")
    expect(dashboard.css("#asks-label")).to_have_text("Asks you · 2")
    assert rows.nth(1).bounding_box() == below


def test_waiting_cards_are_never_hidden_behind_answered_ones(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(5):
        claude.ask(f"Question {number}?", choices=["Yes", "No"])
    dashboard.sign_in()
    rows = dashboard.css(".sidebar .waiting-row")
    expect(rows).to_have_count(3)
    for number in range(3):
        rows.nth(number).get_by_role("button", name="Yes").click()
    expect(rows).to_have_count(5)
    expect(dashboard.css(".fold.more")).to_have_count(0)
    expect(rows.nth(3)).to_contain_text("Question 3?")


def test_answered_cards_below_a_pointer_that_rests_leave(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(5):
        claude.ask(f"Question {number}?", choices=["Yes", "No"])
    dashboard.sign_in()
    texts = dashboard.css(".sidebar .waiting-text")
    first = dashboard.css(".sidebar .waiting-row").first
    first.get_by_role("button", name="Yes").click()
    for number in (1, 2):
        row = dashboard.css(".sidebar .waiting-row").nth(number)
        row.get_by_role("button", name="Yes").press("Enter")
    place = first.bounding_box()
    dashboard.send_now()
    expect(texts).to_have_text([f"Question {number}?" for number in (0, 3, 4)])
    expect(first).to_contain_text("Sent to #build")
    assert first.bounding_box() == place
    leave_list(dashboard)
    expect(texts).to_have_text(["Question 3?", "Question 4?"])


def test_the_frame_of_the_focus_goes_round_the_whole_card(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("claude").ask("Ship it?", choices=["Yes", "No"])
    dashboard.sign_in()
    opener = dashboard.css(".sidebar .waiting-open")
    dashboard.page.keyboard.press("Tab")  # the focus is shown to a keyboard only
    opener.focus()
    style = "node => getComputedStyle(node).outlineStyle"
    assert opener.evaluate(style) == "none"
    assert dashboard.css(".sidebar .waiting-row").evaluate(style) == "solid"


def test_a_question_is_put_off_for_as_long_as_chosen_in_every_tab(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("claude").ask("Now?")
    dashboard.sign_in()
    card = dashboard.css(".waiting-row")
    card.get_by_role("button", name="Later").click()
    expect(dashboard.page.get_by_role("menuitem")).to_have_text(
        [
            "For 10 minutes",
            "For 1 hour",
            "For 4 hours",
            re.compile("^Until tomorrow, 0?9:00"),
        ]
    )
    dashboard.page.keyboard.press("Escape")
    other = Dashboard.open_tab(dashboard.relay, dashboard.page.context)
    other.open().wait_live()
    put_off(card, "For 1 hour")
    for tab in (dashboard, other):
        expect(tab.css(".asks")).to_have_count(0)
    dashboard.page.reload()
    expect(dashboard.button("1 later")).to_be_visible()
    dashboard.advance_clock(3_590)
    expect(dashboard.button("1 later")).to_be_visible()
    dashboard.advance_clock(11)
    expect(dashboard.css(".asks")).to_have_text("Asks you 1")


def test_what_asks_anyone_is_not_said_to_ask_you(dashboard: Dashboard) -> None:
    """After two minutes the relay says that such a question asks the operator."""
    claude = dashboard.relay.agent("claude")
    claude.ask("Who has an ARM machine?", "anyone")
    dashboard.sign_in("?view=inbox")
    expect(dashboard.button("Between agents · 1")).to_be_visible()
    dashboard.call_module(
        "state",
        "m.applyDelta({ now: new Date().toISOString(), waiting: m.waiting.value.map("
        "(row) => ({ ...row, waiting_seconds: 121, asks_you: true })) })",
    )
    expect(dashboard.css(".asks")).to_have_text("Asks anyone 1")
    expect(dashboard.css("#asks-label")).to_have_text("Asks anyone · 1")
    expect(dashboard.css(".waiting-row .where")).to_have_text("#build · asks anyone")
    claude.ask("You?")
    expect(dashboard.css(".asks")).to_have_text("Asks you 1, anyone 1")
    expect(dashboard.css("#asks-label")).to_have_text("Asks you · 1, anyone · 1")


def test_a_double_enter_does_not_take_an_answer_back(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in()
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes.")
    # Both in one task of the page, whatever the speed of the machine.
    dashboard.page.clock.install()
    dashboard.page.clock.pause_at(dashboard.page.evaluate("Date.now() + 1000"))
    dashboard.page.keyboard.press("Enter")
    expect(undo(dashboard)).to_be_visible()
    undo(dashboard).press("Enter")
    expect(dashboard.css(".outgoing")).to_contain_text("Yes.")


def test_a_question_that_was_put_off_is_quiet_in_its_room(
    dashboard: Dashboard,
) -> None:
    seq = dashboard.relay.agent("claude").ask("Now?")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".turn")).to_contain_text("Asks you")
    put_off(dashboard.css(".waiting-row"))
    expect(dashboard.css(".turn")).to_have_count(0)
    badge = dashboard.message(seq).locator(".badge")
    expect(badge).to_have_text(re.compile(r"^\s*put off until \d\d:\d\d$"))
    dashboard.button("1 later").click()
    dashboard.button("Show now").click()
    expect(badge).to_contain_text("open · asks you")


def test_the_room_and_the_thread_say_that_an_answer_is_on_its_way(
    dashboard: Dashboard,
) -> None:
    seq = dashboard.relay.agent("claude").ask("Ship it?", choices=["Yes", "No"])
    dashboard.sign_in(f"?room=build&thread={seq}")
    card = dashboard.css(".sidebar .waiting-row")
    card.get_by_role("button", name="Yes").click()
    for place in (dashboard.message(seq), dashboard.css(f"#t-{seq}")):
        expect(place.locator(".pending")).to_contain_text("Your answer is being sent")
        for choice in place.locator(".msg-choices button").all():
            expect(choice).to_be_disabled()
    dashboard.message(seq).get_by_role("button", name="Undo").click()
    expect(dashboard.css(".pending")).to_have_count(0)
    expect(card.get_by_role("button", name="Yes")).to_be_enabled()
    expect(dashboard.message(seq).locator(".msg-choices button").first).to_be_enabled()
    assert answers_to(dashboard, "build", seq) == []


def test_urgent_questions_are_marked_and_come_first(dashboard: Dashboard) -> None:
    dashboard.relay.stop(SIGKILL)
    dashboard.relay.environment["ARGYBARGY_URGENT"] = "production, page me"
    dashboard.relay.start()
    claude = dashboard.relay.agent("claude")
    claude.ask("Half-even or half-up?")
    claude.ask("Production is at 40 % errors. May I roll back?")
    dashboard.sign_in("?view=inbox")
    rows = dashboard.css(".waiting-row")
    expect(rows.nth(0)).to_contain_text("Production")
    expect(rows.nth(0).locator(".urgent")).to_have_text("urgent")
    expect(dashboard.css(".urgent")).to_have_count(1)


def test_questions_with_the_same_wait_keep_their_order(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    askers = [relay.agent("claude", room) for room in ("c", "a", "b")]
    for asker in askers:
        asker.ask("Same?")
    dashboard.sign_in("?view=inbox")
    rooms = dashboard.css(".waiting-row .where")
    expect(rooms).to_have_text(["#c", "#a", "#b"])
    for _ in range(3):
        askers[0].say("news")
        dashboard.page.reload()
        expect(rooms).to_have_text(["#c", "#a", "#b"])


def test_the_operator_s_own_questions_have_a_fold(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    relay.say("Which `branch`?", to="codex", expects_reply="codex")
    dashboard.sign_in("?view=inbox")
    expect(dashboard.css(".is-own")).to_have_count(0)
    dashboard.button("You asked · 1").click()
    row = dashboard.css(".is-own")
    expect(row).to_contain_text("#build · #1 · asks codex")
    expect(row.locator("code")).to_have_text("branch")
    codex.say("main", reply_to=1)
    expect(row).to_have_count(0)
    expect(dashboard.button("You asked · 0")).to_be_visible()
    expect(dashboard.css(".inbox-view")).to_contain_text(
        "None of your questions waits for an answer."
    )


def test_who_does_not_listen_is_listed_for_all_rooms(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name, room in ("left", "docs"), ("left", "old"):
        relay.agent(name, room=room).say("x")
    relay.agent("gone", room="docs").ask("Which branch?", "left")
    relay.agent("invited", room="build")
    relay.say("Which branch?", to="left", expects_reply="left", room="docs")
    relay.admin("POST", "/admin/rooms/old/close")
    relay.stop()
    relay.start()
    relay.agent("here", room="build").poll()
    dashboard.sign_in("?view=inbox")
    dashboard.button("You asked · 1").click()
    expect(dashboard.css(".is-own")).to_contain_text("left is not listening")
    dashboard.css(".place-row").filter(has_text="Not listening2 agents").click()
    expect(dashboard.button("Not listening · 2 agents")).to_be_focused()
    rows = dashboard.css(".deaf-agent")
    assert [row.inner_text().split() for row in rows.all()] == [
        ["GO", "gone", "#docs"],
        ["LE", "left", "#docs", "·", "2", "questions", "wait", "for", "it"],
    ]
    rows.last.get_by_role("button", name="#docs").click()
    expect(dashboard.css(".channel-title")).to_have_text("left")
    expect(dashboard.css(".person-facts")).to_contain_text("not listening since")
    relay.agent("left", room="docs").poll()
    dashboard.page.keyboard.press("Control+k")
    expect(dashboard.page.get_by_label("Room, agent or command")).to_be_focused()
    dashboard.page.keyboard.type("not lis")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.button("Not listening · 1 agent")).to_be_focused()
    expect(rows).to_have_count(1)
    expect(dashboard.css(".is-own .is-deaf")).to_have_count(0)


def test_a_tap_brings_back_at_once_what_was_put_off(
    new_dashboard: NewDashboard,
) -> None:
    """A finger leaves the list with each tap, and before the click of it."""
    dashboard = new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True)
    claude = dashboard.relay.agent("claude")
    for number in range(3):
        claude.ask(f"Question {number}?")
    dashboard.sign_in("?view=inbox")
    rows = dashboard.css(".waiting-row")
    rows.first.get_by_role("button", name="Later").tap()
    dashboard.page.get_by_role("menuitem", name="For 1 hour").tap()
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Back at")
    expect(dashboard.css(".later")).to_have_count(0)
    rows.first.get_by_role("button", name="Show now").tap()
    expect(rows.first.get_by_role("button", name="Answer", exact=True)).to_be_visible()
    expect(rows).to_have_count(3)
    expect(dashboard.css(".later")).to_have_count(0)


def test_the_list_does_not_jump_when_an_answer_is_sent(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for number in range(12):
        claude.ask(f"Question {number}?")
    dashboard.sign_in("?view=inbox")
    row = dashboard.css(".waiting-row").nth(6)
    row.get_by_role("button", name="Answer", exact=True).click()
    dashboard.page.keyboard.type("Yes.")
    before = dashboard.css(".inbox-view").evaluate("node => node.scrollTop")
    assert before > 0
    dashboard.page.keyboard.press("Enter")
    expect(row.locator(".outgoing")).to_be_visible()
    dashboard.send_now()
    leave_list(dashboard)
    expect(row).to_contain_text("Sent to #build")
    expect(dashboard.css(".waiting-row")).to_have_count(12)
    after = dashboard.css(".inbox-view").evaluate("node => node.scrollTop")
    assert after == before


@pytest.mark.parametrize("width", [1280, 375])
def test_the_field_and_send_are_whole_on_the_screen(
    new_dashboard: NewDashboard, width: int
) -> None:
    """Also above the keyboard of a phone, which leaves less than half the height."""
    dashboard = new_dashboard(viewport={"width": width, "height": 640})
    claude = dashboard.relay.agent("claude")
    for number in range(5):
        claude.ask(f"Question {number}? " + "Some more words. " * 20)
    dashboard.sign_in("?view=inbox")
    row = dashboard.css(".waiting-row").nth(3)
    row.get_by_role("button", name="Answer", exact=True).click()
    for height in (640, 340):
        dashboard.page.set_viewport_size({"width": width, "height": height})
        for part in (row.get_by_label("Answer claude"), row.get_by_text("Send")):
            expect(part).to_be_in_viewport(ratio=1)


def test_a_question_can_be_put_off(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Now?")
    dashboard.sign_in()
    put_off(dashboard.css(".waiting-row"))
    expect(dashboard.css(".waiting-open")).to_have_count(0)
    expect(dashboard.css(".asks")).to_have_count(0)
    dashboard.button("1 later").click()
    expect(dashboard.css(".later li")).to_have_text(
        re.compile(r"claude #build · Now\?\s*back at \d")
    )
    expect(dashboard.css(".waiting-open")).to_have_count(0)
    dashboard.button("Show now").click()
    expect(dashboard.css(".waiting-open")).to_have_count(1)
    leave_list(dashboard)
    put_off(dashboard.css(".waiting-row"))
    expect(dashboard.css(".waiting-open")).to_have_count(0)
    dashboard.advance_clock(601)
    expect(dashboard.css(".waiting-open")).to_have_count(1)


def test_what_was_put_off_between_agents_is_counted_there(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    relay.agent("claude").say("x")
    codex.ask("Claude?", "claude")
    codex.ask("And this, claude?", "claude")
    codex.ask("You?")
    dashboard.sign_in("?view=inbox")
    dashboard.button("Between agents · 2").click()
    row = dashboard.css(".waiting-row").filter(has_text="And this")
    put_off(row)
    expect(dashboard.button("Between agents · 1 · 1 later")).to_be_visible()
    expect(dashboard.css("#asks-label")).to_have_text("Asks you · 1")
    dashboard.button("1 later").click()
    dashboard.button("Show now").click()
    expect(dashboard.button("Between agents · 2")).to_be_visible()


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
    expect(dashboard.button("Inbox Asks you 1")).to_be_visible()
    expect(row).to_contain_text("no longer waiting")
    dashboard.page.keyboard.type(" noon.")
    expect(answer).to_have_value("Not before noon.")
    dashboard.page.keyboard.press("Enter")
    dashboard.send_now()
    leave_list(dashboard)
    expect(row).to_have_count(0, timeout=15_000)


def test_a_row_names_the_agent_that_was_asked(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    relay.agent("claude").say("x")
    codex.ask("Claude?", "claude")
    codex.ask("You?")
    dashboard.sign_in("?view=inbox")
    dashboard.css("#between-label .fold").click()
    expect(dashboard.css(".waiting-row .where")).to_have_text(
        ["#build", "#build · asks claude"]
    )


def test_an_empty_inbox_says_what_comes_here(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?view=inbox")
    expect(dashboard.css(".inbox-view")).to_contain_text("Nothing asks you.")
    expect(dashboard.page).to_have_title("Inbox · Argybargy")


def test_an_answered_card_is_no_longer_urgent(
    new_dashboard: NewDashboard,
) -> None:
    relay = new_dashboard().relay
    relay.environment["ARGYBARGY_URGENT"] = "production"
    relay.stop()
    relay.start()
    relay.agent("sre-bot").ask("Production is down. May I roll back?")
    dashboard = new_dashboard(viewport=PHONE, has_touch=True, is_mobile=True)
    dashboard.sign_in("?view=inbox")
    row = dashboard.css(".waiting-row")
    expect(row.locator(".pill.urgent")).to_be_visible()
    row.get_by_role("button", name="Answer", exact=True).tap()
    field = row.get_by_label("Answer sre-bot")
    left = "node => node.getBoundingClientRect().left"
    text = row.locator(".waiting-text").evaluate(left)
    assert abs(field.evaluate(left) - text) <= 2
    assert field.evaluate("node => getComputedStyle(node).resize") == "none"
    field.fill("Yes.")
    row.get_by_role("button", name="Send").tap()
    expect(row.locator(".outgoing")).to_be_visible()
    expect(row.locator(".pill.urgent")).to_have_count(0)
    dashboard.send_now()
    expect(row.locator(".outgoing")).to_contain_text("Sent to #build")
    expect(row).not_to_contain_text("no longer waiting")


def test_an_answer_that_was_taken_back_can_be_put_off(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    dashboard.sign_in("?view=inbox")
    row = dashboard.css(".waiting-row")
    row.get_by_role("button", name="Answer", exact=True).click()
    row.get_by_label("Answer claude").fill("Not yet.")
    row.get_by_role("button", name="Send").click()
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_label("Answer claude")).to_have_value("Not yet.")
    row.get_by_role("button", name="Later", exact=True).click()
    dashboard.page.get_by_role("menuitem", name="For 1 hour").click()
    expect(dashboard.css(".inbox-view")).to_contain_text("1 later")


def test_the_name_that_is_asked_is_whole_on_a_phone(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    relay = dashboard.relay
    asked = "claude-backend-of-the-north"
    relay.agent(asked, "checkout-refactor").say("x")
    relay.agent("codex-tests", "checkout-refactor").ask("Well?", asked)
    dashboard.sign_in("?view=inbox")
    dashboard.css("#between-label .fold").click()
    where = dashboard.css(".waiting-row .where")
    expect(where).to_contain_text(asked)
    assert where.evaluate("node => node.scrollWidth <= node.clientWidth")
