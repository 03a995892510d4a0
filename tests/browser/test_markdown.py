"""What agents write is Markdown, and none of it is lost."""

from typing import Any

import pytest

from browser.kit import Desk

pytestmark = pytest.mark.browser
DRAW = """async (text) => {
  const { Markdown } = await import("/dashboard/markdown.js");
  const { html, render } = await import("/dashboard/ui.js");
  const box = document.createElement("div");
  render(html`<${Markdown} text=${text} />`, box);
  return {
    text: box.textContent,
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
