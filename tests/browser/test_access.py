"""For everybody: axe, the keyboard, narrow screens, large text."""

from importlib import resources

import pytest
from playwright.sync_api import expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser
WIDTHS = (1440, 768, 375)
SERIOUS = {"serious", "critical"}
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text()


def furnish(desk: Desk) -> None:
    """Have one of everything on the page."""
    relay = desk.relay
    claude = relay.agent("claude", capabilities="python, reviews")
    codex = relay.agent("codex")
    relay.agent("invited")
    relay.agent("scout", "old").say("over")
    relay.do("/admin/rooms/old/close")
    claude.say(
        "Hi **all**, `code` and\n\n```sh\nls\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    asked = claude.ask("Is it done?", "codex", to="codex")
    codex.say("It is. https://example.org/x", reply_to=asked, to="claude")
    open_question = codex.ask("Who can help?", "anyone")
    relay.agent("gemini").claim(open_question)
    relay.say("I am here.")
    relay.agent("writer", "docs").ask("Shall I?")
    claude.ask("Ship it?")


def check(desk: Desk, where: str) -> None:
    desk.page.evaluate(AXE)
    found = desk.page.evaluate("axe.run().then((result) => result.violations)")
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]]
        for violation in found
        if violation["impact"] in SERIOUS
    }
    assert not serious, where


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_anywhere(new_desk: NewDesk, scheme: str) -> None:
    desk = new_desk(color_scheme=scheme)
    furnish(desk)
    desk.open()
    check(desk, "signed out")
    desk.sign_in("?room=build")
    expect(desk.css(".msg")).to_have_count(6)
    desk.css(".rooms .fold").click()
    for width in WIDTHS:
        desk.page.set_viewport_size({"width": width, "height": 900})
        desk.page.wait_for_timeout(100)
        check(desk, f"room at {width}")
    desk.page.set_viewport_size({"width": 1440, "height": 900})
    desk.agent_row("claude").click()
    check(desk, "one agent")
    desk.button("Answer").first.click()
    check(desk, "an answer in place")
    desk.button("Relay settings").click()
    expect(desk.css(".session-row")).to_have_count(1)
    check(desk, "drawer")
    desk.page.keyboard.press("Escape")
    desk.button("Add an agent to build").click()
    desk.css("form.mint").get_by_label("Name").fill("newcomer")
    desk.page.keyboard.press("Enter")
    expect(desk.css(".minted")).to_be_visible()
    check(desk, "a new key")
    desk.page.keyboard.press("Escape")
    desk.button("Keyboard").click()
    check(desk, "help")


def test_text_is_never_below_twelve_pixels(desk: Desk) -> None:
    furnish(desk)
    desk.sign_in("?room=build")
    expect(desk.css(".msg")).to_have_count(6)
    small = desk.page.evaluate(
        "[...document.querySelectorAll('body *')].filter((node) =>"
        " node.innerText?.trim() && parseFloat(getComputedStyle(node).fontSize) < 12)"
        ".map((node) => node.className)"
    )
    assert small == []


@pytest.mark.parametrize("width", [320, 640])
def test_nothing_sticks_out_of_a_narrow_screen(new_desk: NewDesk, width: int) -> None:
    """320 px is also a screen of 1280 px at 400 %, and 640 px one at 200 %."""
    desk = new_desk(viewport={"width": width, "height": 640})
    furnish(desk)
    desk.relay.agent("a-name-that-is-as-long-as-names-may-be-" + "x" * 25, "build").say(
        "averyverylongwordwithoutanyspace" * 20
    )
    desk.sign_in("?room=build")
    expect(desk.css(".msg")).to_have_count(7)
    wide = (
        "[document.documentElement, document.querySelector('.timeline'),"
        " document.querySelector('.head'), document.querySelector('.composer-foot'),"
        " document.querySelector('dialog')].filter((node) => node"
        " && node.scrollWidth > node.clientWidth).map((node) => node.className)"
    )
    assert desk.page.evaluate(wide) == []
    menu = desk.css(".menu-button")
    menu.click()
    expect(desk.css(".sidebar")).to_be_visible()
    assert desk.css(".sidebar-scroll").evaluate("n => n.scrollWidth <= n.clientWidth")
    desk.button("Relay settings").click()
    assert desk.page.evaluate(wide) == []
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("Escape")
    desk.composer.fill("x" * 300)
    assert desk.page.evaluate(wide) == []
    expect(desk.button("Send")).to_be_in_viewport()


def test_the_page_has_landmarks_and_a_log(desk: Desk) -> None:
    desk.relay.agent("claude").say("x")
    desk.sign_in()
    for role, name in (
        ("complementary", "Rooms and agents"),
        ("navigation", "Rooms"),
        ("main", "Conversation"),
        ("log", "Messages in build"),
    ):
        expect(desk.page.get_by_role(role, name=name)).to_have_count(1)  # type: ignore[arg-type]
    expect(desk.css("[role=log]")).to_have_attribute("aria-live", "polite")
    expect(desk.css("h1")).to_have_count(1)


def test_everything_can_be_done_from_the_keyboard(desk: Desk) -> None:
    relay = desk.relay
    claude = relay.agent("claude")
    first, second = claude.say("one"), claude.say("two")
    third = claude.ask("three?")
    relay.room("other")
    desk.sign_in("?room=build")
    expect(desk.css(".msg")).to_have_count(3)
    press = desk.page.keyboard.press
    press("k")
    expect(desk.message(third)).to_be_focused()
    press("k")
    press("k")
    expect(desk.message(first)).to_be_focused()
    press("j")
    expect(desk.message(second)).to_be_focused()
    press("r")
    expect(desk.composer).to_be_focused()
    expect(desk.css(".replying")).to_contain_text("two")
    desk.page.keyboard.type("jk?")
    expect(desk.composer).to_have_value("jk?")
    press("Escape")
    expect(desk.css(".replying")).to_have_count(0)
    press("Escape")
    expect(desk.composer).not_to_be_focused()
    press("g")
    press("i")
    expect(desk.css(".waiting-open")).to_be_focused()
    press("g")
    press("r")
    expect(desk.room_row("build")).to_be_focused()
    press("ArrowDown")
    expect(desk.room_row("other")).to_be_focused()
    press("Enter")
    expect(desk.css("h1.channel-title")).to_have_text("other")
    press("c")
    expect(desk.composer).to_be_focused()
    press("Escape")
    press("?")
    expect(desk.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    press("Escape")
    expect(desk.css("dialog")).to_have_count(0)


def test_a_dialog_keeps_the_focus_and_gives_it_back(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    opener = desk.button("Add an agent to build")
    opener.focus()
    desk.page.keyboard.press("Enter")
    dialog = desk.page.get_by_role("dialog", name="Add an agent")
    expect(dialog).to_be_visible()
    for _ in range(12):
        desk.page.keyboard.press("Tab")
        inside = desk.page.evaluate(
            "document.activeElement === document.body"
            " || !!document.activeElement.closest('dialog')"
        )
        assert inside
    desk.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
