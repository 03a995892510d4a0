"""The agents of the room in view, and what is between one of them and the room:
D37 to D47, D60, D61.
"""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Desk, NewDesk

pytestmark = pytest.mark.browser


def names(desk: Desk) -> list[str]:
    return [
        row.get_attribute("data-agent") or "" for row in desk.css(".agent-row").all()
    ]


def test_the_roster_is_of_the_room_in_view_and_outlives_a_restart(
    new_desk: NewDesk,
) -> None:
    """D37, D38, D39, D41, D47: ours always has a roster to send."""
    desk = new_desk()
    relay = desk.relay
    zoe, amy = relay.agent("zoe"), relay.agent("amy")
    relay.agent("elsewhere", "other").say("x")
    amy.say("x")
    desk.page.wait_for_timeout(1100)
    zoe.say("y")
    desk.sign_in("?room=build")
    expect(desk.css("#agents-label")).to_contain_text("Agents · 2/2")
    expect(desk.css("#agents-label")).to_have_attribute(
        "title", "2 of 2 in #build online"
    )
    assert names(desk) == ["amy", "zoe"]
    expect(desk.agent_row("amy").locator(".stamp")).to_have_text("online")
    expect(desk.agent_row("amy").locator(".presence")).to_have_class(
        re.compile("is-online")
    )
    relay.stop()
    relay.start()
    other = new_desk()
    other.sign_in("?room=build")
    expect(other.css("#agents-label")).to_contain_text("Agents · 0/2")
    expect(other.css(".agent-row.is-away")).to_have_count(2)
    assert names(other) == ["zoe", "amy"]  # the latest seen first
    expect(other.agent_row("zoe").locator(".stamp")).to_have_text(
        re.compile(r"^(now|\d+[smhd])$")
    )
    zoe.poll()
    expect(other.agent_row("zoe").locator(".stamp")).to_have_text("online")


def test_an_avatar_has_two_letters_in_a_hue_of_the_name(desk: Desk) -> None:
    """D40, on purpose otherwise: no vendor's mark is guessed from a name."""
    relay = desk.relay
    relay.agent("not-claude").say("x")
    relay.agent("codex").say("x")
    relay.say("I am the human.")
    desk.sign_in()
    avatar = desk.agent_row("not-claude").locator(".avatar")
    expect(avatar).to_have_text("NC")
    hue = re.compile(r"\bhue-\d\b")
    beside = desk.css('.msg[data-from="not-claude"] .avatar')
    shown = [
        hue.findall(each.get_attribute("class") or "") for each in (avatar, beside)
    ]
    assert shown[0] == shown[1] != []
    expect(desk.agent_row("operator").locator(".avatar")).to_have_class(
        re.compile("is-operator")
    )
    expect(desk.css('.msg[data-from="operator"] .avatar svg')).to_have_count(1)


def test_a_row_says_the_state_and_what_the_agent_can_do(desk: Desk) -> None:
    """D42, D43."""
    relay = desk.relay
    many = "python, " * 30
    asks = relay.agent("asks", capabilities=many.strip(", "))
    works, stands = relay.agent("works"), relay.agent("stands")
    relay.agent("invited")
    works.say("busy")
    stands.poll()
    asks.ask("Well?")
    desk.sign_in()
    expect(desk.agent_row("asks")).to_have_attribute("data-state", "waiting")
    expect(desk.agent_row("works")).to_have_attribute("data-state", "working")
    expect(desk.agent_row("stands")).to_have_attribute("data-state", "standing_by")
    pill = desk.agent_row("stands").locator(".pill")
    expect(pill).to_have_text("standing by")
    expect(pill).to_have_attribute("title", "Connected, and listening")
    caps = desk.agent_row("asks").locator(".agent-caps")
    expect(caps).to_have_attribute("title", many.strip(", "))
    box = desk.agent_row("asks").bounding_box()
    assert box is not None
    assert box["height"] <= 56
    side = desk.css(".sidebar-scroll")
    assert side.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_who_was_never_heard_of_is_folded_as_invited(desk: Desk) -> None:
    """D44, D46."""
    desk.relay.agent("claude").say("x")
    late = desk.relay.agent("late")
    desk.sign_in()
    fold = desk.css(".roster .fold")
    expect(fold).to_have_text("Invited · 1")
    expect(desk.agent_row("late")).to_have_count(0)
    fold.click()
    row = desk.agent_row("late")
    expect(row.locator(".stamp")).to_have_text("invited")
    expect(row).to_have_attribute("aria-label", "late — invited, open direct view")
    late.poll()
    expect(row.locator(".stamp")).to_have_text("online")
    expect(fold).to_have_count(0)


def test_an_agent_opens_a_view_of_its_own_words(desk: Desk) -> None:
    """D45, D60, D61. The view has an address of its own."""
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    mine = claude.say("from claude")
    codex.say("not its business")
    to_me = codex.say("for claude", to="claude")
    desk.sign_in("?room=build")
    desk.agent_row("claude").click()
    expect(desk.css("h1.channel-title")).to_have_text("claude")
    expect(desk.css(".head")).to_contain_text("online")
    expect(desk.css(".head .pill")).to_have_text("filtered · #build")
    expect(desk.css(".msg")).to_have_count(2)
    expect(desk.message(mine)).to_be_visible()
    expect(desk.message(to_me).locator(".to")).to_have_count(0)
    expect(desk.composer).to_have_attribute("placeholder", "Message @claude")
    expect(desk.css(".composer .choice.is-set")).to_have_text("to: claude")
    desk.send("only for you")
    expect(desk.css(".msg")).to_have_count(3)
    heard = codex.call("GET", "/messages?since=0").json["messages"]
    assert "only for you" not in [each["text"] for each in heard]
    desk.page.reload()
    expect(desk.css("h1.channel-title")).to_have_text("claude")
    desk.button("Back to build").click()
    expect(desk.css("h1.channel-title")).to_have_text("build")
    expect(desk.css(".msg")).to_have_count(4)


def test_the_view_of_somebody_not_seen_yet_says_so(desk: Desk) -> None:
    """D60."""
    desk.relay.agent("late")
    desk.sign_in("?room=build&with=late")
    expect(desk.css(".head")).to_contain_text("invited · not seen yet")
    expect(desk.css(".empty")).to_contain_text("Nothing from or to late yet")
