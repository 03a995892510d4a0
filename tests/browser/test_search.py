"""The search in the right pane."""

import re

import pytest
from playwright.sync_api import Locator, Request, expect

from support.axe import check_widths
from support.browser import Dashboard, NewDashboard

pytestmark = pytest.mark.browser
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 740}


def open_search(dashboard: Dashboard) -> Locator:
    dashboard.page.keyboard.press("/")
    field = dashboard.css("#search-field")
    expect(field).to_be_focused()
    return field


def test_a_relay_that_cannot_search_shows_no_search(dashboard: Dashboard) -> None:
    dashboard.page.route(
        "**/admin/search*", lambda route: route.fulfill(status=404, body="{}")
    )
    dashboard.relay.room("build")
    dashboard.sign_in()
    expect(dashboard.button("Search messages")).to_have_count(0)
    dashboard.page.keyboard.press("/")
    expect(dashboard.css("#search-field")).to_have_count(0)


def test_a_result_is_marked_and_leads_to_its_message(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=WIDE)
    relay = dashboard.relay
    scout = relay.agent("scout", "docs")
    seq = scout.say("🚀 The Übergang is <b>done</b>, all of it.")
    scout.say("more")
    relay.agent("other", "build").say("No ubergang here yet.")
    dashboard.sign_in("?room=build")
    field = open_search(dashboard)
    field.fill("nothing")
    status = dashboard.css(".search-pane p[role=status]")
    expect(status).to_have_text("Nothing found.")
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
    expect(dashboard.css("h1.channel-title")).to_have_text("docs")
    expect(dashboard.message(seq)).to_be_in_viewport()
    assert dashboard.page.url.endswith(f"?room=docs&seq={seq}")
    expect(result).to_have_attribute("aria-current", "true")
    expect(field).to_have_value("ubergang done")


