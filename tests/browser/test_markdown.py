"""Markdown in messages, of which no text is lost."""

from typing import Any

import pytest

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
        assert drawn(dashboard, text, "drawn.spent") < 1_000
