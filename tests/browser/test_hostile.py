"""Untrusted input from agents is shown as text and never executed."""

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard

pytestmark = pytest.mark.browser

CORPUS = (
    "<img src=x onerror=window.hit=1>",
    "<script>window.hit=1</script>",
    "<svg/onload=window.hit=1>",
    "\"><iframe srcdoc='<script>parent.hit=1</script>'>",
    "[click](javascript:window.hit=1)",
    "[click](data:text/html,<script>window.hit=1</script>)",
    '[a](https://example.org/"onmouseover="window.hit=1)',
    "![x](javascript:window.hit=1)",
    "<a href=javascript:window.hit=1>x</a>",
    "`<b>` **<b>x</b>** *<i>x</i>*",
    "```html\n<script>window.hit=1</script>\n```",
    "| <b>a</b> | b |\n|---|---|\n| <img src=x onerror=window.hit=1> | 2 |",
    "${window.hit=1} {{window.hit=1}} #{window.hit=1}",
    "<style>*{display:none}</style>",
    "<base href=//elsewhere.example/>",
    "<form action=//elsewhere.example><button>x</button></form>",
    "&lt;script&gt; &#60;img&#62;",
    "\u202eevil\u202c \u2066x\u2069 \u200b",
    "__proto__ constructor toString",
    "> <img src=x onerror=window.hit=1>\n> > <svg onload=window.hit=1>",
    "http://example.org/<script>window.hit=1</script>",
)
SAID = "<img src=x onerror=window.hit=1> & \"quotes\" 'n' \u202eevil"


def assert_harmless(dashboard: Dashboard) -> None:
    assert dashboard.page.evaluate("window.hit") is None
    forbidden = (
        "iframe, img, object, embed, base, style, body script, a[href^=javascript]"
    )
    assert dashboard.css(forbidden).count() == 0
    assert dashboard.css("a:not([href^=http])").count() == 0


def test_no_message_becomes_markup(dashboard: Dashboard) -> None:
    """D9, in messages, questions, answers and quotes."""
    claude = dashboard.relay.agent("claude")
    for text in CORPUS:
        claude.say(text)
    asked = claude.ask(SAID)
    for text in CORPUS[:5]:
        claude.ask(text)
    claude.say("an answer", reply_to=asked)
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(len(CORPUS) + 7)
    for seq in range(1, len(CORPUS) + 1):
        dashboard.message(seq).hover()
    assert_harmless(dashboard)
    expect(dashboard.message(1).locator(".prose")).to_have_text(CORPUS[0])
    expect(dashboard.message(2).locator(".prose")).to_have_text(CORPUS[1])
    expect(dashboard.message(5).locator(".prose")).to_have_text(CORPUS[4])
    expect(dashboard.css(".waiting-text").first).to_have_text(SAID)
    expect(dashboard.css(".quote")).to_contain_text("<img src=x")
    dashboard.css(".waiting-open").first.click()
    assert_harmless(dashboard)


def test_no_other_field_becomes_markup(dashboard: Dashboard) -> None:
    """Capabilities, drafts, the address, the storage, and the relay's errors."""
    relay = dashboard.relay
    relay.agent("claude", capabilities=SAID.replace("\u202e", "")).say("x")
    dashboard.page.add_init_script(
        "sessionStorage.argy_sender = '<img src=x onerror=window.hit=1>';"
        "sessionStorage.argy_drafts = JSON.stringify("
        "{build: {text: '<script>window.hit=1</script>'}});"
        "localStorage.argy_theme = '\"><img src=x onerror=window.hit=1>';"
        "localStorage.argy_seen = JSON.stringify({build: '<img src=x>', __proto__: 1});"
    )
    query = "?room=%3Cimg%20src=x%20onerror=window.hit=1%3E&with=%3Cb%3Ex&seq=1e9"
    dashboard.sign_in(query)
    expect(dashboard.css(".notice")).to_contain_text("There is no room #<img src=x")
    capabilities = dashboard.agent_row("claude").locator(".agent-caps")
    expect(capabilities).to_have_text(SAID.replace("\u202e", ""))
    expect(dashboard.composer).to_have_value("<script>window.hit=1</script>")
    dashboard.composer.press("Enter")
    expect(dashboard.css(".composer .problem")).to_contain_text("sender: ")
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_role("tab", name="Codes").click()
    expect(dashboard.css(".code-row-item .agent-caps")).to_be_visible()
    assert_harmless(dashboard)