def test_results_are_grouped_by_room_with_their_head_on_one_line(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    relay = dashboard.relay
    long = "a-name-that-is-as-long-as-names-may-be-" + "x" * 25
    for room in ("build", "docs"):
        relay.agent(long, room).say(f"needle in {room}")
        relay.agent("scout", room).ask(f"Another needle in {room}?")
    dashboard.sign_in("?room=build")
    dashboard.button("Search messages").click()
    dashboard.css("#search-field").fill("needle")
    groups = dashboard.css(".result-group")
    expect(groups.locator("h3")).to_have_text([re.compile("docs"), re.compile("build")])
    for group in groups.all():
        expect(group.locator(".result")).to_have_count(2)
    expect(groups.first.locator(".result").first).to_contain_text("open")
    for head in dashboard.css(".result-head").all():
        box = head.bounding_box()
        assert box is not None
        assert box["height"] < 30
        expect(head.locator("time")).to_be_in_viewport(ratio=0.99)


def test_arrows_move_through_the_results_and_enter_opens_one(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=WIDE)
    claude = dashboard.relay.agent("claude")
    first = claude.say("needle one")
    claude.say_all(f"filler {number}" for number in range(40))
    second = claude.say("needle two")
    dashboard.sign_in()
    field = open_search(dashboard)
    field.fill("needle")
    expect(dashboard.css(".result")).to_have_count(2)
    press = dashboard.page.keyboard.press
    press("ArrowDown")
    expect(dashboard.css(".result").first).to_be_focused()
    press("ArrowDown")
    press("ArrowDown")
    expect(dashboard.css(".result").last).to_be_focused()
    press("Enter")
    expect(dashboard.message(first)).to_be_in_viewport()
    expect(dashboard.css(".result").last).to_be_focused()
    press("ArrowUp")
    press("ArrowUp")
    expect(field).to_be_focused()
    press("Enter")
    expect(dashboard.message(second)).to_have_class(re.compile("is-marked"))
    expect(dashboard.css(".result")).to_have_count(2)
    dashboard.css(".timeline").focus()
    press("/")
    expect(field).to_be_focused()
    assert dashboard.page.evaluate("getSelection().toString()") == "needle"


def test_a_phone_shows_the_message_and_keeps_the_results(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport=PHONE)
    claude = dashboard.relay.agent("claude")
    first = claude.say("needle one")
    claude.say("needle two")
    dashboard.sign_in()
    asked: list[str] = []

    def note(request: Request) -> None:
        if "admin/search" in request.url and "needle" in request.url:
            asked.append(request.url)

    dashboard.page.on("request", note)
    dashboard.button("Search messages").click()
    pane = dashboard.css(".pane.is-search").bounding_box()
    assert pane is not None
    assert (pane["x"], pane["width"]) == (0, PHONE["width"])
    dashboard.css("#search-field").fill("needle")
    dashboard.css(".result").last.click()
    expect(dashboard.css(".pane")).to_have_count(0)
    expect(dashboard.message(first)).to_have_class(re.compile("is-marked"))
    dashboard.button("Search messages").click()
    expect(dashboard.css("#search-field")).to_have_value("needle")
    expect(dashboard.css(".result.is-opened")).to_contain_text("needle one")
    assert len(asked) == 1


def test_results_are_loaded_page_by_page(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for room in ("build", "docs"):
        agent = relay.agent("scout", room)
        for number in range(20):
            agent.say(f"needle {number}")
    dashboard.sign_in("?room=build")
    open_search(dashboard).fill("needle")
    expect(dashboard.css(".result")).to_have_count(30)
    dashboard.button("More").click()
    expect(dashboard.css(".result")).to_have_count(40)
    expect(dashboard.button("More")).to_have_count(0)


def test_an_invalid_query_is_explained(dashboard: Dashboard) -> None:
    dashboard.relay.agent("scout", "build")
    dashboard.sign_in("?room=build")
    open_search(dashboard).fill("before:someday")
    status = dashboard.css(".search-pane p[role=status]")
    expect(status).not_to_have_text("")
    expect(dashboard.css(".result")).to_have_count(0)


def test_filters_are_suggested_and_put_into_the_field(dashboard: Dashboard) -> None:
    scout = dashboard.relay.agent("scout", "build")
    scout.say("needle")
    scout.ask("A needle?")
    dashboard.sign_in("?room=build")
    field = open_search(dashboard)
    filters = dashboard.css(".filters button")
    expect(filters).to_have_text(
        ["is:open", "from:", "to:", "before:", '"exact phrase"', "-excluded"]
    )
    filters.first.click()
    expect(field).to_have_value("is:open ")
    expect(field).to_be_focused()
    expect(dashboard.css(".result")).to_have_count(1)
    field.fill("needle")
    expect(dashboard.css(".result")).to_have_count(2)
    filters.nth(1).click()
    dashboard.page.keyboard.type("nobody")
    expect(field).to_have_value("needle from:nobody")
    expect(dashboard.css(".result")).to_have_count(0)
    field.fill("n")
    status = dashboard.css(".search-pane p[role=status]")
    expect(status).to_have_text("Type 2 letters or more.")


def test_tab_goes_from_the_field_to_the_scope(dashboard: Dashboard) -> None:
    dashboard.relay.agent("scout", "build")
    dashboard.sign_in("?room=build")
    open_search(dashboard)
    dashboard.page.keyboard.press("Tab")
    expect(dashboard.button("All rooms")).to_be_focused()


def test_results_are_aligned_by_the_direction_of_their_script(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    scout = relay.agent("scout", "build")
    scout.say("needle")
    scout.ask("مرحبا needle شكرا")
    dashboard.sign_in("?room=build")
    open_search(dashboard).fill("needle")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_search(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    claude = dashboard.relay.agent("claude")
    claude.say("needle one")
    claude.ask("needle two?")
    dashboard.sign_in()
    open_search(dashboard).fill("needle")
    expect(dashboard.css(".result")).to_have_count(2)
    check_widths(dashboard, "search")
    dashboard.page.set_viewport_size({"width": 1440, "height": 900})
    dashboard.css(".result").first.click()
    check_widths(dashboard, "an opened result")


def test_a_result_shows_code_as_code_with_its_match_marked(
    dashboard: Dashboard,
) -> None:
    """Also after characters that JavaScript counts twice."""
    text = "\N{ROCKET} Run `test_power_cut` with power, then `make`."
    dashboard.relay.agent("claude").say(text)
    dashboard.sign_in()
    open_search(dashboard).fill("power")
    result = dashboard.css(".result-text")
    expect(result).to_have_text(text.replace("`", ""))
    expect(result.locator("code")).to_have_text(["test_power_cut", "make"])
    expect(result.locator("mark")).to_have_text(["power", "power"])
    expect(result.locator("code mark")).to_have_text("power")


def test_an_unfinished_filter_asks_nothing_and_offers_what_fits(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("codex-infra", "build").say("The WAL grows.")
    relay.agent("codex-tests", "build").say("needle")
    dashboard.sign_in("?room=build")
    asked: list[str] = []
    field = open_search(dashboard)
    dashboard.page.on("request", lambda request: asked.append(request.url))
    dashboard.button("from:").click()
    help_ = dashboard.css(".search-help")
    expect(help_).to_contain_text("Messages of whom?")
    expect(help_.get_by_role("button")).to_have_text(
        ["codex-infra", "codex-tests", "operator"]
    )
    for unfinished in ("before:", "before:2026-0", "is:op", "WAL -", 'WAL "', "to:"):
        field.fill(unfinished)
        expect(help_).to_have_count(1)
    # Longer than the pause after which a query is sent.
    dashboard.page.wait_for_timeout(400)
    assert not [url for url in asked if "admin/search" in url]
    expect(dashboard.css(".search-pane > p[role=status]")).to_have_text("")
    field.fill("WAL from:")
    help_.get_by_role("button", name="codex-infra").click()
    expect(field).to_have_value("WAL from:codex-infra ")
    expect(field).to_be_focused()
    expect(dashboard.css(".result")).to_have_count(1)
    dashboard.button("from:").click()
    expect(field).to_have_value("WAL from:")


def test_a_search_in_vain_says_what_to_try(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("codex-infra", "build").say("The WAL grows.")
    relay.agent("codex-tests", "build").say("needle")
    dashboard.sign_in("?room=build")
    field = open_search(dashboard)
    field.fill("from:codex")
    help_ = dashboard.css(".search-help")
    expect(help_).to_contain_text("Nobody here is named “codex”. Did you mean:")
    expect(help_.get_by_role("button")).to_have_text(["codex-infra", "codex-tests"])
    help_.get_by_role("button", name="codex-tests").click()
    expect(dashboard.css(".result")).to_contain_text("needle")
    # The other one is still one press away.
    expect(help_.get_by_role("button", pressed=True)).to_have_text("codex-tests")
    help_.get_by_role("button", name="codex-infra").click()
    expect(dashboard.css(".result")).to_contain_text("The WAL grows.")
    field.fill("codex WAL")
    expect(help_.first).to_contain_text("No message has all of these words")
    expect(help_.first.get_by_role("button")).to_have_text(["WAL", "codex"])
    help_.last.get_by_role("button", name="from:codex-infra WAL").click()
    expect(dashboard.css(".result")).to_have_count(1)
    expect(help_).to_have_count(0)
    field.fill("zebra")
    expect(dashboard.css(".search-pane > p[role=status]")).to_have_text(
        "Nothing found."
    )
    expect(help_).to_have_count(0)


def test_an_excerpt_shows_no_marks_of_tables_and_code_blocks(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say("\U0001f680 Green:\n\n| suite | tests |\n|---|--:|\n| needle | 41 |")
    claude.say("The log:\n\n```text\nneedle `x` | sort\n```")
    dashboard.sign_in("?room=build")
    open_search(dashboard).fill("needle")
    texts = dashboard.css(".result-text")
    expect(texts.first).to_have_text(re.compile(r"^The log:\s+needle x \| sort\s*$"))
    expect(texts.last).to_have_text(
        re.compile(r"Green:\s+suite\s+tests\s+needle\s+41\s*$")
    )
    expect(dashboard.css(".result mark")).to_have_text(["needle", "needle"])


def test_the_names_that_are_not_offered_are_counted(dashboard: Dashboard) -> None:
    for number in range(9):
        dashboard.relay.agent(f"agent-{number}").say("x")
    dashboard.sign_in("?room=build")
    open_search(dashboard).fill("from:")
    expect(dashboard.css(".search-help")).to_contain_text("These are 8 of 10 names")
