"""The page of a guest: it shows one room live, and lets a person speak."""

import re
from signal import SIGTERM

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from browser.test_hostile import CORPUS, SAID, assert_harmless
from support.axe import check_accessibility
from support.browser import Agent, Dashboard, NewDashboard, Relay

pytestmark = pytest.mark.browser
PHONE = {"width": 320, "height": 568}
PRETENDS_TO_BE_HIDDEN = """(isHidden) => {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def link(relay: Relay, **fields: object) -> str:
    made: str = relay.do("/admin/rooms/build/guests", fields)["link"]
    return made


def phone(new_dashboard: NewDashboard, scheme: str = "light") -> Dashboard:
    return new_dashboard(
        viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True
    )


def status(page: Page) -> Locator:
    return page.locator(".guest-state")


def enter(page: Page, address: str) -> None:
    page.goto(address)
    expect(status(page)).to_have_text("Live")


def as_pat(relay: Relay, new_dashboard: NewDashboard) -> Page:
    page = new_dashboard().page
    enter(page, link(relay, name="pat", speaks=True))
    return page


def message(page: Page, seq: int) -> Locator:
    return page.locator(f"#m-{seq}")


def question(page: Page, seq: int) -> Locator:
    return message(page, seq).locator(".guest-question")


def replies(agent: Agent, seq: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = agent.call("GET", f"/messages/{seq}").json[
        "replies"
    ]
    return found


# -- reading ------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_sees_the_room_live_and_may_not_write(
    relay: Relay, new_dashboard: NewDashboard, scheme: str
) -> None:
    alice, bob = relay.agent("alice"), relay.agent("bob")
    alice.say("earlier words " + "x" * 300)
    alice.say("whispered words", to="bob")
    alice.ask("And you?", "anyone")
    page = phone(new_dashboard, scheme).page
    enter(page, link(relay))
    log = page.get_by_role("log")
    expect(log).to_contain_text("earlier words")
    bob.say("later words")
    expect(log).to_contain_text("later words")
    expect(log).not_to_contain_text("whispered")
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Reply|Answer"))).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.reload()
    expect(log).to_contain_text("later words")


def test_the_key_is_in_no_address_and_in_this_tab_alone(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    address = link(relay)
    tab = new_dashboard()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    enter(tab.page, address)
    secret = address.partition("#code=")[2]
    assert tab.page.url == f"{relay.url}/guest"
    assert not [url for url in asked if secret in url]
    assert tab.page.evaluate("Object.keys(localStorage).length") == 0
    assert tab.page.context.cookies() == []
    tab.page.go_back()
    tab.page.go_forward()
    expect(status(tab.page)).to_have_text("Live")
    assert tab.page.url == f"{relay.url}/guest"
    other = tab.page.context.new_page()
    other.goto(f"{relay.url}/guest")
    expect(other.get_by_role("alert")).to_contain_text("No link was opened here")


def test_messages_are_read_as_they_are_meant(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    said = alice.say("A **bold** word and `code`\n\n```sh\nls\n```")
    answer = relay.agent("bob").say("Thanks.", reply_to=said)
    page = new_dashboard().page
    enter(page, link(relay))
    expect(message(page, said).locator("strong")).to_have_text("bold")
    expect(message(page, said).locator("pre code")).to_have_text("ls")
    expect(message(page, said)).to_contain_text(f"#{said}")
    expect(message(page, said).locator("time")).to_have_attribute(
        "datetime", re.compile(r"^\d{4}-")
    )
    message(page, answer).get_by_role("button", name=f"#{said}").click()
    expect(message(page, said)).to_be_focused()


def test_earlier_messages_are_loaded_without_losing_the_place(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say_all(f"words {number}" for number in range(1, 131))
    page = new_dashboard().page
    enter(page, link(relay))
    expect(page.locator("article")).to_have_count(60)
    expect(message(page, 130)).to_be_in_viewport()
    earlier = page.get_by_role("button", name="Earlier messages")
    earlier.scroll_into_view_if_needed()
    before = message(page, 71)
    expect(before).to_be_in_viewport()
    earlier.click()
    expect(page.locator("article")).to_have_count(120)
    expect(before).to_be_in_viewport()
    page.get_by_role("log").evaluate("node => node.scrollTop = 0")
    earlier.click()
    expect(page.locator("article")).to_have_count(130)
    expect(earlier).to_have_count(0)


def test_only_messages_that_changed_are_drawn_again(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say_all(f"words {number}" for number in range(30))
    asked = alice.ask("Who?", "anyone")
    page = new_dashboard().page
    enter(page, link(relay))
    page.evaluate(
        "window.drawn = new Set();"
        "const idOf = (node) => node.closest('article')?.id ?? 'log';"
        "new MutationObserver((all) =>"
        " all.forEach(({ target }) => drawn.add(idOf(target.parentElement))))"
        ".observe(document.querySelector('[role=log]'),"
        " { childList: true, subtree: true, characterData: true, attributes: true })"
    )
    relay.agent("bob").say("I do.", reply_to=asked)
    expect(question(page, asked)).to_contain_text("answered by bob")
    drawn = set(page.evaluate("[...drawn]"))
    assert drawn <= {"log", f"m-{asked}", f"m-{asked + 1}"}


def test_what_comes_while_nobody_looks_is_marked_until_it_is_read(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say("read")
    page = new_dashboard().page
    enter(page, link(relay))
    mark = page.locator(".guest-unread")
    expect(mark).to_have_count(0)
    page.evaluate(PRETENDS_TO_BE_HIDDEN, True)
    alice.say("unread")
    expect(mark).to_have_text("New")
    expect(page).to_have_title("(1) #build · Argybargy")
    page.evaluate(PRETENDS_TO_BE_HIDDEN, False)
    expect(page).to_have_title("#build · Argybargy")
    expect(mark).to_have_count(1)
    page.evaluate(PRETENDS_TO_BE_HIDDEN, True)
    expect(mark).to_have_count(0)


def test_what_came_during_a_reload_is_marked(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say("read")
    page = new_dashboard().page
    enter(page, link(relay))
    page.goto("about:blank")
    alice.say("unread")
    enter(page, f"{relay.url}/guest")
    expect(page.locator(".guest-unread + article")).to_contain_text("unread")


def test_new_messages_do_not_move_what_is_read_further_up(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say_all(f"words {number}" for number in range(50))
    page = new_dashboard().page
    enter(page, link(relay))
    log = page.get_by_role("log")
    log.evaluate("node => node.scrollTop = 100")
    alice.say("below")
    page.get_by_role("button", name="1 new message").click()
    expect(page.get_by_text("below")).to_be_in_viewport()
    expect(page.get_by_role("button", name="new message")).to_have_count(0)


# -- questions ----------------------------------------------------------------------


def test_a_question_ends_on_the_page_however_it_was_answered(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    """An answer need not name its question, and a claim brings no message at all."""
    alice, bob = relay.agent("alice"), relay.agent("bob")
    page = new_dashboard().page
    enter(page, link(relay))
    named = alice.ask("Red or blue?", "bob")
    unnamed = alice.ask("Which day?", "bob")
    dropped = alice.ask("Does it rain?", "anyone")
    expect(question(page, named)).to_have_text(
        re.compile(r"Asks bob\s*·\s*waits for an answer")
    )
    answer = bob.say("Blue.", reply_to=named)
    expect(question(page, named)).to_have_text(
        re.compile(rf"answered by bob, #{answer}$")
    )
    bob.claim(unnamed)
    alice.say("Take your time.")
    expect(question(page, unnamed)).to_contain_text("bob has taken it on")
    bob.say("On Tuesday.")
    expect(question(page, unnamed)).to_contain_text("answered by bob")
    alice.call("DELETE", f"/messages/{dropped}/question")
    expect(question(page, dropped)).to_contain_text("withdrawn")


def test_a_person_asks_and_answers(relay: Relay, new_dashboard: NewDashboard) -> None:
    alice = relay.agent("alice")
    page = as_pat(relay, new_dashboard)
    asked = alice.say("Red or blue?", expects_reply="pat")
    expect(question(page, asked)).to_have_text(
        re.compile(r"Asks you\s*·\s*waits for your answer")
    )
    page.get_by_role("button", name=f"Answer to message {asked}").click()
    expect(page.locator(".guest-replying")).to_contain_text(f"Answers #{asked} of")
    box = page.get_by_label("Message", exact=True)
    expect(box).to_be_focused()
    page.keyboard.type("Red.")
    page.keyboard.press("Enter")
    expect(question(page, asked)).to_contain_text("answered by you")
    (reply,) = replies(alice, asked)
    assert (reply["from"], reply["from_kind"]) == ("pat", "person")
    assert (reply["text"], reply["expects_reply"]) == ("Red.", "none")
    expect(box).to_have_value("")
    expect(page.locator(".guest-replying")).to_have_count(0)
    page.get_by_label("To", exact=True).select_option("alice")
    expect(page.get_by_label("I need an answer")).to_be_checked()
    box.fill("Why?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Why?")
    said = alice.call("GET", "/history").json["messages"][-1]
    assert (said["to"], said["expects_reply"]) == ("alice", "alice")
    expect(page.get_by_label("To", exact=True)).to_have_value("all")
    expect(question(page, said["seq"])).to_contain_text("You ask alice")


def test_a_person_takes_a_choice_and_sees_the_question_end(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice, bob = relay.agent("alice"), relay.agent("bob")
    page = as_pat(relay, new_dashboard)
    offered = ["<b>yes</b>", "not yet"]
    others = alice.say("And you?", expects_reply="bob", choices=offered)
    anyones = alice.say("Who?", expects_reply="anyone", choices=offered)
    asked = alice.say("Ship it?", expects_reply="pat", choices=offered)
    choice = re.compile("Answer message")
    for seq in (asked, anyones):
        buttons = message(page, seq).get_by_role("button", name=choice)
        expect(buttons).to_have_text(offered)
    expect(message(page, others).get_by_role("button", name=choice)).to_have_count(0)
    page.get_by_role("button", name=f"Answer message {asked}: not yet").click()
    expect(question(page, asked)).to_contain_text("answered by you")
    expect(message(page, asked).get_by_role("button", name=choice)).to_have_count(0)
    assert replies(alice, asked)[0]["choice"] == "not yet"
    bob.claim(anyones)
    bob.say("Yes.", reply_to=others)
    expect(question(page, others)).to_contain_text("answered by bob")
    expect(question(page, anyones)).to_contain_text("bob has taken it on")
    expect(message(page, anyones).get_by_role("button", name=choice)).to_have_count(0)


def test_a_message_to_the_guest_alone_is_answered_to_its_sender_alone(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    relay.agent("bob")
    page = as_pat(relay, new_dashboard)
    asked = alice.say("Between us?", to="pat", expects_reply="pat")
    expect(message(page, asked)).to_contain_text("to you")
    page.get_by_role("button", name=f"Answer to message {asked}").click()
    page.keyboard.type("Yes.")
    page.keyboard.press("Enter")
    expect(question(page, asked)).to_contain_text("answered by you")
    (reply,) = replies(alice, asked)
    assert reply["to"] == "alice"


def test_a_draft_and_what_it_answers_survive_a_reload(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    page = as_pat(relay, new_dashboard)
    asked = alice.say("Red or blue?", expects_reply="pat")
    page.get_by_role("button", name=f"Answer to message {asked}").click()
    page.keyboard.type("I think")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("I think")
    expect(page.locator(".guest-replying")).to_contain_text(f"Answers #{asked}")
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.press("Escape")
    expect(page.locator(".guest-replying")).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_have_value("I think")


def test_a_message_whose_answer_was_lost_is_stored_once(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    page = as_pat(relay, new_dashboard)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/messages", lose_the_answer)
    page.get_by_label("Message", exact=True).fill("Once.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text(["cannot be reached"])
    expect(page.get_by_label("Message", exact=True)).to_have_value("Once.")
    page.unroute("**/messages")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    history = alice.call("GET", "/history").json["messages"]
    assert [each["text"] for each in history] == ["Once."]


def test_what_the_guest_writes_on_another_device_is_shown_here(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    """A poll leaves out what its own caller has written."""
    alice = relay.agent("alice")
    address = link(relay, name="pat", speaks=True)
    page, other = new_dashboard().page, new_dashboard().page
    for each in (page, other):
        enter(each, address)
    other.get_by_label("Message", exact=True).fill("from the phone")
    other.get_by_role("button", name="Send").click()
    expect(other.locator(".guest-write")).to_contain_text("Sent as #1.")
    alice.say("heard")
    expect(page.locator("article")).to_have_count(2)
    expect(page.locator("article").first).to_contain_text("from the phone")
    expect(status(page)).to_have_text("Live")


# -- hostile words --------------------------------------------------------------------


def test_hostile_words_are_shown_as_text(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say_all(CORPUS)
    asked = alice.say(SAID, expects_reply="pat", choices=[CORPUS[0], "<b>x</b>"])
    tab = new_dashboard()
    enter(tab.page, link(relay, name="pat", speaks=True))
    expect(tab.page.locator("article")).to_have_count(len(CORPUS) + 1)
    tab.page.get_by_role("button", name=f"Answer to message {asked}").click()
    assert_harmless(tab)
    expect(message(tab.page, 1).locator(".prose")).to_have_text(CORPUS[0])
    expect(message(tab.page, 5).locator(".prose")).to_have_text(CORPUS[4])
    expect(tab.page.locator(".guest-replying")).to_contain_text("<img src=x")


def test_hostile_storage_and_addresses_change_nothing(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    tab = new_dashboard()
    tab.page.add_init_script(
        "if (location.protocol !== 'about:')"
        " sessionStorage.argy_guest_visit = JSON.stringify({draft: "
        "'<img src=x onerror=window.hit=1>', answers: '<b>', seen: '<b>',"
        " ended: '__proto__', until: '<b>', __proto__: 1});"
    )
    tab.page.goto(f"{relay.url}/guest?x=<script>window.hit=1</script>#<img src=x>")
    expect(tab.page.get_by_role("alert")).to_contain_text("does not open a room")
    assert_harmless(tab)
    tab.page.goto("about:blank")
    tab.page.goto(link(relay, name="pat", speaks=True))
    expect(status(tab.page)).to_have_text("Live")
    assert_harmless(tab)


def test_the_policy_of_the_page_blocks_markup_from_text(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    tab = new_dashboard()
    tab.page.goto(f"{relay.url}/guest")
    stopped = tab.page.evaluate(
        """() => {
          try { document.body.insertAdjacentHTML("beforeend", "<b>x</b>"); }
          catch (error) { return error.name; }
          return "nothing";
        }"""
    )
    assert stopped == "TypeError"
    made = tab.page.evaluate(
        """() => {
          try { trustedTypes.createPolicy("argybargy-worker", {}); }
          catch (error) { return error.name; }
          return "a policy";
        }"""
    )
    assert made == "TypeError"
    tab.page.evaluate("window.reports = []")
    tab.problems.clear()


def test_a_guest_sees_nothing_of_the_operator_s(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    relay.agent("bob")
    alice.say("for bob alone", to="bob")
    relay.agent("carol", "secret").say("another room")
    tab = new_dashboard()
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    enter(tab.page, link(relay, name="pat", speaks=True))
    said = alice.say("for all")
    expect(message(tab.page, said)).to_be_visible()
    body = tab.page.locator("body")
    for words in ("for bob alone", "another room", "secret"):
        expect(body).not_to_contain_text(words)
    assert not [url for url in asked if "/admin" in url]


# -- the link's states -----------------------------------------------------------------


def test_a_guest_is_told_that_its_link_has_ended(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    page = as_pat(relay, new_dashboard)
    page.get_by_label("Message", exact=True).fill("I was writing")
    relay.do("/admin/revoke", {"target": "pat"})
    expect(status(page)).to_have_text("Ended")
    expect(page.get_by_role("alert")).to_contain_text("was revoked, or its room")
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    expect(page.get_by_label("Your unsent text")).to_have_value("I was writing")
    expect(page.get_by_role("log")).to_contain_text("words")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("This link has ended")
    assert "argy_a1_" not in page.evaluate("JSON.stringify(sessionStorage)")


def test_a_link_that_is_late_says_so(relay: Relay, new_dashboard: NewDashboard) -> None:
    relay.agent("alice")
    page = new_dashboard().page
    enter(page, link(relay, name="pat", speaks=True))
    page.evaluate("Date.now = () => new Date().getTime() + 25 * 3600e3")
    relay.do("/admin/revoke", {"target": "pat"})  # the relay answers as at its end
    expect(page.get_by_role("alert")).to_contain_text("for a limited time")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("for a limited time")


def test_a_forged_or_cut_link_opens_nothing(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    page = new_dashboard().page
    address = link(relay)
    for wrong in (address[:-3], address[:-1] + "%00", address + "<b>", address[:-42]):
        page.goto("about:blank")
        page.goto(wrong)
        expect(page.get_by_role("alert")).to_contain_text("does not open a room")
        expect(page.locator("body")).not_to_contain_text("words")


def test_another_link_in_the_same_tab_opens_its_own_room(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("of the first")
    relay.agent("bob", "docs").say("of the second")
    page = as_pat(relay, new_dashboard)
    page.get_by_label("Message", exact=True).fill("for the first only")
    second: str = relay.do("/admin/rooms/docs/guests", {"name": "pat", "speaks": True})[
        "link"
    ]
    page.goto(second)  # differs in its fragment alone, so the page is not loaded again
    expect(page.get_by_role("heading", level=1)).to_have_text("#docs")
    expect(page.get_by_role("log")).to_contain_text("of the second")
    expect(page.get_by_role("log")).not_to_contain_text("of the first")
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert page.url == f"{relay.url}/guest"


def test_a_closed_room_is_said_and_so_is_its_end(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    page = as_pat(relay, new_dashboard)
    relay.do("/admin/rooms/build/close")
    expect(status(page)).to_have_text(re.compile("^Closed by "))
    expect(page.get_by_text("The room was closed")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    expect(page.get_by_role("log")).to_contain_text("words")
    assert relay.admin("DELETE", "/admin/rooms/build").status == 200
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("or its room was deleted")


def test_a_lost_connection_counts_down_and_comes_back(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("before")
    page = as_pat(relay, new_dashboard)
    page.get_by_label("Message", exact=True).fill("still here")
    relay.stop(SIGTERM)
    expect(status(page)).to_have_text(
        re.compile(r"^Not connected\. Trying again in \d+ s$")
    )
    relay.start()
    expect(status(page)).to_have_text("Live", timeout=60_000)
    expect(page.get_by_label("Message", exact=True)).to_have_value("still here")
    alice = relay.agent("alice")
    said = alice.say("after")
    expect(message(page, said)).to_be_visible()


def test_an_answer_of_a_proxy_is_no_answer(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice").say("words")
    page = new_dashboard().page
    page.route(
        "**/whoami", lambda route: route.fulfill(status=502, body="<b>Bad gateway</b>")
    )
    page.goto(link(relay))
    expect(status(page)).to_contain_text("Not connected")
    page.unroute("**/whoami")
    # Unless the page has tried again by itself meanwhile.
    page.evaluate("document.querySelector('.guest-status button')?.click()")
    expect(status(page)).to_have_text("Live", timeout=60_000)


# -- looks -----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_at_any_width(
    relay: Relay, new_dashboard: NewDashboard, scheme: str
) -> None:
    alice, bob = relay.agent("alice"), relay.agent("bob")
    alice.say("Hi **all**\n\n```sh\nls\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    answered = alice.ask("Done?", "bob")
    bob.say("Yes. https://example.org/x", reply_to=answered)
    bob.claim(alice.ask("Who helps?", "anyone"))
    relay.say("I am here.")
    asked = alice.say("Ship it?", expects_reply="pat", choices=["yes", "no"])
    tab = new_dashboard(color_scheme=scheme)
    tab.page.goto(f"{relay.url}/guest")
    check_accessibility(tab, "no link")
    enter(tab.page, link(relay, name="pat", speaks=True))
    tab.page.get_by_role("button", name=f"Answer to message {asked}").click()
    tab.page.keyboard.type("text")
    tab.page.evaluate(PRETENDS_TO_BE_HIDDEN, True)
    alice.say("unread")
    expect(tab.page.locator(".guest-unread")).to_be_visible()
    for width in (1440, 768, 320):
        tab.page.set_viewport_size({"width": width, "height": 900})
        check_accessibility(tab, f"{width} px")
        assert tab.page.evaluate("document.documentElement.scrollWidth") == width
    relay.do("/admin/revoke", {"target": "pat"})
    expect(status(tab.page)).to_have_text("Ended")
    check_accessibility(tab, "ended")


def test_a_finger_finds_every_control(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    said = alice.say("words")
    relay.agent("bob").say("reply", reply_to=said)
    alice.say("Ship it?", expects_reply="pat", choices=["y", "n"])
    page = phone(new_dashboard).page
    enter(page, link(relay, name="pat", speaks=True))
    controls = page.locator("button, select, textarea, label.guest-ask")
    sizes = [each.bounding_box() for each in controls.all() if each.is_visible()]
    assert len(sizes) > 8
    for box in sizes:
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 320
