"""Threads: replies in the right pane, and answering there."""

import re

import pytest
from playwright.sync_api import Locator, Request, expect

from support.axe import check_widths
from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def in_thread(dashboard: Dashboard, seq: int) -> Locator:
    return dashboard.css(f"#t-{seq}")


def open_thread(dashboard: Dashboard, seq: int) -> None:
    dashboard.call_module("panes", f"m.openThread('build', {seq})")
    expect(dashboard.css(".thread .msg").first).to_be_visible()


def test_replies_are_counted_at_their_message_and_open_beside(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    asked = claude.ask("Where is it?", "codex", to="all")
    answer = codex.say("Here.", reply_to=asked)
    thanks = claude.say("Thanks.", reply_to=answer)
    claude.say("Something else.")
    dashboard.sign_in()
    replies = dashboard.message(asked).locator(".replies")
    expect(replies).to_have_text("2 replies")
    expect(dashboard.css(".replies")).to_have_count(1)
    replies.click()
    expect(dashboard.css(".thread .msg")).to_have_count(3)
    expect(dashboard.css(".thread-count")).to_have_text("2 replies")
    later = codex.say("Gladly.", reply_to=thanks)
    expect(in_thread(dashboard, later)).to_contain_text("Gladly.")
    expect(replies).to_have_text("3 replies")
    expect(dashboard.css(".thread")).not_to_contain_text("Something else.")


def test_a_reply_opens_its_whole_thread_and_is_marked(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    first = claude.say("one")
    second = claude.say("two", reply_to=first)
    third = claude.say("three", reply_to=second)
    dashboard.sign_in()
    dashboard.message(second).hover()
    dashboard.message(second).get_by_role("button", name="Thread").click()
    expect(dashboard.css(".thread .msg")).to_have_count(3)
    expect(in_thread(dashboard, second)).to_have_class(re.compile("is-marked"))
    expect(in_thread(dashboard, third)).to_be_visible()


def test_a_thread_that_begins_before_the_timeline_is_read_and_kept_up_to_date(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    asked = claude.ask("Old question?", "codex", to="all")
    aside = codex.say("Which one?", reply_to=asked, expects_reply="claude")
    claude.say_all(f"filler {number}" for number in range(80))
    recent = claude.say("This one.", reply_to=aside)
    asks: list[str] = []

    def note(request: Request) -> None:
        if "/messages/" in request.url:
            asks.append(request.url)

    dashboard.sign_in()
    dashboard.page.on("request", note)
    open_thread(dashboard, recent)
    expect(dashboard.css(".thread .msg")).to_have_count(3)
    expect(in_thread(dashboard, asked).locator(".badge")).to_have_attribute(
        "data-state", "open"
    )
    assert 1 <= len(asks) <= 4
    late = codex.say("Late.", reply_to=recent)
    expect(in_thread(dashboard, late)).to_be_visible()


def test_the_composer_of_a_thread_answers_its_question(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    asked = relay.agent("claude").ask("May I?", to="operator")
    dashboard.sign_in()
    open_thread(dashboard, asked)
    says = dashboard.css("#thread-says")
    expect(says).to_have_text(f"Reply to claude's question #{asked} · answers it")
    field = dashboard.page.get_by_label("Reply to claude")
    field.fill("You may.")
    field.press("Enter")
    expect(in_thread(dashboard, asked).locator(".pending")).to_be_visible()
    in_thread(dashboard, asked).get_by_role("button", name="Undo").click()
    expect(field).to_have_value("You may.")
    expect(field).to_be_focused()
    field.press("Enter")
    dashboard.send_now()
    expect(in_thread(dashboard, asked).locator(".badge")).to_have_text(
        "answered by operator · #2"
    )
    expect(in_thread(dashboard, 2)).to_contain_text("You may.")
    expect(says).to_have_text(f"Reply to claude's question #{asked} · already answered")
    expect(dashboard.css(".thread .composer-note")).to_contain_text("Sent #2 · claude:")
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    wanted = {"reply_to": asked, "to": "claude", "expects_reply": "none"}
    assert {key: said[key] for key in wanted} == wanted


def test_a_reply_may_ask_back_and_any_reply_may_be_replied_to(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    first = claude.say("I begin.")
    second = codex.say("Why?", reply_to=first)
    dashboard.sign_in()
    open_thread(dashboard, first)
    in_thread(dashboard, second).hover()
    in_thread(dashboard, second).get_by_role("button", name="Reply").click()
    field = dashboard.page.get_by_label("Reply to codex")
    expect(field).to_be_focused()
    dashboard.page.get_by_label("Ask codex back").check()
    field.fill("Because. Or not?")
    field.press("Enter")
    expect(dashboard.css(".thread .msg")).to_have_count(3)
    said = relay.admin("GET", "/admin/rooms/build/history?limit=1").json["messages"][-1]
    assert (said["reply_to"], said["expects_reply"]) == (second, "codex")


def test_a_question_inside_a_thread_is_what_its_composer_answers(
    dashboard: Dashboard,
) -> None:
    """Opened from the inbox, the thread is about that question."""
    claude = dashboard.relay.agent("claude")
    first = claude.say("I begin.")
    asked = claude.ask("Shall I go on?", reply_to=first)
    dashboard.sign_in()
    open_thread(dashboard, asked)
    expect(dashboard.css("#thread-says")).to_contain_text(
        f"Reply to claude's question #{asked} · answers it"
    )
    field = dashboard.css("#thread-composer")
    field.fill("Yes.")
    field.press("Enter")
    dashboard.send_now()
    expect(in_thread(dashboard, asked).locator(".badge")).to_have_attribute(
        "data-state", "answered"
    )


def test_choices_are_buttons_and_the_chosen_one_is_marked(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("here")
    mine = claude.ask("Ship it?", choices=["Yes", "No, wait"])
    others = claude.ask("Which?", "codex", to="codex", choices=["a", "b"])
    dashboard.sign_in()
    expect(dashboard.message(others).locator(".msg-choices button")).to_have_count(0)
    expect(dashboard.message(others).locator(".choice-mark")).to_have_text(["a", "b"])
    open_thread(dashboard, mine)
    in_thread(dashboard, mine).get_by_role("button", name="No, wait").click()
    expect(dashboard.message(mine).locator(".pending")).to_be_visible()
    dashboard.send_now()
    for row in (dashboard.message(mine), in_thread(dashboard, mine)):
        expect(row.locator(".badge")).to_have_attribute("data-state", "answered")
        expect(row.locator(".msg-choices button")).to_have_count(0)
        expect(row.locator(".is-chosen")).to_contain_text("No, wait")
    answer = claude.call("GET", "/messages?since=0").json["messages"][-1]
    assert (answer["choice"], answer["reply_to"]) == ("No, wait", mine)


def test_a_question_that_needs_no_answer_is_withdrawn(dashboard: Dashboard) -> None:
    asked = dashboard.relay.agent("claude").ask("Still needed?")
    dashboard.sign_in()
    open_thread(dashboard, asked)
    done = dashboard.css(".thread").get_by_role("button", name="No answer needed")
    done.click()
    dashboard.button("Withdraw the question?").click()
    badge = in_thread(dashboard, asked).locator(".badge")
    expect(badge).to_have_text("withdrawn by operator")
    # The relay's own word about it is no reply.
    expect(dashboard.css(".thread .event")).to_have_count(1)
    expect(dashboard.css(".thread-count")).to_have_text("No replies yet")
    expect(dashboard.css(".replies")).to_have_count(0)
    expect(done).to_have_count(0)


def test_who_has_read_a_message_is_said_on_demand(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.poll()
    seq = claude.say("Read this.")
    dashboard.sign_in()
    open_thread(dashboard, seq)
    dashboard.button("Who has read it?").click()
    expect(dashboard.css(".thread-tools")).to_contain_text("Nobody has read it yet.")
    cursor = codex.call("GET", "/messages?since=resume").json["cursor"]
    codex.call("GET", f"/messages?since={cursor}")
    dashboard.button("Who has read it?").click()
    expect(dashboard.css(".thread-tools")).to_contain_text("Read by codex")


def test_a_thread_of_a_message_that_does_not_exist_says_so(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("claude").say("x")
    dashboard.sign_in("?room=build&thread=77")
    expect(dashboard.css(".pane")).to_contain_text("Message 77 does not exist")


def test_a_failed_reply_keeps_its_text(dashboard: Dashboard) -> None:
    asked = dashboard.relay.agent("claude").ask("Well?")
    dashboard.sign_in()
    open_thread(dashboard, asked)
    dashboard.page.route("**/admin/say", lambda route: route.abort())
    field = dashboard.css("#thread-composer")
    field.fill("half a thought")
    field.press("Enter")
    dashboard.send_now()
    expect(dashboard.css(".thread .problem")).to_contain_text("Your text is kept")
    expect(field).to_have_value("half a thought")
    dashboard.page.unroute("**/admin/say")
    field.press("Enter")
    expect(field).to_have_value("")
    dashboard.send_now()
    expect(dashboard.css(".thread .msg")).to_have_count(2)
    expect(field).to_have_value("")


def test_an_unchanged_message_is_not_rendered_again_by_a_reply(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    first = claude.say("I begin.")
    second = claude.say("And go on.", reply_to=first)
    dashboard.sign_in()
    open_thread(dashboard, first)
    expect(in_thread(dashboard, second)).to_be_visible()
    dashboard.page.evaluate(
        """() => {
          window.changed = [];
          new MutationObserver((records) => {
            for (const { target } of records) {
              const node = target.nodeType === 1 ? target : target.parentElement;
              window.changed.push(node.closest(".msg")?.id ?? "");
            }
          }).observe(document.querySelector(".thread"), {
            subtree: true, childList: true, characterData: true, attributes: true,
          });
        }"""
    )
    claude.say("And on.", reply_to=second)
    expect(dashboard.css(".thread .msg")).to_have_count(3)
    changed = dashboard.page.evaluate("window.changed")
    assert f"t-{second}" not in changed
    assert f"t-{first}" not in changed


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_thread(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    relay = dashboard.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("hello")
    asked = claude.ask("Ship it?", to="all", choices=["Yes", "No"])
    relay.agent("gemini").say("I would.", reply_to=asked)
    dashboard.sign_in(f"?room=build&thread={asked}")
    expect(dashboard.css(".thread .msg")).to_have_count(2)
    check_widths(dashboard, "thread")
    dashboard.css("#thread-composer").fill("@co")
    expect(dashboard.css("#thread-names")).to_be_visible()
    check_widths(dashboard, "completion")