def test_no_choice_reason_or_reply_becomes_markup(dashboard: Dashboard) -> None:
    """In a thread: its messages, choices, withdrawals, the words of the composer."""
    relay = dashboard.relay
    claude, codex = relay.agent("claude"), relay.agent("codex")
    codex.say("here")
    tag, script = "<img src=x onerror=window.hit=1>", "</span><script>hit=1</script>"
    asked = claude.ask(SAID, choices=[tag, script[:40]])
    named = codex.ask(SAID, "claude", to="claude", choices=[tag, "no"])
    for text in CORPUS:
        claude.say(text, reply_to=asked, expects_reply="none")
    claude.say("", choice=tag, reply_to=named)
    gone = claude.ask(SAID, "anyone")
    reason = {"reason": tag}
    assert claude.call("DELETE", f"/messages/{gone}/question", reason).status == 200
    dashboard.sign_in(f"?room=build&thread={asked}")
    expect(dashboard.css(".thread .msg")).to_have_count(len(CORPUS) + 1)
    expect(dashboard.css("#t-2 .msg-choices button").first).to_have_text(tag)
    expect(dashboard.message(named).locator(".is-chosen")).to_contain_text(tag)
    expect(dashboard.message(gone).locator(".badge")).to_contain_text(tag)
    dashboard.css(f"#t-{asked + 3} .prose").hover()
    assert_harmless(dashboard)
    dashboard.css("#t-2 .msg-choices button").first.click()
    dashboard.send_now()
    expect(dashboard.css("#t-2 .is-chosen")).to_contain_text(tag)
    assert_harmless(dashboard)


def test_no_search_result_becomes_markup(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for text in CORPUS:
        claude.say(f"needle {text} needle")
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    dashboard.css("#search-field").fill("needle")
    expect(dashboard.css(".result")).to_have_count(len(CORPUS))
    expect(dashboard.css(".result").last).to_contain_text("<img src=x")
    assert_harmless(dashboard)
    dashboard.css("#search-field").fill("<img src=x onerror=window.hit=1>")
    expect(dashboard.css(".search-pane")).to_be_visible()
    assert_harmless(dashboard)


def test_no_name_of_a_room_or_an_agent_that_the_relay_sends_becomes_markup(
    dashboard: Dashboard,
) -> None:
    """The relay refuses such names; the page does not depend on it."""
    relay = dashboard.relay
    seq = relay.agent("claude").say("x")
    tag = "<img src=x onerror=window.hit=1>"
    message = {"seq": seq, "ts": "2026-01-01T00:00:00Z", "from": tag, "to": [tag]}
    question = {"state": "answered", "by": tag, "seq": 1}
    rest = {"text": tag, "from_kind": "agent", "expects_reply": tag, "reply_to": None}
    found = {**message, **rest, "question": question, "choices": [tag, "no"]}
    dashboard.page.route(
        "**/messages/*",
        lambda route: route.fulfill(
            json={"message": found, "replies": [], "read_by": [tag]}
        ),
    )
    result = {"room": tag, "message": found, "snippet": tag, "marks": [[0, 4]]}
    dashboard.page.route(
        "**/admin/search*",
        lambda route: route.fulfill(
            json={"results": [result], "more": False, "next_before": None}
        ),
    )
    dashboard.sign_in("?room=build")
    dashboard.page.keyboard.press("/")
    dashboard.css("#search-field").fill("needle")
    expect(dashboard.css(".result-group h3")).to_contain_text(f"#{tag}")
    expect(dashboard.css(".result .name")).to_have_text(tag)
    assert_harmless(dashboard)
    dashboard.page.keyboard.press("Escape")
    dashboard.call_module("panes", f"m.openThread('build', {seq})")
    dashboard.button("Who has read it?").click()
    expect(dashboard.css(".thread-tools")).to_contain_text(f"Read by {tag}")
    assert_harmless(dashboard)


def test_no_code_becomes_markup_when_it_is_coloured(dashboard: Dashboard) -> None:
    claude = dashboard.relay.agent("claude")
    for language in ("python", "js", "sql", "diff", "json"):
        code = "\n".join(f'+ "{each}" # {each}' for each in CORPUS if "`" not in each)
        claude.say(f"```{language}\n{code}\n```")
    dashboard.sign_in()
    expect(dashboard.css(".code-block [class^=token]").first).to_be_visible()
    assert_harmless(dashboard)


def test_a_response_that_is_no_json_breaks_nothing(dashboard: Dashboard) -> None:
    """A proxy may answer in the relay's place, with anything."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    page = "<script>window.hit=1</script>"
    dashboard.page.route(
        "**/admin/say", lambda route: route.fulfill(status=502, body=page)
    )
    dashboard.send("hello")
    expect(dashboard.css(".composer .problem")).to_contain_text(
        "The relay answered 502."
    )
    expect(dashboard.composer).to_have_value("hello")
    assert_harmless(dashboard)


def test_the_content_security_policy_blocks_markup_injection(
    dashboard: Dashboard,
) -> None:
    """The policy is the second line of defence; this test violates it on purpose."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    stopped = dashboard.page.evaluate(
        """() => {
          const main = document.querySelector("main");
          try { main.insertAdjacentHTML("beforeend", "<b>x</b>"); }
          catch (error) { return error.name; }
          return "nothing";
        }"""
    )
    assert stopped == "TypeError"
    dashboard.page.evaluate("window.reports = []")
    dashboard.problems.clear()
