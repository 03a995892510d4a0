"""The roster, and the direct view of an agent: D37 to D47, D60, D61."""

import re

import pytest
from playwright.sync_api import expect

from support.browser import Agent, Dashboard, NewDashboard

pytestmark = pytest.mark.browser


def names(dashboard: Dashboard) -> list[str]:
    return [
        row.get_attribute("data-agent") or ""
        for row in dashboard.css(".person .agent-row").all()
    ]


def test_the_roster_shows_the_room_in_view_and_survives_a_restart(
    new_dashboard: NewDashboard,
) -> None:
    """D37, D38, D39, D41, D47: ours always has a roster to send."""
    dashboard = new_dashboard()
    relay = dashboard.relay
    zoe, amy = relay.agent("zoe"), relay.agent("amy")
    relay.agent("elsewhere", "other").say("x")
    amy.say("x")
    dashboard.page.wait_for_timeout(1100)
    zoe.say("y")
    dashboard.sign_in("?room=build")
    expect(dashboard.css("#agents-label")).to_contain_text("2 of 2 online")
    expect(dashboard.css("#agents-label")).to_have_attribute(
        "title", "2 of 2 in #build online"
    )
    assert names(dashboard) == ["amy", "zoe"]
    expect(dashboard.agent_row("amy").locator(".stamp")).to_have_text("online")
    expect(dashboard.agent_row("amy").locator(".presence")).to_have_class(
        re.compile("is-online")
    )
    relay.stop()
    relay.start()
    other = new_dashboard()
    other.sign_in("?room=build")
    expect(other.css("#agents-label")).to_contain_text("0 of 2 online")
    expect(other.css(".person .is-away")).to_have_count(2)
    assert names(other) == ["amy", "zoe"]  # not by who spoke last: nobody moves
    expect(other.agent_row("zoe").locator(".stamp")).to_have_text(
        re.compile(r"^not listening since \d\d:\d\d$")
    )
    zoe.poll()
    expect(other.agent_row("zoe").locator(".stamp")).to_have_text("online")


def test_an_avatar_has_two_letters_in_a_hue_of_the_name(dashboard: Dashboard) -> None:
    """D40, on purpose otherwise: no vendor's mark is guessed from a name."""
    relay = dashboard.relay
    relay.agent("not-claude").say("x")
    relay.agent("codex").say("x")
    relay.say("I am the human.")
    dashboard.sign_in()
    avatar = dashboard.agent_row("not-claude").locator(".avatar")
    expect(avatar).to_have_text("NC")
    beside = dashboard.css('.msg[data-from="not-claude"] .avatar')
    shown = [each.get_attribute("style") for each in (avatar, beside)]
    assert shown[0]
    assert shown[0] == shown[1]
    expect(dashboard.agent_row("operator").locator(".avatar")).to_have_class(
        re.compile("is-operator")
    )
    expect(dashboard.css('.msg[data-from="operator"] .avatar svg')).to_have_count(1)


def test_a_row_says_the_state_and_what_the_agent_can_do(dashboard: Dashboard) -> None:
    """D42, D43."""
    relay = dashboard.relay
    many = "python, " * 30
    asks = relay.agent("asks", capabilities=many.strip(", "))
    works, stands = relay.agent("works"), relay.agent("stands")
    relay.agent("invited")
    works.say("busy")
    stands.poll()
    asks.ask("Well?")
    dashboard.sign_in()
    expect(dashboard.agent_row("asks")).to_have_attribute("data-state", "waiting")
    expect(dashboard.agent_row("works")).to_have_attribute("data-state", "working")
    expect(dashboard.agent_row("stands")).to_have_attribute("data-state", "standing_by")
    activity = {
        name: dashboard.agent_row(name).locator(".agent-activity")
        for name in ("asks", "works", "stands")
    }
    expect(activity["asks"]).to_have_text("waits for an answer")
    expect(activity["works"]).to_have_text("working")
    expect(activity["stands"]).to_have_count(0)
    expect(dashboard.css("#agents-label")).to_have_text("3 of 3 online · 1 invited")
    caps = dashboard.agent_row("asks").locator(".agent-caps")
    expect(caps).to_have_attribute("title", many.strip(", "))
    box = dashboard.agent_row("asks").bounding_box()
    assert box is not None
    assert box["height"] <= 90
    pane = dashboard.css(".pane-body")
    assert pane.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_agents_that_never_connected_are_collapsed_as_invited(
    dashboard: Dashboard,
) -> None:
    """D44, D46."""
    dashboard.relay.agent("claude").say("x")
    late = dashboard.relay.agent("late")
    dashboard.sign_in()
    fold = dashboard.css(".roster .fold")
    expect(fold).to_have_text("Invited · 1")
    expect(dashboard.agent_row("late")).to_have_count(0)
    fold.click()
    row = dashboard.agent_row("late")
    expect(row.locator(".stamp")).to_have_text("invited, never seen")
    expect(row).to_have_attribute(
        "aria-label", "late — invited, never seen, open direct view"
    )
    late.poll()
    expect(row.locator(".stamp")).to_have_text("online")
    expect(fold).to_have_count(0)


