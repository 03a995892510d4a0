"""What agents write is Markdown, and none of it is lost."""

from typing import Any

import pytest

from support.browser import Desk

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


def drawn(desk: Desk, text: str, look: str = "drawn.text") -> Any:  # noqa: ANN401
    """Return what a look at a drawn text sees."""
    if not desk.page.url.startswith("http"):
        desk.open()
    return desk.page.evaluate(
        f"async (text) => {{ const drawn = await ({DRAW})(text); return {look}; }}",
        text,
    )


def found(desk: Desk, text: str, what: str) -> list[str]:
    """Return the texts of the elements that a selector finds in a drawn text."""
    texts: list[str] = drawn(desk, text, f"drawn.found({what!r})")
    return texts


def test_backticks_that_end_on_their_line_begin_no_block(desk: Desk) -> None:
    text = "```ls -la``` lists all,\nhidden ones too."
    assert drawn(desk, text) == "ls -la lists all,\nhidden ones too."
    assert found(desk, text, "p code") == ["ls -la"]


def test_a_block_of_code_keeps_every_word_around_it(desk: Desk) -> None:
    text = "```python title=a.py\nx\n```sh\ny\n```\nafter"
    assert found(desk, text, ".code-head span:first-child") == ["python title=a.py"]
    assert found(desk, text, "pre") == ["x\n```sh\ny"]
    assert found(desk, text, "p") == ["after"]


def test_bars_that_are_no_borders_stay_in_their_cell(desk: Desk) -> None:
    text = "intro\n| a | b |\n|:-:|--:|\n| `x | y` | 1 \\| 2 |\n| | `z` |"
    assert found(desk, text, "td") == ["x | y", "1 | 2", "", "z"]
    assert found(desk, text, "td.is-mid") == ["x | y", ""]
    assert found(desk, text, "th.is-end") == ["b"]
    assert found(desk, text, "p") == ["intro"]


def test_lists_stand_in_lists(desk: Desk) -> None:
    text = "1. one\n   - in one\n     1. deep\n   - too\n2. two\n- other"
    assert found(desk, text, "ol > li > ul > li > ol > li") == ["deep"]
    assert found(desk, text, "ol > li > ul > li") == ["in onedeep", "too"]
    assert found(desk, text, "div > ol > li") == ["onein onedeeptoo", "two"]
    assert found(desk, text, "div > ul > li") == ["other"]
    assert found(desk, "    - far\n- near", "li") == ["far", "near"]


def test_an_address_keeps_its_pairs_of_parentheses(desk: Desk) -> None:
    at = "https://example.org/a_(b)"
    for text in (at, f"({at})", f"see {at}, and", f"[x]({at})", f"**{at}**."):
        assert drawn(desk, text, "drawn.links") == [at]
    assert drawn(desk, "(https://example.org/a)", "drawn.links") == [
        "https://example.org/a"
    ]
    assert found(desk, f"[x]({at})!", "p") == ["x!"]


def test_bold_goes_around_code_and_what_is_slanted(desk: Desk) -> None:
    for text in ("**use `*args` here**", "**use *it* here**", "a **`x`** b"):
        assert len(found(desk, text, "strong")) == 1
    assert found(desk, "**use `*args` here**", "strong code") == ["*args"]
    assert found(desk, "**use *it* here**", "strong em") == ["it"]
    assert found(desk, "**a** and **b**", "strong") == ["a", "b"]
    assert found(desk, "2 ** 3 ** 4", "strong") == []


def test_no_text_takes_long(desk: Desk) -> None:
    hard = ("**`a`", "**`a", "https://a(b", "[a](https://b(", "`" * 99 + "x", "| \\|")
    for text in (each * (20_000 // len(each)) for each in hard):
        assert drawn(desk, text, "drawn.spent") < 1_000
