"""Messages: D52 to D59, times, older ones, answers, links, Markdown."""

import re

import pytest
from playwright.sync_api import Route, expect

from support.browser import Dashboard, NewDashboard, wait_until

pytestmark = pytest.mark.browser


def test_days_are_divided_by_their_names_and_messages_have_real_times(
    dashboard: Dashboard,
) -> None:
    """D52, on purpose otherwise: the original says "today" of any day."""
    seq = dashboard.relay.agent("claude").say("hello")
    dashboard.sign_in()
    expect(dashboard.css(".divider")).to_have_text("Today")
    time = dashboard.message(seq).locator(".msg-head time")
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d$"))
    stamp = time.get_attribute("datetime") or ""
    assert re.match(r"\d{4}-\d\d-\d\dT", stamp)
    assert "20" in (time.get_attribute("title") or "")
    dashboard.advance_clock(24 * 3600)
    expect(dashboard.css(".divider")).to_have_text("Yesterday")
    labels = dashboard.call_module(
        "format",
        "[0, 1, 3, 400].map((days) => m.dayLabel("
        "Date.UTC(2026, 5, 15, 12) - days * 864e5, Date.UTC(2026, 5, 15, 12)))",
    )
    assert labels[:2] == ["Today", "Yesterday"]
    assert "12 June" in labels[2]
    assert "2025" in labels[3]


def test_consecutive_messages_of_one_sender_are_grouped(dashboard: Dashboard) -> None:
    """D53: `from_kind` marks the operator, never a name."""
    relay = dashboard.relay
    claude = relay.agent("claude")
    first, second = claude.say("one"), claude.say("two")
    other = relay.agent("codex").say("three")
    mine = relay.say("four", sender="titus")
    dashboard.sign_in()
    for seq, count in ((first, 1), (second, 0), (other, 1), (mine, 1)):
        expect(dashboard.message(seq).locator(".avatar")).to_have_count(count)
    expect(dashboard.message(second).locator(".msg-head")).to_have_count(0)
    plain = relay.say("five")
    expect(dashboard.css(".pill.operator")).to_have_count(2)
    expect(dashboard.message(plain).locator(".msg-head")).to_have_text(
        re.compile(r"^\s*operator\s*\d\d:\d\d")
    )
    expect(dashboard.message(mine).locator(".pill.operator")).to_have_text("operator")
    expect(dashboard.message(mine).locator(".avatar")).to_have_class(
        re.compile("is-operator")
    )


def test_directed_messages_show_their_recipients(dashboard: Dashboard) -> None:
    """D54."""
    relay = dashboard.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("here")
    to_all, to_one = claude.say("for all"), claude.say("for one", to="codex")
    to_two = relay.say("for two", to=["claude", "codex"])
    dashboard.sign_in()
    expect(dashboard.message(to_all).locator(".to")).to_have_count(0)
    one = dashboard.message(to_one).locator(".to")
    expect(one).to_have_text("→ codex")
    hue = "node => getComputedStyle(node).getPropertyValue('--hue')"
    whose = dashboard.agent_row("codex").locator(".avatar").evaluate(hue)
    assert one.evaluate(hue) == whose
    colour = "node => getComputedStyle(node).color"
    assert one.evaluate(colour) == one.evaluate(
        "(node, hue) => { node.style.color = `light-dark(oklch(42% 0.11 ${hue}),"
        " oklch(86% 0.08 ${hue}))`;"
        " return getComputedStyle(node).color; }",
        whose,
    )
    expect(dashboard.message(to_two).locator(".to")).to_have_text("→ claude, codex")


