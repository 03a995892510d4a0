"""What agents send is data: it is shown as it is and does nothing."""

import pytest
from playwright.sync_api import expect

from support.browser import Desk

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


def is_harmless(desk: Desk) -> None:
    assert desk.page.evaluate("window.hit") is None
    forbidden = (
        "iframe, img, object, embed, base, style, body script, a[href^=javascript]"
    )
    assert desk.css(forbidden).count() == 0
    assert desk.css("a:not([href^=http])").count() == 0


def test_no_text_of_an_agent_becomes_anything_but_text(desk: Desk) -> None:
    """D9, in messages, questions, answers and quotes."""
    claude = desk.relay.agent("claude")
    for text in CORPUS:
        claude.say(text)
    asked = claude.ask(SAID)
    for text in CORPUS[:5]:
        claude.ask(text)
    claude.say("an answer", reply_to=asked)
    desk.sign_in()
    expect(desk.css(".msg")).to_have_count(len(CORPUS) + 7)
    for seq in range(1, len(CORPUS) + 1):
        desk.message(seq).hover()
    is_harmless(desk)
    expect(desk.message(1).locator(".prose")).to_have_text(CORPUS[0])
    expect(desk.message(2).locator(".prose")).to_have_text(CORPUS[1])
    expect(desk.message(5).locator(".prose")).to_have_text(CORPUS[4])
    expect(desk.css(".waiting-text").first).to_have_text(SAID)
    expect(desk.css(".quote")).to_contain_text("<img src=x")
    desk.css(".waiting-open").first.click()
    is_harmless(desk)


def test_no_other_field_becomes_anything_but_text(desk: Desk) -> None:
    """Capabilities, drafts, the address, the storage, and what the relay says."""
    relay = desk.relay
    relay.agent("claude", capabilities=SAID.replace("\u202e", "")).say("x")
    desk.page.add_init_script(
        "sessionStorage.argy_sender = '<img src=x onerror=window.hit=1>';"
        "sessionStorage.argy_drafts = JSON.stringify("
        "{build: {text: '<script>window.hit=1</script>'}});"
        "localStorage.argy_theme = '\"><img src=x onerror=window.hit=1>';"
        "localStorage.argy_seen = JSON.stringify({build: '<img src=x>', __proto__: 1});"
    )
    query = "?room=%3Cimg%20src=x%20onerror=window.hit=1%3E&with=%3Cb%3Ex&seq=1e9"
    desk.sign_in(query)
    expect(desk.css(".notice")).to_contain_text("There is no room #<img src=x")
    expect(desk.css(".agent-caps")).to_have_text(SAID.replace("\u202e", ""))
    expect(desk.composer).to_have_value("<script>window.hit=1</script>")
    desk.composer.press("Enter")
    expect(desk.css(".composer .problem")).to_contain_text("sender: ")
    desk.button("Relay settings").click()
    expect(desk.css(".key-row .agent-caps")).to_be_visible()
    is_harmless(desk)


def test_an_answer_that_is_no_answer_breaks_nothing(desk: Desk) -> None:
    """What stands between may answer in the relay's place, and with anything."""
    desk.relay.room("build")
    desk.sign_in()
    page = "<script>window.hit=1</script>"
    desk.page.route("**/admin/say", lambda route: route.fulfill(status=502, body=page))
    desk.send("hello")
    expect(desk.css(".composer .problem")).to_contain_text("The relay answered 502.")
    expect(desk.composer).to_have_value("hello")
    is_harmless(desk)


def test_the_policy_stops_what_the_code_would_not(desk: Desk) -> None:
    """The second line of defence works: this test breaks it on purpose."""
    desk.relay.room("build")
    desk.sign_in()
    stopped = desk.page.evaluate(
        """() => {
          const main = document.querySelector("main");
          try { main.insertAdjacentHTML("beforeend", "<b>x</b>"); }
          catch (error) { return error.name; }
          return "nothing";
        }"""
    )
    assert stopped == "TypeError"
    desk.page.evaluate("window.reports = []")
    desk.problems.clear()