def test_a_direct_view_shows_the_messages_of_one_agent(dashboard: Dashboard) -> None:
    """D45, D60, D61. The view has an address of its own."""
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    mine = claude.say("from claude")
    codex.say("not its business")
    to_me = codex.say("for claude", to="claude")
    dashboard.sign_in("?room=build")
    dashboard.agent_row("claude").click()
    expect(dashboard.css("h1.channel-title")).to_have_text("claude")
    expect(dashboard.css(".head")).to_contain_text("online")
    expect(dashboard.css(".head .pill")).to_have_text("filtered · #build")
    expect(dashboard.css(".msg")).to_have_count(2)
    expect(dashboard.message(mine)).to_be_visible()
    expect(dashboard.message(to_me).locator(".to")).to_have_count(0)
    expect(dashboard.composer).to_have_attribute("placeholder", "Message @claude")
    expect(dashboard.css(".composer .choice.is-set")).to_have_text("to: claude")
    dashboard.send("only for you")
    expect(dashboard.css(".msg")).to_have_count(3)
    heard = codex.call("GET", "/messages?since=0").json["messages"]
    assert "only for you" not in [each["text"] for each in heard]
    dashboard.page.reload()
    expect(dashboard.css("h1.channel-title")).to_have_text("claude")
    dashboard.button("Back to build").click()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.css(".msg")).to_have_count(4)


def test_the_direct_view_of_an_invited_agent_says_so(dashboard: Dashboard) -> None:
    """D60."""
    dashboard.relay.agent("late")
    dashboard.sign_in("?room=build&with=late")
    expect(dashboard.css(".person-facts")).to_contain_text("invited, never seen")
    expect(dashboard.css(".empty")).to_contain_text("Nothing from or to late yet")


