"""The switcher: rooms, agents and commands by some of their letters."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard

pytestmark = pytest.mark.browser


def found(dashboard: Dashboard) -> list[str]:
    return dashboard.css(".switch-row .name").all_inner_texts()


def open_switcher(dashboard: Dashboard) -> None:
    dashboard.page.keyboard.press("Control+k")
    expect(dashboard.page.get_by_label("Room, agent or command")).to_be_focused()


def test_ctrl_k_goes_to_a_room_even_from_a_text_field(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name in ("checkout-refactor", "incident-2211", "docs"):
        relay.room(name)
    dashboard.sign_in("?room=docs")
    dashboard.composer.fill("half a sentence")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("inci")
    expect(dashboard.css(".switch-row").first).to_have_text(
        re.compile(r"incident-2211\s*room")
    )
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css("dialog")).to_have_count(0)
    expect(dashboard.css("h1.channel-title")).to_have_text("incident-2211")
    dashboard.enter("docs")
    expect(dashboard.composer).to_have_value("half a sentence")


def test_closed_rooms_come_after_the_open_ones(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name in ("here", "there", "over"):
        relay.room(name)
    relay.do("/admin/rooms/over/close")
    dashboard.sign_in("?room=here")
    expect(dashboard.css(".sidebar .room-row")).to_have_count(2)
    open_switcher(dashboard)
    assert found(dashboard)[:3] == ["there", "here", "over"]


def test_the_best_fit_is_first_and_the_order_is_predictable(
    dashboard: Dashboard,
) -> None:
    """The same, its start, the start of a word, anywhere, letters with gaps."""
    order = dashboard.open().call_module(
        "switcher",
        "m.choose(['d-o-c-s', 'mydocs', 'the-docs', 'docs-2', 'docs', 'other']"
        ".map((name) => ({ name })), 'docs').map(({ name }) => name)",
    )
    assert order == ["docs", "docs-2", "the-docs", "mydocs", "d-o-c-s"]
    same = dashboard.call_module(
        "switcher",
        "m.choose([{ name: 'b1' }, { name: 'b2' }, { name: 'B0' }], 'b')"
        ".map(({ name }) => name)",
    )
    assert same == ["b1", "b2", "B0"]


def test_arrows_choose_and_escape_gives_the_focus_back(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for name in ("ant", "bee", "cat"):
        relay.room(name)
    dashboard.sign_in("?room=cat")
    dashboard.composer.focus()
    open_switcher(dashboard)
    assert found(dashboard)[:3] == ["ant", "bee", "cat"]
    press = dashboard.page.keyboard.press
    chosen = dashboard.css(".switch-row[aria-selected=true] .name")
    expect(chosen).to_have_text("ant")
    press("ArrowUp")
    expect(chosen).to_have_text("ant")
    press("ArrowDown")
    expect(chosen).to_have_text("bee")
    field = dashboard.page.get_by_label("Room, agent or command")
    expect(field).to_have_attribute("aria-activedescendant", "switch-1")
    press("Escape")
    expect(dashboard.css("dialog")).to_have_count(0)
    expect(dashboard.composer).to_be_focused()
    open_switcher(dashboard)
    dashboard.css(".switch-row").filter(has_text="bee").click()
    expect(dashboard.css("h1.channel-title")).to_have_text("bee")


def test_agents_and_commands_are_found_too(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("here")
    relay.agent("sre-bot", "incident").say("on it")
    dashboard.sign_in("?room=here")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("@sre")
    expect(dashboard.css(".switch-row").first).to_contain_text("in #incident")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css("h1.channel-title")).to_have_text("sre-bot")
    assert dashboard.page.url.endswith("?room=incident&with=sre-bot")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("dark")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css("html")).to_have_attribute("data-theme", "dark")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("inbox")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css("h1.channel-title")).to_have_text("Inbox")


def test_what_is_not_there_can_be_searched_for_or_made(dashboard: Dashboard) -> None:
    dashboard.relay.room("here")
    dashboard.sign_in("?room=here")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("zzz")
    expect(dashboard.css(".switch-row .name")).to_have_text(
        ["Search for “zzz”", "New room #zzz"]
    )
    dashboard.page.keyboard.press("ArrowDown")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.page.get_by_label("Name of the room")).to_have_value("zzz")
    dashboard.page.keyboard.press("Escape")
    open_switcher(dashboard)
    dashboard.page.keyboard.type("no room with spaces")
    expect(dashboard.css(".switch-row .name")).to_have_text(
        ["Search for “no room with spaces”"]
    )


def test_signed_out_there_is_nothing_to_switch_to(dashboard: Dashboard) -> None:
    dashboard.relay.room("secret")
    dashboard.open()
    dashboard.page.keyboard.press("Control+k")
    expect(dashboard.css("dialog")).to_have_count(0)
