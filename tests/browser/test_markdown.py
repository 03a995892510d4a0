"""Markdown in messages, of which no text is lost."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from support.browser import Dashboard

pytestmark = pytest.mark.browser
DRAW = """async (text) => {
  const { Markdown } = await import("/dashboard/markdown.js");
  const { html, render } = await import("/dashboard/ui.js");
  const box = document.createElement("div");
  const start = performance.now();
  render(html`<${Markdown} text=${text} />`, box);
  return {
    spent: performance.now() - start,
    text: box.textContent,
    links: [...box.querySelectorAll("a")].map((each) => each.href),
    found: (what) => [...box.querySelectorAll(what)].map((each) => each.textContent),
  };
}"""


def drawn(dashboard: Dashboard, text: str, look: str = "drawn.text") -> Any:  # noqa: ANN401
    """Render a text and evaluate an expression over the result."""
    if not dashboard.page.url.startswith("http"):
        dashboard.open()
    return dashboard.page.evaluate(
        f"async (text) => {{ const drawn = await ({DRAW})(text); return {look}; }}",
        text,
    )


def found(dashboard: Dashboard, text: str, what: str) -> list[str]:
    """Render a text and return the texts of the elements that match a selector."""
    texts: list[str] = drawn(dashboard, text, f"drawn.found({what!r})")
    return texts


def test_backticks_closed_on_their_line_are_inline_code(dashboard: Dashboard) -> None:
    text = "```ls -la``` lists all,\nhidden ones too."
    assert drawn(dashboard, text) == "ls -la lists all,\nhidden ones too."
    assert found(dashboard, text, "p code") == ["ls -la"]


def test_a_code_block_keeps_its_info_string_and_inner_fences(
    dashboard: Dashboard,
) -> None:
    text = "```python title=a.py\nx\n```sh\ny\n```\nafter"
    assert found(dashboard, text, ".code-head span:first-child") == [
        "python title=a.py"
    ]
    assert found(dashboard, text, "pre") == ["x\n```sh\ny"]
    assert found(dashboard, text, "p") == ["after"]


def test_bars_in_code_or_escaped_do_not_split_cells(dashboard: Dashboard) -> None:
    text = "intro\n| a | b |\n|:-:|--:|\n| `x | y` | 1 \\| 2 |\n| | `z` |"
    assert found(dashboard, text, "td") == ["x | y", "1 | 2", "", "z"]
    assert found(dashboard, text, "td.is-mid") == ["x | y", ""]
    assert found(dashboard, text, "th.is-end") == ["b"]
    assert found(dashboard, text, "p") == ["intro"]


def test_lists_are_nested(dashboard: Dashboard) -> None:
    text = "1. one\n   - in one\n     1. deep\n   - too\n2. two\n- other"
    assert found(dashboard, text, "ol > li > ul > li > ol > li") == ["deep"]
    assert found(dashboard, text, "ol > li > ul > li") == ["in onedeep", "too"]
    assert found(dashboard, text, "div > ol > li") == ["onein onedeeptoo", "two"]
    assert found(dashboard, text, "div > ul > li") == ["other"]
    assert found(dashboard, "    - far\n- near", "li") == ["far", "near"]


def test_an_address_keeps_its_pairs_of_parentheses(dashboard: Dashboard) -> None:
    at = "https://example.org/a_(b)"
    for text in (at, f"({at})", f"see {at}, and", f"[x]({at})", f"**{at}**."):
        assert drawn(dashboard, text, "drawn.links") == [at]
    assert drawn(dashboard, "(https://example.org/a)", "drawn.links") == [
        "https://example.org/a"
    ]
    assert found(dashboard, f"[x]({at})!", "p") == ["x!"]


def test_bold_may_contain_code_and_emphasis(dashboard: Dashboard) -> None:
    for text in ("**use `*args` here**", "**use *it* here**", "a **`x`** b"):
        assert len(found(dashboard, text, "strong")) == 1
    assert found(dashboard, "**use `*args` here**", "strong code") == ["*args"]
    assert found(dashboard, "**use *it* here**", "strong em") == ["it"]
    assert found(dashboard, "**a** and **b**", "strong") == ["a", "b"]
    assert found(dashboard, "2 ** 3 ** 4", "strong") == []


def test_no_text_takes_long_to_parse(dashboard: Dashboard) -> None:
    hard = ("**`a`", "**`a", "https://a(b", "[a](https://b(", "`" * 99 + "x", "| \\|")
    for text in (each * (20_000 // len(each)) for each in hard):
        # A machine that is busy may be slow once; a text that is hard always is.
        tries = (drawn(dashboard, text, "drawn.spent") for _ in range(5))
        assert any(spent < 1_000 for spent in tries)


def test_tasks_have_boxes_that_only_show_their_state(dashboard: Dashboard) -> None:
    text = "- [x] done\n- [ ] not done\n- [z] no task\n  - [X] inner"
    assert found(dashboard, text, "li.task") == ["done", "not done", "inner"]
    claude = dashboard.relay.agent("claude")
    seq = claude.say(text)
    dashboard.sign_in()
    boxes = dashboard.message(seq).get_by_role("checkbox")
    for at, (name, is_done) in enumerate(
        (("Done", True), ("Not done", False), ("Done", True))
    ):
        expect(boxes.nth(at)).to_have_accessible_name(name)
        expect(boxes.nth(at)).to_be_disabled()
        expect(boxes.nth(at)).to_be_checked(checked=is_done)


def test_long_code_is_folded_and_wide_code_wraps_on_demand(
    dashboard: Dashboard,
) -> None:
    log = "\n".join(f"{number} {'wide ' * 40}" for number in range(30))
    claude = dashboard.relay.agent("claude")
    seq = claude.say(f"```text\n{log}\n```")
    short = claude.say("```\nshort\n```")
    dashboard.sign_in()
    block = dashboard.message(seq).locator(".code-block")
    pre = block.locator("pre")
    folded = pre.bounding_box()
    assert folded is not None
    assert folded["height"] < 330
    assert pre.evaluate("node => node.scrollWidth > node.clientWidth")
    # Playwright hides the bars themselves.
    bar = "node => getComputedStyle(node, '::-webkit-scrollbar').height"
    assert pre.evaluate(bar) == "9px"
    block.get_by_role("button", name="Show 30 lines").click()
    opened = pre.bounding_box()
    assert opened is not None
    assert opened["height"] > 500
    wrap = block.get_by_role("button", name="Wrap")
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    assert pre.evaluate("node => node.scrollWidth <= node.clientWidth")
    block.get_by_role("button", name="Show fewer lines").click()
    expect(pre).to_have_class(re.compile("is-folded"))
    # As the browser's search does, which scrolls boxes that nobody else can scroll.
    code = pre.locator("code")
    # The last line is whole, whatever bar stands below it.
    lines = "node => node.clientHeight / parseFloat(getComputedStyle(node).lineHeight)"
    assert round(code.evaluate(lines), 1) == 15
    code.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(pre).not_to_have_class(re.compile("is-folded"))
    expect(dashboard.message(short).locator(".code-block .quiet")).to_have_count(1)


TOKENS = """async ([code, name]) => {
  const { tokensOf } = await import("/dashboard/highlight.js");
  return tokensOf(code, name);
}"""


def tokens(dashboard: Dashboard, code: str, name: str) -> Any:  # noqa: ANN401
    """Split code into tokens, and check that no character of it is lost."""
    if not dashboard.page.url.startswith("http"):
        dashboard.open()
    result = dashboard.page.evaluate(TOKENS, [code, name])
    if result is not None:
        assert "".join(text for _, text in result) == code
    return result


def test_code_is_split_into_comments_strings_numbers_and_keywords(
    dashboard: Dashboard,
) -> None:
    code = 'def f(x):  # "no"\n    return x["a\\"b"] + 0x1F + defer'
    kinds = [each for each in tokens(dashboard, code, "python") if each[0]]
    assert kinds == [
        ["keyword", "def"],
        ["comment", '# "no"'],
        ["keyword", "return"],
        ["string", '"a\\"b"'],
        ["number", "0x1F"],
    ]
    diff = "@@ -1 +1 @@\n-old\n+new\n same"
    assert [kind for kind, _ in tokens(dashboard, diff, "diff")] == [
        *("keyword", "removed", "added", "")
    ]
    assert tokens(dashboard, "x", "unheard-of") is None
    select = tokens(dashboard, "SELECT 'it''s' -- why\nfrom t", "sql")
    assert [text for kind, text in select if kind == "keyword"] == ["SELECT", "from"]


HARD = r"""async (names) => {
  const { tokensOf } = await import("/dashboard/highlight.js");
  const [three, other] = [`"`.repeat(3), `'`.repeat(3)];
  const parts = ['"', "'", "`", "/*", "#", three, "\\", "a", "1.", "--", "/"];
  parts.push(`${other}\\`);
  const found = [];
  for (const name of names) {
    for (const part of parts) {
      const code = part.repeat(Math.floor(20_000 / part.length));
      let spent = Infinity, tokens = [];
      for (let tries = 0; tries < 5 && spent >= 1_000; tries += 1) {
        const start = performance.now();
        tokens = tokensOf(code, name);
        spent = performance.now() - start;
      }
      found.push([name, part, spent, tokens.map(([, text]) => text).join("") === code]);
    }
  }
  return found;
}"""


def test_no_code_takes_long_to_split(dashboard: Dashboard) -> None:
    dashboard.open()
    languages = ["python", "js", "sh", "rust", "sql", "json", "yaml"]
    for name, part, spent, is_whole in dashboard.page.evaluate(HARD, languages):
        assert is_whole, (name, part)
        assert spent < 1_000, (name, part)


def test_code_gets_its_colours_when_the_first_block_in_a_language_shows(
    dashboard: Dashboard,
) -> None:
    claude = dashboard.relay.agent("claude")
    claude.say("```\nplain\n```")
    asked: list[str] = []
    dashboard.page.on("request", lambda request: asked.append(request.url))
    dashboard.sign_in()
    expect(dashboard.css(".msg")).to_have_count(1)
    assert not any("highlight" in url for url in asked)
    claude.say("```python\nreturn 1\n```")
    expect(dashboard.css(".token-keyword")).to_have_text("return")
    expect(dashboard.css(".token-number")).to_have_text("1")
