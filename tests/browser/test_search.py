"""Searching."""

import pytest
from playwright.sync_api import expect

from support.browser import Desk

pytestmark = pytest.mark.browser


def test_a_relay_that_cannot_search_shows_no_search(desk: Desk) -> None:
    desk.page.route(
        "**/admin/search*", lambda route: route.fulfill(status=404, body="{}")
    )
    desk.relay.room("build")
    desk.sign_in()
    expect(desk.button("Search messages")).to_have_count(0)
    desk.page.keyboard.press("/")
    expect(desk.css("dialog")).to_have_count(0)


def test_what_is_found_is_marked_and_leads_there(desk: Desk) -> None:
    relay = desk.relay
    scout = relay.agent("scout", "docs")
    seq = scout.say("🚀 The Übergang is <b>done</b>, all of it.")
    scout.say("more")
    relay.agent("other", "build").say("No ubergang here yet.")
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    field = desk.page.get_by_label("Search messages").last
    expect(field).to_be_focused()
    field.fill("nothing")
    expect(desk.css("dialog p[role=status]")).to_have_text("Nothing found.")
    field.fill("übergang")
    expect(desk.css(".result")).to_have_count(2)
    desk.button("#build").click()
    expect(desk.css(".result")).to_have_count(1)
    desk.button("All rooms").click()
    field.fill("ubergang done")
    result = desk.css(".result")
    expect(result).to_have_count(1)
    expect(result).to_contain_text("🚀 The Übergang is <b>done</b>, all of it.")
    expect(result.locator("mark")).to_have_text(["Übergang", "done"])
    result.click()
    expect(desk.css("dialog")).to_have_count(0)
    expect(desk.css("h1.channel-title")).to_have_text("docs")
    expect(desk.message(seq)).to_be_in_viewport()
    assert desk.page.url.endswith(f"?room=docs&seq={seq}")


def test_what_is_found_in_many_rooms_comes_page_by_page(desk: Desk) -> None:
    relay = desk.relay
    for room in ("build", "docs"):
        agent = relay.agent("scout", room)
        for number in range(20):
            agent.say(f"needle {number}")
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    desk.page.get_by_placeholder("Search for words").fill("needle")
    expect(desk.css(".result")).to_have_count(30)
    desk.button("More").click()
    expect(desk.css(".result")).to_have_count(40)
    expect(desk.button("More")).to_have_count(0)


def test_a_search_that_makes_no_sense_is_told_why(desk: Desk) -> None:
    desk.relay.agent("scout", "build")
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    desk.page.get_by_placeholder("Search for words").fill("before:someday")
    expect(desk.css("dialog p[role=status]")).not_to_have_text("")
    expect(desk.css(".result")).to_have_count(0)


def test_the_dialog_says_what_can_be_said_and_keeps_it(desk: Desk) -> None:
    desk.relay.agent("scout", "build").say("needle")
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    field = desk.page.get_by_placeholder("Search for words")
    status = desk.css("dialog p[role=status]")
    for word in ("from:", "to:", "is:open", "before:", '"exact phrase"', "-excluded"):
        expect(status).to_contain_text(word)
    field.fill("n")
    expect(status).to_have_text("Type 2 letters or more.")
    field.fill("needle")
    expect(desk.css(".result")).to_have_count(1)
    expect(status).to_have_text("")
    desk.page.mouse.click(5, 5)
    expect(desk.css("dialog")).to_have_count(0)
    desk.page.keyboard.press("/")
    expect(field).to_have_value("needle")
    expect(desk.css(".result")).to_have_count(1)
    desk.page.keyboard.type("other")
    expect(field).to_have_value("other")


def test_what_is_found_begins_where_its_script_begins(desk: Desk) -> None:
    relay = desk.relay
    scout = relay.agent("scout", "build")
    scout.say("needle")
    scout.ask("مرحبا needle شكرا")
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    desk.page.get_by_placeholder("Search for words").fill("needle")
    expect(desk.css(".result")).to_have_count(2)
    ends = """all => all.map((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = range.getBoundingClientRect(), box = node.getBoundingClientRect();
      return [text.left - box.left < 2, box.right - text.right < 2];
    })"""
    assert desk.css(".result-text").evaluate_all(ends) == [[False, True], [True, False]]
    box = desk.css(".result").last.bounding_box()
    first = desk.css(".result-head").last.bounding_box()
    assert box is not None
    assert first is not None
    assert first["x"] - box["x"] < 20
    desk.page.mouse.click(5, 5)
    assert desk.css(".waiting-text").evaluate_all(ends) == [[False, True]]