def test_a_question_shows_which_of_three_states_it_is_in(dashboard: Dashboard) -> None:
    """D55, D49: open with a timer from its own time on, claimed, and answered."""
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.say("here")
    dashboard.page.wait_for_timeout(50)
    seq = claude.ask("Who knows?", "anyone")
    dashboard.page.wait_for_timeout(1200)
    dashboard.sign_in()
    badge = dashboard.message(seq).locator(".badge")
    expect(badge).to_have_attribute("data-state", "open")
    # The only other agent is meant by "anyone", and waited before the page was there.
    expect(badge).to_have_text(
        re.compile(r"open · asks codex · since \d\d:\d\d\s*0:0[1-9]")
    )
    expect(dashboard.css(".head .turn")).to_have_text(
        re.compile(r"Open question: claude asks codex · 0:0[1-9]")
    )
    codex.claim(seq)
    expect(badge).to_have_attribute("data-state", "claimed")
    # The end of the claim alone: a time that counts up beside it reads as time left.
    expect(badge).to_have_text(re.compile(r"^\s*claimed by codex until \d\d:\d\d\s*$"))
    answer = codex.say("I do.", reply_to=seq)
    expect(badge).to_have_attribute("data-state", "answered")
    expect(badge).to_have_text(f"answered by codex · #{answer}")
    expect(badge.locator(".timer")).to_have_count(0)
    badge.get_by_role("link").click()
    expect(dashboard.message(answer)).to_have_class(re.compile("is-marked"))
    expect(dashboard.css(".head .turn")).to_have_text(
        "Latest question: codex answered claude"
    )


def test_the_operator_s_own_questions_have_the_same_states(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    codex = relay.agent("codex")
    seq = relay.say("Codex?", to="codex")
    dashboard.sign_in()
    badge = dashboard.message(seq).locator(".badge")
    expect(badge).to_have_attribute("data-state", "open")
    codex.say("Yes.")
    expect(badge).to_have_attribute("data-state", "answered")


def test_a_reply_quotes_its_question_and_leads_there(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    asked = claude.ask("Where is it?", "codex")
    claude.say_all(f"filler {number}" for number in range(40))
    answer = codex.say("Here.", reply_to=asked)
    dashboard.sign_in()
    quote = dashboard.message(answer).locator(".quote")
    expect(quote).to_contain_text("claude")
    expect(quote).to_contain_text("Where is it?")
    expect(dashboard.message(asked)).not_to_be_in_viewport()
    quote.click()
    expect(dashboard.message(asked)).to_be_in_viewport()
    expect(dashboard.message(asked)).to_have_class(re.compile("is-marked"))


def test_the_operator_answers_with_a_quote(dashboard: Dashboard) -> None:
    seq = dashboard.relay.agent("claude").ask("Shall I?")
    dashboard.sign_in()
    dashboard.message(seq).hover()
    dashboard.message(seq).get_by_role("button", name="Reply", exact=True).click()
    expect(dashboard.composer).to_be_focused()
    expect(dashboard.css(".replying")).to_contain_text("Replying to claude: Shall I?")
    dashboard.page.keyboard.type("Do.")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".composer .pending")).to_be_visible()
    dashboard.send_now()
    expect(dashboard.css(".msg .quote")).to_contain_text("Shall I?")
    expect(dashboard.css(".replying")).to_have_count(0)
    expect(dashboard.message(seq).locator(".badge")).to_have_text(
        "answered by operator · #2"
    )


def at_end(dashboard: Dashboard) -> bool:
    gap = "node => node.scrollHeight - node.scrollTop - node.clientHeight"
    return bool(dashboard.css(".timeline").evaluate(gap) <= 1)


def test_the_end_is_kept_in_view_unless_the_reader_went_up(
    dashboard: Dashboard,
) -> None:
    """D56."""
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"line {number}\n\nmore" for number in range(40))
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(40)
    wait_until(lambda: at_end(dashboard))
    claude.say("newest")
    expect(dashboard.page.get_by_text("newest")).to_be_in_viewport()
    dashboard.css(".timeline").evaluate("node => node.scrollTop -= 300")
    dashboard.page.wait_for_timeout(100)
    top = dashboard.css(".timeline").evaluate("node => node.scrollTop")
    claude.say("unseen")
    fresh = dashboard.css(".fresh")
    expect(fresh).to_contain_text("1 new message")
    assert dashboard.css(".timeline").evaluate("node => node.scrollTop") == top
    fresh.click()
    expect(dashboard.page.get_by_text("unseen")).to_be_in_viewport()
    expect(fresh).to_have_count(0)
    dashboard.css(".timeline").evaluate("node => node.scrollTop -= 300")
    dashboard.send("mine")
    wait_until(lambda: at_end(dashboard))


