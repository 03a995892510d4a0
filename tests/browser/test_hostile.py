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
    expect(dashboard.css(".agent-caps")).to_have_text(SAID.replace("\u202e", ""))
    expect(dashboard.composer).to_have_value("<script>window.hit=1</script>")
    dashboard.composer.press("Enter")
    expect(dashboard.css(".composer .problem")).to_contain_text("sender: ")
    dashboard.button("Relay settings").click()
    expect(dashboard.css(".key-row .agent-caps")).to_be_visible()
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
