"""Messages: D52 to D59, times, older ones, answers, links, Markdown."""

import re

import pytest
from playwright.sync_api import Route, expect

from support.browser import Desk, wait_until

pytestmark = pytest.mark.browser


def test_days_are_divided_by_their_names_and_messages_have_real_times(
    desk: Desk,
) -> None:
    """D52, on purpose otherwise: the original says "today" of any day."""
    seq = desk.relay.agent("claude").say("hello")
    desk.sign_in()
    expect(desk.css(".divider")).to_have_text("Today")
    time = desk.message(seq).locator(".msg-head time")
    expect(time).to_have_text(re.compile(r"^\d\d:\d\d$"))
    stamp = time.get_attribute("datetime") or ""
    assert re.match(r"\d{4}-\d\d-\d\dT", stamp)
    assert "20" in (time.get_attribute("title") or "")
    desk.later(24 * 3600)
    expect(desk.css(".divider")).to_have_text("Yesterday")
    labels = desk.value(
        "format",
        "[0, 1, 3, 400].map((days) => m.dayLabel("
        "Date.UTC(2026, 5, 15, 12) - days * 864e5, Date.UTC(2026, 5, 15, 12)))",
    )
    assert labels[:2] == ["Today", "Yesterday"]
    assert "12 June" in labels[2]
    assert "2025" in labels[3]


def test_what_one_says_in_a_row_stands_under_one_name(desk: Desk) -> None:
    """D53: the operator's is marked by the relay's word, never by a name."""
    relay = desk.relay
    claude = relay.agent("claude")
    first, second = claude.say("one"), claude.say("two")
    other = relay.agent("codex").say("three")
    mine = relay.say("four", sender="titus")
    desk.sign_in()
    for seq, count in ((first, 1), (second, 0), (other, 1), (mine, 1)):
        expect(desk.message(seq).locator(".avatar")).to_have_count(count)
    expect(desk.message(second).locator(".msg-head")).to_have_count(0)
    expect(desk.css(".pill.operator")).to_have_count(1)
    expect(desk.message(mine).locator(".pill.operator")).to_have_text("operator")
    expect(desk.message(mine).locator(".avatar")).to_have_class(
        re.compile("is-operator")
    )


def test_directed_messages_say_to_whom(desk: Desk) -> None:
    """D54."""
    relay = desk.relay
    claude = relay.agent("claude")
    relay.agent("codex").say("here")
    to_all, to_one = claude.say("for all"), claude.say("for one", to="codex")
    to_two = relay.say("for two", to=["claude", "codex"])
    desk.sign_in()
    expect(desk.message(to_all).locator(".to")).to_have_count(0)
    one = desk.message(to_one).locator(".to")
    expect(one).to_have_text("→ codex")
    hue = "node => getComputedStyle(node).getPropertyValue('--hue')"
    whose = desk.agent_row("codex").locator(".avatar").evaluate(hue)
    assert one.evaluate(hue) == whose
    colour = "node => getComputedStyle(node).color"
    assert one.evaluate(colour) == one.evaluate(
        "(node, hue) => { node.style.color = `hsl(${hue} 65% 26%)`;"
        " return getComputedStyle(node).color; }",
        whose,
    )
    expect(desk.message(to_two).locator(".to")).to_have_text("→ claude, codex")


def test_a_question_shows_which_of_three_states_it_is_in(desk: Desk) -> None:
    """D55, D49: open with a timer from its own time on, claimed, and answered."""
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.say("here")
    desk.page.wait_for_timeout(50)
    seq = claude.ask("Who knows?", "anyone")
    desk.page.wait_for_timeout(1200)
    desk.sign_in()
    badge = desk.message(seq).locator(".badge")
    expect(badge).to_have_attribute("data-state", "open")
    # The only other agent is meant by "anyone", and waited before the page was there.
    expect(badge).to_have_text(re.compile(r"expects · codex\s*0:0[1-9]"))
    expect(desk.css(".head .turn .badge")).to_have_attribute("data-state", "open")
    codex.claim(seq)
    expect(badge).to_have_attribute("data-state", "claimed")
    expect(badge).to_contain_text("claimed · codex")
    codex.say("I do.", reply_to=seq)
    expect(badge).to_have_attribute("data-state", "answered")
    expect(badge).to_have_text("answered · codex")
    expect(badge.locator(".timer")).to_have_count(0)
    expect(desk.css(".head .turn .badge")).to_have_attribute("data-state", "answered")