def test_a_line_that_appears_in_the_header_leaves_the_end_in_view(
    new_dashboard: NewDashboard,
) -> None:
    """It makes the list lower before the browser tells of the first scroll."""
    dashboard = new_dashboard(
        viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True
    )
    claude = dashboard.relay.agent("claude")
    dashboard.relay.agent("reviewer")
    claude.say_all(f"line {number}\n\nmore" for number in range(40))
    claude.ask("Is the empty state of the basket good enough to merge?", "reviewer")
    claude.say("last")
    # The observers come late, as they do when the page is busy.
    dashboard.page.add_init_script("""
        const Real = ResizeObserver;
        window.ResizeObserver = class extends Real {
          constructor(act) { super((...all) => setTimeout(() => act(...all), 300)); }
        };""")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".turn")).to_be_visible()
    dashboard.page.wait_for_timeout(150)
    expect(dashboard.css(".fresh")).to_have_count(0)
    wait_until(lambda: at_end(dashboard))
    expect(dashboard.page.get_by_text("last", exact=True)).to_be_in_viewport()


def test_a_message_that_grows_late_leaves_the_end_in_view(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").say_all(f"line {number}" for number in range(40))
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(40)
    wait_until(lambda: at_end(dashboard))
    # The browser tells of the scroll before it observes the new height.
    dashboard.css(".timeline").evaluate(
        "(node) => { node.scrollTop -= 1;"
        " node.querySelector('.msg').style.minHeight = '500px'; }"
    )
    wait_until(lambda: at_end(dashboard))
    expect(dashboard.css(".fresh")).to_have_count(0)
    dashboard.css(".timeline").evaluate("(node) => { node.scrollTop -= 200; }")
    expect(dashboard.css(".fresh")).to_have_text(re.compile("Latest"))


def test_an_empty_room_says_what_will_be_here(dashboard: Dashboard) -> None:
    """D57."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    expect(dashboard.css(".empty")).to_contain_text("Nothing in #build yet")
    expect(dashboard.css(".empty")).to_contain_text(
        "Messages agents send here will show up live."
    )
    add = dashboard.css(".empty").get_by_role("button", name="Invite an agent")
    add.click()
    expect(dashboard.page.get_by_role("dialog", name="Invite an agent")).to_be_visible()
    dashboard.page.keyboard.press("Escape")
    dashboard.relay.do("/admin/rooms/build/close")
    expect(dashboard.css(".empty")).to_contain_text(
        "This room is closed: only you can write here."
    )
    expect(add).to_have_count(0)


def test_a_room_shows_its_own_messages_also_when_closed(dashboard: Dashboard) -> None:
    """D58, D59."""
    relay = dashboard.relay
    relay.agent("a1", "one").say("in one " + "x" * 600)
    relay.agent("a2", "two").say("in two")
    relay.do("/admin/rooms/one/close")
    dashboard.sign_in("?room=one")
    expect(dashboard.css(".msg")).to_have_count(1)
    expect(dashboard.css(".msg")).to_contain_text("in one")
    body = dashboard.css(".msg-body")
    assert body.evaluate("node => getComputedStyle(node).maxWidth") != "none"
    assert dashboard.css(".timeline").evaluate(
        "node => node.scrollWidth <= node.clientWidth"
    )
    dashboard.enter("two")
    expect(dashboard.css(".msg .prose")).to_have_text(["in two"])


def test_loading_older_messages_keeps_the_scroll_position(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 181))
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(60)
    expect(dashboard.message(121)).to_have_count(1)
    dashboard.css(".timeline").evaluate("node => { node.scrollTop = 0; }")
    expect(dashboard.css(".msg")).to_have_count(160)
    expect(dashboard.message(121)).to_be_in_viewport()
    dashboard.css(".timeline").evaluate("node => { node.scrollTop = 0; }")
    expect(dashboard.css(".msg")).to_have_count(180)
    assert dashboard.texts() == [f"m{number}" for number in range(1, 181)]
    expect(dashboard.css(".older")).to_have_count(0)


def test_a_link_leads_to_a_message_of_any_age(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 151))
    dashboard.sign_in("?room=build&seq=5")
    expect(dashboard.message(5)).to_be_in_viewport()
    expect(dashboard.message(5)).to_have_class(re.compile("is-marked"))
    expect(dashboard.css(".msg")).to_have_count(150)
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dashboard.message(6).hover()
    dashboard.message(6).get_by_role("button", name="Link to this message").click()
    copied = dashboard.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{dashboard.relay.url}/dashboard?room=build&seq=6"
    dashboard.page.goto(f"{dashboard.relay.url}/dashboard?room=build&seq=900")
    expect(dashboard.css(".notice")).to_contain_text("Message 900 does not exist")


def test_unread_messages_follow_a_divider(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say("old")
    dashboard.relay.room("other")
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".msg")).to_have_count(1)
    claude.say("seen as it came")
    expect(dashboard.css(".msg")).to_have_count(2)
    expect(dashboard.css(".is-news")).to_have_count(0)
    dashboard.enter("other")
    claude.say("missed")
    expect(dashboard.room_row("build")).to_have_class(re.compile("unread"))
    dashboard.enter("build")
    expect(dashboard.css(".is-news")).to_have_count(1)
    expect(dashboard.css(".is-news + .msg")).to_contain_text("missed")


def test_markdown_is_drawn_and_code_can_be_copied(dashboard: Dashboard) -> None:
    text = (
        "**bold** *slanted* `code` ~~gone~~ snake_case_name 2 * 3 * 4\n\n"
        "- one\n- two\n\n3. three\n\n> quoted\n\n"
        "```python\nif a < b:\n    pass\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "# Heading\n\nsee https://example.org/a_b(c). [here](https://example.org)"
    )
    seq = dashboard.relay.agent("claude").say(text)
    dashboard.sign_in()
    prose = dashboard.message(seq).locator(".prose")
    expect(prose.locator("strong")).to_have_text("bold")
    expect(prose.locator("em")).to_have_text("slanted")
    expect(prose.locator("p code")).to_have_text("code")
    expect(prose.locator("del")).to_have_text("gone")
    expect(prose).to_contain_text("snake_case_name 2 * 3 * 4")
    expect(prose.locator("ul > li")).to_have_text(["one", "two"])
    expect(prose.locator("ol")).to_have_attribute("start", "3")
    expect(prose.locator("blockquote")).to_have_text("quoted")
    expect(prose.locator("pre")).to_have_text("if a < b:\n    pass")
    expect(prose.locator("td")).to_have_text(["1", "2"])
    expect(prose.locator(".heading")).to_have_text("Heading")
    links = prose.locator("a")
    expect(links.first).to_have_attribute("href", "https://example.org/a_b(c)")
    expect(links.last).to_have_attribute("rel", "noopener noreferrer nofollow")
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = prose.get_by_role("button", name="Copy code")
    button.click()
    expect(prose.locator(".copy")).to_have_text("Copied")
    assert (
        dashboard.page.evaluate("navigator.clipboard.readText()")
        == "if a < b:\n    pass"
    )


def test_text_that_is_no_markdown_is_kept(dashboard: Dashboard) -> None:
    """And no text takes long to parse."""
    dashboard.open()
    lengths = dashboard.page.evaluate(
        """async () => {
          const { Markdown } = await import("/dashboard/markdown.js");
          const { html, render } = await import("/dashboard/ui.js");
          const hard = ["`".repeat(20000), "*".repeat(20000), "_a".repeat(10000),
            "[".repeat(20000), "|" + "-".repeat(20000) + "x", "> ".repeat(8000),
            "**a ".repeat(5000), "https://" + "a".repeat(15000), "- ".repeat(9000)];
          const start = performance.now();
          for (const text of hard) {
            const box = document.createElement("div");
            render(html`<${Markdown} text=${text} />`, box);
          }
          const box = document.createElement("div");
          render(html`<${Markdown} text=${"<b>&amp; ](javascript:x) **"} />`, box);
          return [performance.now() - start, box.textContent];
        }"""
    )
    assert lengths[1] == "<b>&amp; ](javascript:x) **"
    assert lengths[0] < 5_000


def test_badges_show_the_states_that_the_relay_gives(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    first, second = relay.say("One?", to="codex"), relay.say("Two?", to="codex")
    third = claude.ask("Three?", "operator", to="all")
    dashboard.sign_in()
    states = [
        dashboard.message(seq).locator(".badge") for seq in (first, second, third)
    ]
    codex.say("Two.", reply_to=second)
    expect(states[1]).to_have_attribute("data-state", "answered")
    expect(states[0]).to_have_attribute("data-state", "open")
    codex.say("a word aside", to="claude")
    relay.say("Good morning everybody.", sender="titus")
    expect(states[2]).to_have_attribute("data-state", "open")
    relay.say("By a human.", sender="titus", to="claude")
    expect(states[2]).to_have_attribute("data-state", "answered")
    expect(states[0]).to_have_attribute("data-state", "open")
    codex.say("One.", reply_to=first)
    expect(states[0]).to_have_attribute("data-state", "answered")


def test_a_link_far_back_takes_one_request_and_newer_messages_load(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 701))
    asked: list[str] = []
    dashboard.page.on(
        "request",
        lambda request: asked.append(request.url) if "history" in request.url else None,
    )
    dashboard.sign_in("?room=build&seq=100")
    expect(dashboard.message(100)).to_have_class(re.compile("is-marked"))
    expect(dashboard.message(100)).to_be_in_viewport()
    assert len(asked) == 1
    claude.say("unseen")
    dashboard.css(".timeline").evaluate(
        "node => { node.scrollTop = node.scrollHeight; }"
    )
    expect(dashboard.message(230)).to_have_count(1)
    texts = [int(text[1:]) for text in dashboard.texts()]
    assert texts == list(range(texts[0], texts[-1] + 1))
    expect(dashboard.page.get_by_text("unseen")).to_have_count(0)
    dashboard.css(".fresh").click()
    expect(dashboard.page.get_by_text("unseen")).to_be_in_viewport()
    expect(dashboard.css(".fresh")).to_have_count(0)
    claude.say("and this")
    expect(dashboard.page.get_by_text("and this")).to_be_in_viewport()


def test_a_message_at_the_end_is_followed_and_the_room_leads_back_to_it(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say_all(f"line {number}\n\nmore" for number in range(40))
    dashboard.sign_in("?room=build&seq=40")
    expect(dashboard.message(40)).to_have_class(re.compile("is-marked"))
    claude.say("newest")
    expect(dashboard.page.get_by_text("newest")).to_be_in_viewport()
    dashboard.css(".timeline").evaluate("node => { node.scrollTop = 300; }")
    expect(dashboard.css(".fresh")).to_have_text("Latest")
    dashboard.page.keyboard.press("j")
    expect(dashboard.css(".msg:focus")).to_be_in_viewport()
    assert dashboard.css(".msg:focus").get_attribute("id") != "m-41"
    dashboard.room_row("build").click()
    wait_until(lambda: at_end(dashboard))
    expect(dashboard.css(".fresh")).to_have_count(0)


def test_a_room_that_is_loading_is_not_shown_as_empty(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("x")
    relay.agent("scout", "ops").say("y")
    dashboard.sign_in("?room=build")
    held: list[Route] = []
    dashboard.page.route("**/admin/stream", lambda route: held.append(route))  # noqa: PLW0108
    dashboard.enter("ops")
    expect(dashboard.css(".empty")).to_have_text("Loading…")
    expect(dashboard.agent_row("claude")).to_have_count(0)
    for route in held:
        route.abort()


def test_r_in_a_direct_view_replies_to_a_message_shown(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    claude.say("of claude")
    codex.say("of codex")
    dashboard.sign_in()
    dashboard.agent_row("claude").click()
    expect(dashboard.css(".msg")).to_have_count(1)
    dashboard.page.keyboard.press("r")
    expect(dashboard.css(".replying")).to_contain_text("of claude")
    dashboard.page.go_back()
    expect(dashboard.css("h1.channel-title")).to_have_text("build")


def test_every_message_has_its_number_which_is_its_link(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    first, second = claude.say("one"), claude.say("two")
    dashboard.sign_in()
    for seq in (first, second):
        link = dashboard.message(seq).locator("a.seq")
        expect(link).to_have_text(f"#{seq}")
        expect(link).to_have_attribute(
            "href", f"{dashboard.relay.url}/dashboard?room=build&seq={seq}"
        )
    dashboard.message(second).locator("a.seq").click()
    expect(dashboard.message(second)).to_have_class(re.compile("is-marked"))
    assert dashboard.page.url.endswith(f"?room=build&seq={second}")


def test_the_number_of_an_earlier_message_leads_to_it(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    first = claude.say("the first")
    text = "see #1, **#1** and #2, #9, a#1, #1a, `#1`, https://example.org/#1"
    second = claude.say(text)
    dashboard.sign_in()
    links = dashboard.message(second).locator(".prose a.seq")
    expect(links).to_have_text(["#1", "#1"])
    links.first.click()
    expect(dashboard.message(first)).to_have_class(re.compile("is-marked"))
    expect(dashboard.message(second).locator(".prose")).to_contain_text(
        "and #2, #9, a#1, #1a, #1"
    )


def test_the_state_of_a_withdrawn_question_has_who_and_why(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    seq = claude.ask("Anyone?", "anyone")
    dashboard.sign_in()
    badge = dashboard.message(seq).locator(".badge")
    expect(badge).to_have_text(re.compile("open · asks anyone"))
    claude.call("DELETE", f"/messages/{seq}/question", {"reason": "I found it."})
    expect(badge).to_have_text("withdrawn by claude: I found it.")


def test_a_long_message_is_folded_and_found_by_the_browser_s_search(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say("short")
    seq = claude.say("\n\n".join(f"paragraph {number}" for number in range(60)))
    dashboard.sign_in()
    folded = dashboard.message(seq).locator(".long-text")
    box = folded.bounding_box()
    assert box is not None
    assert box["height"] < 500
    more = dashboard.message(seq).get_by_role("button", name="Show more")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    expect(folded.get_by_text("paragraph 59", exact=True)).to_be_visible()
    less = dashboard.message(seq).get_by_role("button", name="Show less")
    less.click()
    expect(folded).to_have_class(re.compile("is-folded"))
    # As the browser's search does, which scrolls boxes that nobody else can scroll.
    folded.get_by_text("paragraph 57", exact=True).evaluate("n => n.scrollIntoView()")
    expect(folded).not_to_have_class(re.compile("is-folded"))
    expect(folded.get_by_text("paragraph 57", exact=True)).to_be_in_viewport()


def test_the_actions_of_a_message_cover_no_name_and_are_reached_by_tab(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("claude").say("one")
    seq = relay.agent("codex").say("two")
    dashboard.sign_in()
    row = dashboard.message(seq)
    row.hover()
    name, actions = (
        row.locator(each).bounding_box() for each in (".name", ".msg-actions")
    )
    assert name is not None
    assert actions is not None
    assert name["x"] + name["width"] < actions["x"]
    row.focus()
    for label in ("codex", "#2", "Reply", "Thread", "Copy", "Link"):
        dashboard.page.keyboard.press("Tab")
        focused = "document.activeElement.textContent.trim()"
        assert dashboard.page.evaluate(focused) == label


def test_the_actions_are_a_finger_high_below_the_message_on_a_touch_screen(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(
        viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True
    )
    seq = dashboard.relay.agent("claude").say("one")
    dashboard.sign_in()
    row = dashboard.message(seq)
    row.locator(".prose").tap()
    actions = row.locator(".msg-actions")
    expect(actions).to_be_visible()
    for box in [each.bounding_box() for each in actions.locator("button").all()]:
        assert box is not None
        assert min(box["height"], box["width"]) >= 44
    name, box = row.locator(".name").bounding_box(), actions.bounding_box()
    assert name is not None
    assert box is not None
    assert name["y"] + name["height"] <= box["y"]


def test_a_long_recipient_breaks_no_word_beside_it(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard(viewport={"width": 375, "height": 740})
    relay = dashboard.relay
    long = "release-captain-of-the-northern-hemisphere"
    relay.agent(long).say("here")
    seq = relay.agent("codex").say("Pushed to the branch.", to=long)
    dashboard.sign_in()
    chip = dashboard.message(seq).locator(".to")
    prose = dashboard.message(seq).locator(".prose p")
    above, below = chip.bounding_box(), prose.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]
    assert below["height"] < 30


def test_the_header_shows_the_question_that_asks_you_first(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    mine = claude.ask("May I?")
    codex.ask("Claude?", "claude")
    dashboard.sign_in()
    turn = dashboard.css(".head .turn")
    expect(turn).to_have_text(re.compile(r"Asks you: claude · \d:\d\d"))
    relay.say("You may.", reply_to=mine)
    expect(turn).to_have_text(re.compile(r"Open question: codex asks claude · \d:\d\d"))


def test_the_header_counts_the_questions_and_shows_the_longest_wait(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    first = codex.ask("Claude?", "claude")
    relay.say("Codex, can you split it?", expects_reply="codex", to="codex")
    dashboard.sign_in()
    turn = dashboard.css(".head .turn")
    expect(turn).to_have_text(
        re.compile(r"Open question: codex asks claude · \d:\d\d · 1 more$")
    )
    mine = claude.ask("May I?")
    codex.ask("May I, too?")
    expect(turn).to_have_text(re.compile(r"Asks you: claude · \d:\d\d · 1 more$"))
    relay.say("You may.", reply_to=mine)
    expect(turn).to_have_text(re.compile(r"Asks you: codex · \d:\d\d$"))
    claude.say("Here.", reply_to=first)
    relay.say("You too.", reply_to=first + 3)
    expect(turn).to_have_text(re.compile(r"Open question: you asked codex · \d:\d\d$"))


def test_a_quote_shows_code_as_code_and_no_links(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    seq = claude.say("Use `fold()`, **not** https://example.org/trim")
    claude.say("Done.", reply_to=seq)
    dashboard.sign_in()
    quote = dashboard.css(".quote")
    expect(quote.locator("code")).to_have_text("fold()")
    expect(quote.locator("strong")).to_have_text("not")
    expect(quote.locator("a")).to_have_count(0)


def test_the_actions_of_a_message_stand_still_when_it_is_copied(
    dashboard: Dashboard,
) -> None:
    seq = dashboard.relay.agent("claude").say("Copy me.")
    dashboard.sign_in()
    row = dashboard.message(seq)
    row.hover()
    actions = row.locator(".msg-actions")
    before = actions.bounding_box()
    icons = actions.locator(".copy path").evaluate_all(
        "all => all.map((each) => each.getAttribute('d'))"
    )
    assert len(set(icons)) == 2
    actions.get_by_role("button", name="Copy text").click()
    expect(actions).to_contain_text("Copied")
    assert actions.bounding_box() == before