def test_a_row_says_what_an_agent_holds_and_leads_to_it(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("here")
    asked = claude.ask("Codex?", "codex")
    taken = relay.agent("gemini").ask("Who can?", "anyone")
    claude.claim(taken)
    dashboard.sign_in()
    rows = dashboard.css(".person")
    expect(rows.filter(has_text="working on")).to_contain_text(f"working on #{taken}")
    held = dashboard.button(f"is asked #{asked}")
    held.click()
    expect(dashboard.css(".pane.is-thread")).to_contain_text("Codex?")


def test_the_operator_is_a_person_who_is_here_and_no_agent(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    relay.say("I look.")
    dashboard.sign_in()
    you = dashboard.css(".operators .is-you")
    expect(you).to_contain_text("operator")
    expect(you.locator(".stamp")).to_have_text("here")
    expect(you.locator(".presence")).to_have_class(re.compile("is-online"))
    expect(dashboard.css("#agents-label")).to_contain_text("1 of 1 online")
    expect(dashboard.css(".person")).to_have_count(1)


def test_who_hears_nothing_is_said_with_the_time(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("gone").say("x")
    dashboard.sign_in()
    expect(dashboard.agent_row("gone").locator(".stamp")).to_have_text("online")
    relay.stop()
    relay.start()
    relay.agent("later").poll()
    dashboard.sign_in("?room=build")
    gone = dashboard.agent_row("gone")
    expect(gone).to_have_attribute("data-listening", "not listening")
    since = re.compile(r"^not listening since \d\d:\d\d$")
    expect(gone.locator(".stamp")).to_have_text(since)
    # What it did last does not contradict that.
    expect(gone.locator(".agent-activity")).to_have_text(
        re.compile(r"^last spoke \d\d:\d\d$")
    )
    expect(dashboard.css("#agents-label")).to_contain_text(
        "1 of 2 online · 1 not listening"
    )
    gone.click()
    expect(dashboard.css(".person-facts .stamp")).to_have_text(since)
    groups = dashboard.page.get_by_label("Recipient").locator("optgroup")
    dashboard.button("Back to build").click()
    labels = groups.evaluate_all("all => all.map((each) => each.label)")
    assert labels == ["online", "not listening"]


def test_a_guest_is_marked_as_a_person(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    made = relay.do("/admin/rooms/build/guests", {"name": "Grace"})
    assert made
    dashboard.sign_in()
    relay.agent("late")
    expect(dashboard.css("#agents-label")).to_have_text(
        "1 of 1 online · 1 invited · 1 guest invited"
    )
    dashboard.button("Invited guests · 1").click()
    row = dashboard.agent_row("Grace")
    expect(row.locator(".pill.guest")).to_be_visible()
    assert ", guest" in (row.get_attribute("aria-label") or "")


def test_a_damped_pair_is_let_go_on(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    pair = [relay.agent("anna"), relay.agent("bob")]
    seq = pair[0].ask("and?", "bob")
    for number in range(15):
        seq = pair[(number + 1) % 2].say("and?", reply_to=seq)
    dashboard.sign_in()
    kept = dashboard.css(".damped")
    expect(kept).to_contain_text(re.compile(r"anna and bob\s*until \d\d:\d\d"))
    dashboard.button("Let them go on").click()
    expect(kept).to_have_count(0)
    expect(dashboard.css(".notice")).to_have_text("anna and bob wake each other again.")
    audit = relay.admin("GET", "/admin/audit").json["events"]
    assert "undamp" in [each["action"] for each in audit]


def test_a_damped_pair_is_shown_by_a_page_that_polls_too(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    pair = [relay.agent("anna"), relay.agent("bob")]
    seq = pair[0].ask("and?", "bob")
    for number in range(15):
        seq = pair[(number + 1) % 2].say("and?", reply_to=seq)
    dashboard.page.route("**/admin/stream", lambda route: route.fulfill(status=404))
    code = relay.do("/admin/sign-in")["code"]
    dashboard.open(f"?room=build#code={code}")
    expect(dashboard.css(".brand .connection")).to_have_text("polling")
    kept = dashboard.css(".damped")
    expect(kept).to_contain_text(re.compile(r"anna and bob\s*until \d\d:\d\d"))
    dashboard.button("Let them go on").click()
    expect(kept).to_have_count(0)


def test_an_empty_room_offers_to_add_an_agent(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.css(".nobody").get_by_role("button", name="Invite an agent").click()
    expect(dashboard.page.get_by_role("dialog")).to_be_visible()


def test_a_name_leads_to_what_the_agent_holds_and_asks(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    taken = codex.ask("Who can?", "anyone")
    asks = claude.ask("May I?")
    claude.claim(taken)
    dashboard.sign_in("?room=build")
    dashboard.css(".msg[data-from=claude]").get_by_role("button", name="claude").click()
    expect(dashboard.css("h1.channel-title")).to_have_text("claude")
    facts = dashboard.css(".person-facts")
    expect(facts.get_by_role("button")).to_have_text(
        [f"working on #{taken}", f"asks #{asks}"]
    )
    facts.get_by_role("button", name=f"asks #{asks}").click()
    expect(dashboard.css(".pane.is-thread")).to_contain_text("May I?")


def test_a_status_is_whole_however_narrow_the_pane_is(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("an-agent-with-quite-a-long-name", capabilities="all " * 40).say("x")
    relay.stop()
    relay.start()
    dashboard.sign_in("?room=build")
    stamp = dashboard.css(".person .stamp")
    expect(stamp).to_contain_text("not listening since")
    assert stamp.evaluate(
        """node => node.scrollWidth <= node.clientWidth + 1 &&
          node.getBoundingClientRect().right <=
          node.closest(".pane").getBoundingClientRect().right"""
    )


def test_an_unused_invite_is_among_the_invited_of_its_room(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.room("build")
    relay.room("ops")
    dashboard.sign_in("?room=build")
    relay.do("/admin/invites", {"name": "elsewhere", "room": "ops"})
    dashboard.invite("agent")
    dashboard.css("form.access-form").get_by_label("Name").fill("docs-writer")
    dashboard.button("Create the invite").click()
    expect(dashboard.css(".made")).to_be_visible()
    dashboard.page.keyboard.press("Escape")
    fold = dashboard.css(".roster .fold")
    expect(fold).to_have_text("Invited · 1")
    fold.click()
    row = dashboard.css(".roster [data-invite]")
    expect(row).to_contain_text(re.compile(r"docs-writer\s*invited, until \d\d:\d\d"))


def test_the_page_of_a_guest_ends_its_link(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    made = relay.do("/admin/rooms/build/guests", {"name": "pat", "speaks": True})
    dashboard.sign_in("?room=build&with=claude")
    expect(dashboard.css(".person-facts .stamp")).to_be_visible()
    expect(dashboard.button("End its link")).to_have_count(0)
    dashboard.open("?room=build&with=pat")
    dashboard.button("End its link").click()
    dashboard.button("Yes, end the link of pat").click()
    expect(dashboard.css(".notice")).to_have_text("The link of pat has ended.")
    # Nothing more is said there: the page goes back to the room.
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    dashboard.open("?room=build&with=pat")
    expect(dashboard.css(".is-unreachable")).to_contain_text("pat is not in this room")
    expect(dashboard.composer).to_have_count(0)
    assert made["key_id"] not in str(relay.admin("GET", "/admin/state").json)


def test_a_guest_who_only_reads_is_not_asked(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    relay.do("/admin/rooms/build/guests", {"name": "Grace"})
    dashboard.sign_in("?room=build")
    expect(dashboard.button("Invited guests · 1")).to_be_visible()
    asks = dashboard.page.get_by_label("Who should answer").locator("option")
    expect(asks).to_have_text(["nobody", "anyone", "claude"])
    to = dashboard.page.get_by_label("Recipient").locator("option")
    expect(to).to_have_text(["everyone", "claude"])
    dashboard.open("?room=build&with=Grace")
    note = dashboard.css(".is-unreachable")
    expect(note).to_contain_text("Grace reads only what is said to everyone")
    expect(dashboard.composer).to_have_count(0)
    note.get_by_role("button", name="Write to everyone").click()
    expect(dashboard.composer).to_be_focused()
    expect(dashboard.css(".says")).to_contain_text("To everyone")


def test_a_reply_to_one_who_left_is_written_in_the_room(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("codex").say("x")
    made = relay.do("/admin/rooms/build/guests", {"name": "pat", "speaks": True})
    code = made["link"].partition("#code=")[2]
    seq = Agent(relay, "pat", code).say("Bye.")
    relay.do("/admin/revoke", {"target": made["key_id"]})
    dashboard.sign_in("?room=build&with=pat")
    expect(dashboard.css(".is-unreachable")).to_contain_text("pat is not in this room")
    dashboard.message(seq).hover()
    dashboard.message(seq).get_by_role("button", name="Reply", exact=True).click()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")
    expect(dashboard.css(".replying")).to_contain_text("Bye.")


def test_the_operator_reads_no_instructions_for_agents(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    seq = relay.agent("codex").ask("Who can?", "anyone")
    claude.claim(seq)
    relay.agent("other").say("here")
    assert claude.call("DELETE", f"/messages/{seq}/claim").status == 200
    dashboard.sign_in("?room=build")
    event = dashboard.css(".event").last
    expect(event).to_contain_text("is an open question again")
    expect(event).not_to_contain_text("POST")
    heard = claude.call("GET", "/messages?since=0").json["messages"]
    assert f"POST /messages/{seq}/claim" in str(heard)
