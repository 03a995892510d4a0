"""Searching, over answers as the relay gives them."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from browser.kit import Desk

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
    seq = scout.say("The migration is <b>done</b>, all of it.")
    scout.say("more")
    relay.room("build")
    found = relay.admin("GET", "/admin/rooms/docs/history").json["messages"][0]
    asked: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        asked.append(query)
        row = {"room": "docs", "message": found, "snippet": found["text"]}
        is_known = query["q"][0] == "migration"
        body = {"results": [row] if is_known else [], "more": False}
        route.fulfill(body=json.dumps(body), content_type="application/json")

    desk.page.route("**/admin/search*", answer)
    desk.sign_in("?room=build")
    desk.page.keyboard.press("/")
    field = desk.page.get_by_label("Search messages").last
    expect(field).to_be_focused()
    field.fill("nothing")
    expect(desk.css("dialog [role=status]")).to_have_text("Nothing found.")
    field.fill("migration")
    result = desk.css(".result")
    expect(result).to_contain_text("The migration is <b>done</b>, all of it.")
    expect(result.locator("mark")).to_have_text("migration")
    desk.button("#build").click()
    expect(desk.button("#build")).to_have_attribute("aria-pressed", "true")
    desk.page.wait_for_timeout(400)
    assert asked[-1]["room"] == ["build"]
    result.click()
    expect(desk.css("dialog")).to_have_count(0)
    expect(desk.css("h1.channel-title")).to_have_text("docs")
    expect(desk.message(seq)).to_be_in_viewport()
    assert desk.page.url.endswith(f"?room=docs&seq={seq}")