def test_the_operator_s_own_questions_have_the_same_states(desk: Desk) -> None:
    relay = desk.relay
    codex = relay.agent("codex")
    seq = relay.say("Codex?", to="codex")
    desk.sign_in()
    badge = desk.message(seq).locator(".badge")
    expect(badge).to_have_attribute("data-state", "open")
    codex.say("Yes.")
    expect(badge).to_have_attribute("data-state", "answered")


def test_an_answer_quotes_what_it_answers_and_leads_there(desk: Desk) -> None:
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    asked = claude.ask("Where is it?", "codex")
    claude.say_all(f"filler {number}" for number in range(40))
    answer = codex.say("Here.", reply_to=asked)
    desk.sign_in()
    quote = desk.message(answer).locator(".quote")
    expect(quote).to_contain_text("claude")
    expect(quote).to_contain_text("Where is it?")
    expect(desk.message(asked)).not_to_be_in_viewport()
    quote.click()
    expect(desk.message(asked)).to_be_in_viewport()
    expect(desk.message(asked)).to_have_class(re.compile("is-marked"))


def test_the_operator_answers_with_a_quote(desk: Desk) -> None:
    seq = desk.relay.agent("claude").ask("Shall I?")
    desk.sign_in()
    desk.message(seq).hover()
    desk.message(seq).get_by_role("button", name="Reply", exact=True).click()
    expect(desk.composer).to_be_focused()
    expect(desk.css(".replying")).to_contain_text("Replying to claude: Shall I?")
    desk.page.keyboard.type("Do.")
    desk.page.keyboard.press("Enter")
    expect(desk.css(".msg .quote")).to_contain_text("Shall I?")
    expect(desk.css(".replying")).to_have_count(0)
    expect(desk.message(seq).locator(".badge")).to_have_text("answered · operator")


def at_end(desk: Desk) -> bool:
    gap = "node => node.scrollHeight - node.scrollTop - node.clientHeight"
    return bool(desk.css(".timeline").evaluate(gap) <= 1)


def test_the_end_is_kept_in_view_unless_the_reader_went_up(desk: Desk) -> None:
    """D56."""
    claude = desk.relay.agent("claude")
    claude.say_all(f"line {number}\n\nmore" for number in range(40))
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(40)
    wait_until(lambda: at_end(desk))
    claude.say("newest")
    expect(desk.page.get_by_text("newest")).to_be_in_viewport()
    desk.css(".timeline").evaluate("node => node.scrollTop -= 300")
    desk.page.wait_for_timeout(100)
    top = desk.css(".timeline").evaluate("node => node.scrollTop")
    claude.say("unseen")
    fresh = desk.css(".fresh")
    expect(fresh).to_contain_text("1 new message")
    assert desk.css(".timeline").evaluate("node => node.scrollTop") == top
    fresh.click()
    expect(desk.page.get_by_text("unseen")).to_be_in_viewport()
    expect(fresh).to_have_count(0)
    desk.css(".timeline").evaluate("node => node.scrollTop -= 300")
    desk.send("mine")
    wait_until(lambda: at_end(desk))


def test_an_empty_room_says_what_will_be_here(desk: Desk) -> None:
    """D57."""
    desk.relay.room("build")
    desk.sign_in()
    expect(desk.css(".empty")).to_contain_text("Nothing in #build yet")
    expect(desk.css(".empty")).to_contain_text(
        "Messages agents send here will show up live."
    )


