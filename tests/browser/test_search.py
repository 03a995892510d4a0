"""The search dialog."""

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard

pytestmark = pytest.mark.browser


def test_a_relay_that_cannot_search_shows_no_search(dashboard: Dashboard) -> None:
    dashboard.page.route(
        "**/admin/search*", lambda route: route.fulfill(status=404, body="{}")
    )
    dashboard.relay.room("build")
    dashboard.sign_in()
    expect(dashboard.button("Search messages")).to_have_count(0)
    dashboard.page.keyboard.press("/")
    expect(dashboard.css("dialog")).to_have_count(0)


def test_a_result_is_marked_and_leads_to_its_message(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    scout = relay.agent("scout", "docs")
    seq = scout.say("🚀 The Übergang is <b>done</b>, all of it.")
    scout.say("more")
    relay.agent("other", "build").say("No ubergang here yet.")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    field = dashboard.page.get_by_label("Search messages").last
    expect(field).to_be_focused()
    field.fill("nothing")
    expect(dashboard.css("dialog p[role=status]")).to_have_text("Nothing found.")
    field.fill("übergang")
    expect(dashboard.css(".result")).to_have_count(2)
    dashboard.button("#build").click()
    expect(dashboard.css(".result")).to_have_count(1)
    dashboard.button("All rooms").click()
    field.fill("ubergang done")
    result = dashboard.css(".result")
    expect(result).to_have_count(1)
    expect(result).to_contain_text("🚀 The Übergang is <b>done</b>, all of it.")
    expect(result.locator("mark")).to_have_text(["Übergang", "done"])
    result.click()
    expect(dashboard.css("dialog")).to_have_count(0)
    expect(dashboard.css("h1.channel-title")).to_have_text("docs")
    expect(dashboard.message(seq)).to_be_in_viewport()
    assert dashboard.page.url.endswith(f"?room=docs&seq={seq}")


def test_results_are_loaded_page_by_page(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for room in ("build", "docs"):
        agent = relay.agent("scout", room)
        for number in range(20):
            agent.say(f"needle {number}")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    dashboard.page.get_by_placeholder("Search for words").fill("needle")
    expect(dashboard.css(".result")).to_have_count(30)
    dashboard.button("More").click()
    expect(dashboard.css(".result")).to_have_count(40)
    expect(dashboard.button("More")).to_have_count(0)


def test_an_invalid_query_is_explained(dashboard: Dashboard) -> None:
    dashboard.relay.agent("scout", "build")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    dashboard.page.get_by_placeholder("Search for words").fill("before:someday")
    expect(dashboard.css("dialog p[role=status]")).not_to_have_text("")
    expect(dashboard.css(".result")).to_have_count(0)


def test_the_dialog_shows_the_query_syntax_and_keeps_the_query(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("scout", "build").say("needle")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    field = dashboard.page.get_by_placeholder("Search for words")
    status = dashboard.css("dialog p[role=status]")
    for word in ("from:", "to:", "is:open", "before:", '"exact phrase"', "-excluded"):
        expect(status).to_contain_text(word)
    field.fill("n")
    expect(status).to_have_text("Type 2 letters or more.")
    field.fill("needle")
    expect(dashboard.css(".result")).to_have_count(1)
    expect(status).to_have_text("")
    dashboard.page.mouse.click(5, 5)
    expect(dashboard.css("dialog")).to_have_count(0)
    dashboard.page.keyboard.press("/")
    expect(field).to_have_value("needle")
    expect(dashboard.css(".result")).to_have_count(1)
    dashboard.page.keyboard.type("other")
    expect(field).to_have_value("other")


def test_results_are_aligned_by_the_direction_of_their_script(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    scout = relay.agent("scout", "build")
    scout.say("needle")
    scout.ask("مرحبا needle شكرا")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    dashboard.page.get_by_placeholder("Search for words").fill("needle")
    expect(dashboard.css(".result")).to_have_count(2)
    ends = """all => all.map((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = range.getBoundingClientRect(), box = node.getBoundingClientRect();
      return [text.left - box.left < 2, box.right - text.right < 2];
    })"""
    assert dashboard.css(".result-text").evaluate_all(ends) == [
        [False, True],
        [True, False],
    ]
    box = dashboard.css(".result").last.bounding_box()
    first = dashboard.css(".result-head").last.bounding_box()
    assert box is not None
    assert first is not None
    assert first["x"] - box["x"] < 20
    dashboard.page.mouse.click(5, 5)
    assert dashboard.css(".waiting-text").evaluate_all(ends) == [[False, True]]
