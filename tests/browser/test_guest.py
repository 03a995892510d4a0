"""The page of a guest: it shows one room live, and lets a person speak."""

import re

import pytest
from playwright.sync_api import expect

from browser.test_hostile import CORPUS
from support.browser import Dashboard, NewDashboard, Relay

pytestmark = pytest.mark.browser


def link(relay: Relay, **fields: object) -> str:
    made: str = relay.do("/admin/rooms/build/guests", fields)["link"]
    return made


def phone(new_dashboard: NewDashboard, scheme: str = "light") -> Dashboard:
    return new_dashboard(viewport={"width": 320, "height": 568}, color_scheme=scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_sees_the_room_live_and_may_not_write(
    relay: Relay, new_dashboard: NewDashboard, scheme: str
) -> None:
    alice, bob = relay.agent("alice"), relay.agent("bob")
    alice.say("earlier words " + "x" * 300)
    alice.say("whispered words", to="bob")
    tab = phone(new_dashboard, scheme)
    page = tab.page
    page.goto(link(relay))
    log = page.get_by_role("log")
    expect(log).to_contain_text("earlier words")
    expect(page.get_by_role("status")).to_have_text("Live")
    bob.say("later words")
    expect(log).to_contain_text("later words")
    expect(log).not_to_contain_text("whispered")
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("button")).to_have_count(0)
    assert page.url == f"{relay.url}/guest"
    assert page.evaluate("Object.keys(localStorage).length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.reload()
    expect(log).to_contain_text("later words")


def test_a_person_asks_and_answers(relay: Relay, new_dashboard: NewDashboard) -> None:
    alice = relay.agent("alice")
    page = phone(new_dashboard).page
    page.goto(link(relay, name="pat", speaks=True))
    expect(page.get_by_role("status")).to_have_text("Live")
    asked = alice.say("Red or blue?", expects_reply="pat")
    page.get_by_role("button", name=f"Reply to message {asked}").click()
    expect(page.get_by_text(f"Answers #{asked} of alice")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("Red.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Red.")
    thread = alice.call("GET", f"/messages/{asked}").json
    assert thread["message"]["question"]["state"] == "answered"
    (reply,) = thread["replies"]
    assert (reply["from"], reply["from_kind"], reply["text"]) == (
        *("pat", "person"),
        "Red.",
    )
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    page.get_by_label("To", exact=True).select_option("alice")
    page.get_by_label("Message", exact=True).fill("Why?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("Why?")
    history = alice.call("GET", "/history").json
    assert history["messages"][-1]["to"] == "alice"


def test_a_person_takes_a_choice_and_sees_the_question_end(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice, bob = relay.agent("alice"), relay.agent("bob")
    page = phone(new_dashboard).page
    page.goto(link(relay, name="pat", speaks=True))
    expect(page.get_by_role("status")).to_have_text("Live")
    offered = ["<b>yes</b>", "not yet"]
    others = alice.say("And you?", expects_reply="bob", choices=offered)
    asked = alice.say("Ship it?", expects_reply="pat", choices=offered)
    item = page.get_by_role("listitem").filter(has_text="Ship it?")
    expect(item.get_by_role("button", name="Answer message")).to_have_text(offered)
    other = page.get_by_role("listitem").filter(has_text="And you?")
    expect(other.get_by_role("button", name="Answer message")).to_have_count(0)
    page.get_by_role("button", name=f"Answer message {asked}: not yet").click()
    expect(item).to_contain_text("answered by")
    expect(item.get_by_role("button", name="Answer message")).to_have_count(0)
    thread = alice.call("GET", f"/messages/{asked}").json
    assert thread["message"]["question"]["state"] == "answered"
    assert thread["replies"][0]["choice"] == "not yet"
    bob.say("Yes.", reply_to=others)
    expect(other).to_contain_text("answered by")


def test_hostile_words_are_shown_as_text(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    alice = relay.agent("alice")
    alice.say_all(CORPUS)
    tab = phone(new_dashboard)
    page = tab.page
    page.goto(link(relay))
    expect(page.get_by_role("listitem")).to_have_count(len(CORPUS))
    shown = page.locator(".guest-text").all_text_contents()
    assert shown == list(CORPUS)
    assert page.evaluate("window.hit") is None
    assert page.locator("li :is(img, a, script, svg, iframe, form)").count() == 0


def test_a_guest_is_told_that_its_link_has_ended(
    relay: Relay, new_dashboard: NewDashboard
) -> None:
    relay.agent("alice")
    page = phone(new_dashboard).page
    page.goto(link(relay, name="pat", speaks=True))
    expect(page.get_by_role("status")).to_have_text("Live")
    relay.do("/admin/revoke", {"target": "pat"})
    expect(page.get_by_role("status")).to_contain_text("has ended, or was revoked")
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("Open the link")


def test_a_closed_room_is_said(relay: Relay, new_dashboard: NewDashboard) -> None:
    relay.agent("alice")
    page = phone(new_dashboard).page
    page.goto(link(relay, name="pat", speaks=True))
    expect(page.get_by_role("status")).to_have_text("Live")
    relay.do("/admin/rooms/build/close")
    expect(page.get_by_role("status")).to_have_text(re.compile("was closed by"))
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