def test_a_room_shows_its_own_messages_also_when_closed(desk: Desk) -> None:
    """D58, D59."""
    relay = desk.relay
    relay.agent("a1", "one").say("in one " + "x" * 600)
    relay.agent("a2", "two").say("in two")
    relay.do("/admin/rooms/one/close")
    desk.sign_in("?room=one")
    expect(desk.css(".msg")).to_have_count(1)
    expect(desk.css(".msg")).to_contain_text("in one")
    body = desk.css(".msg-body")
    assert body.evaluate("node => getComputedStyle(node).maxWidth") != "none"
    assert desk.css(".timeline").evaluate(
        "node => node.scrollWidth <= node.clientWidth"
    )
    desk.enter("two")
    expect(desk.css(".msg .prose")).to_have_text(["in two"])


def test_older_messages_come_when_asked_for_and_the_reader_stays(desk: Desk) -> None:
    claude = desk.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 181))
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(60)
    expect(desk.message(121)).to_have_count(1)
    desk.css(".timeline").evaluate("node => { node.scrollTop = 0; }")
    expect(desk.css(".msg")).to_have_count(160)
    expect(desk.message(121)).to_be_in_viewport()
    desk.css(".timeline").evaluate("node => { node.scrollTop = 0; }")
    expect(desk.css(".msg")).to_have_count(180)
    assert desk.texts() == [f"m{number}" for number in range(1, 181)]
    expect(desk.css(".older")).to_have_count(0)


def test_a_link_to_a_message_leads_to_it_however_old(desk: Desk) -> None:
    claude = desk.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 151))
    desk.sign_in("?room=build&seq=5")
    expect(desk.message(5)).to_be_in_viewport()
    expect(desk.message(5)).to_have_class(re.compile("is-marked"))
    expect(desk.css(".msg")).to_have_count(150)
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.message(6).hover()
    desk.message(6).get_by_role("button", name="Link to this message").click()
    copied = desk.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{desk.relay.url}/dashboard?room=build&seq=6"
    desk.page.goto(f"{desk.relay.url}/dashboard?room=build&seq=900")
    expect(desk.css(".notice")).to_contain_text("Message 900 does not exist")


def test_what_came_since_the_last_visit_stands_below_a_line(desk: Desk) -> None:
    claude = desk.relay.agent("claude")
    claude.say("old")
    desk.relay.room("other")
    desk.sign_in("?room=build")
    expect(desk.css(".msg")).to_have_count(1)
    claude.say("seen as it came")
    expect(desk.css(".msg")).to_have_count(2)
    expect(desk.css(".is-news")).to_have_count(0)
    desk.enter("other")
    claude.say("missed")
    expect(desk.room_row("build")).to_have_class(re.compile("unread"))
    desk.enter("build")
    expect(desk.css(".is-news")).to_have_count(1)
    expect(desk.css(".is-news + .msg")).to_contain_text("missed")


def test_markdown_is_drawn_and_code_can_be_copied(desk: Desk) -> None:
    text = (
        "**bold** *slanted* `code` ~~gone~~ snake_case_name 2 * 3 * 4\n\n"
        "- one\n- two\n\n3. three\n\n> quoted\n\n"
        "```python\nif a < b:\n    pass\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "# Heading\n\nsee https://example.org/a_b(c). [here](https://example.org)"
    )
    seq = desk.relay.agent("claude").say(text)
    desk.sign_in()
    prose = desk.message(seq).locator(".prose")
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
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = prose.get_by_role("button", name="Copy code")
    button.click()
    expect(prose.locator(".copy")).to_have_text("Copied")
    assert desk.page.evaluate("navigator.clipboard.readText()") == "if a < b:\n    pass"


def test_markdown_keeps_every_character_of_what_it_does_not_know(desk: Desk) -> None:
    """No text is eaten, and none takes long, whatever it is."""
    desk.open()
    lengths = desk.page.evaluate(
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


def test_a_reply_answers_one_question_and_other_words_those_they_reach(
    desk: Desk,
) -> None:
    """The relay decides the same; it lists no questions of the operator's own."""
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    first, second = relay.say("One?", to="codex"), relay.say("Two?", to="codex")
    third = claude.ask("Three?", "operator", to="all")
    desk.sign_in()
    states = [desk.message(seq).locator(".badge") for seq in (first, second, third)]
    codex.say("Two.", reply_to=second)
    expect(states[1]).to_have_attribute("data-state", "answered")
    expect(states[0]).to_have_attribute("data-state", "open")
    codex.say("a word aside", to="claude")
    desk.relay.say("By a human.", sender="titus")
    expect(states[2]).to_have_attribute("data-state", "answered")
    expect(states[0]).to_have_attribute("data-state", "open")
    codex.say("One.")
    expect(states[0]).to_have_attribute("data-state", "answered")


def test_a_link_far_back_costs_one_request_and_the_way_back_is_open(
    desk: Desk,
) -> None:
    claude = desk.relay.agent("claude")
    claude.say_all(f"m{number}" for number in range(1, 701))
    asked: list[str] = []
    desk.page.on(
        "request",
        lambda request: asked.append(request.url) if "history" in request.url else None,
    )
    desk.sign_in("?room=build&seq=100")
    expect(desk.message(100)).to_have_class(re.compile("is-marked"))
    expect(desk.message(100)).to_be_in_viewport()
    assert len(asked) == 1
    claude.say("unseen")
    desk.css(".timeline").evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(desk.message(230)).to_have_count(1)
    texts = [int(text[1:]) for text in desk.texts()]
    assert texts == list(range(texts[0], texts[-1] + 1))
    expect(desk.page.get_by_text("unseen")).to_have_count(0)
    desk.css(".fresh").click()
    expect(desk.page.get_by_text("unseen")).to_be_in_viewport()
    expect(desk.css(".fresh")).to_have_count(0)
    claude.say("and this")
    expect(desk.page.get_by_text("and this")).to_be_in_viewport()


def test_a_message_at_the_end_is_followed_and_the_room_leads_back_to_it(
    desk: Desk,
) -> None:
    claude = desk.relay.agent("claude")
    claude.say_all(f"line {number}\n\nmore" for number in range(40))
    desk.sign_in("?room=build&seq=40")
    expect(desk.message(40)).to_have_class(re.compile("is-marked"))
    claude.say("newest")
    expect(desk.page.get_by_text("newest")).to_be_in_viewport()
    desk.css(".timeline").evaluate("node => { node.scrollTop = 300; }")
    expect(desk.css(".fresh")).to_have_text("Latest")
    desk.page.keyboard.press("j")
    expect(desk.css(".msg:focus")).to_be_in_viewport()
    assert desk.css(".msg:focus").get_attribute("id") != "m-41"
    desk.room_row("build").click()
    wait_until(lambda: at_end(desk))
    expect(desk.css(".fresh")).to_have_count(0)


def test_a_room_that_is_not_loaded_is_not_called_empty(desk: Desk) -> None:
    relay = desk.relay
    relay.agent("claude").say("x")
    relay.agent("scout", "ops").say("y")
    desk.sign_in("?room=build")
    held: list[Route] = []
    desk.page.route("**/admin/stream", lambda route: held.append(route))  # noqa: PLW0108
    desk.enter("ops")
    expect(desk.css(".empty")).to_have_text("Loading…")
    expect(desk.agent_row("claude")).to_have_count(0)
    for route in held:
        route.abort()


def test_r_in_a_direct_view_is_about_what_is_shown(desk: Desk) -> None:
    relay = desk.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    claude.say("of claude")
    codex.say("of codex")
    desk.sign_in()
    desk.agent_row("claude").click()
    expect(desk.css(".msg")).to_have_count(1)
    desk.page.keyboard.press("r")
    expect(desk.css(".replying")).to_contain_text("of claude")
    desk.page.go_back()
    expect(desk.css("h1.channel-title")).to_have_text("build")
