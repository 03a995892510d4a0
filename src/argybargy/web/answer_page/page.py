"""Render the page that answers a question."""

from html import escape
from http import HTTPStatus
from typing import Final

from argybargy.domain.text_form import escape_text
from argybargy.relay.api.answering import NotifiedQuestion
from argybargy.system.values import frozen
from argybargy.web.request import COMMON_HEADERS, Response

STYLE_PATH: Final = "/answer"
"""Path below which the files of the page are served."""
POLICY: Final = (
    b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
_HEADERS: Final = tuple(
    # With `no-referrer`, browsers send a form with `Origin: null`, which is refused.
    (name, b"same-origin" if name == b"referrer-policy" else value)
    for name, value in COMMON_HEADERS
)
_PAGE: Final = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>{title}</title>
    <link rel="stylesheet" href="/answer/answer.css">
  </head>
  <body>
    <main>
{content}
    </main>
  </body>
</html>
"""
_SENTENCE: Final = '<h1>{title}</h1>\n<p class="soft">{text}</p>'
_QUESTION: Final = """\
<h1><bdi>{sender}</bdi> asks {asked}</h1>
<p class="soft">in <bdi>{room}</bdi>, message {seq}</p>
<blockquote>{text}</blockquote>
{problem}<form method="post" autocomplete="off">
{choices}<label for="text">{label}</label>
<textarea id="text" name="text" rows="4" maxlength="{most}">{written}</textarea>
<button class="send">Send</button>
</form>"""


@frozen
class Written:
    """An answer that was not accepted, to be corrected.

    Attributes:
        text: The text.
        problem: Why it was not accepted.
    """

    text: str = ""
    problem: str = ""


def question_page(
    found: NotifiedQuestion,
    most_chars: int,
    written: Written | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    """Return the page with the question and its form.

    Args:
        found: The question.
        most_chars: Longest answer, in characters.
        written: An answer that was not accepted.
        status: HTTP status.
    """
    question, written = found.message, written or Written()
    buttons = "".join(
        f'<button name="choice" value="{escape(each)}">{escape(each)}</button>\n'
        for each in question.choices
    )
    content = _QUESTION.format(
        sender=escape(question.sender),
        asked="you" if question.expects == "operator" else "anyone",
        room=escape(found.room),
        seq=question.seq,
        text=escape(escape_text(question.text)),
        problem=f'<p class="problem" role="alert">{escape(written.problem)}</p>\n'
        if written.problem
        else "",
        choices=f'<div class="choices">\n{buttons}</div>\n' if buttons else "",
        label="Or in your own words" if buttons else "Your answer",
        most=most_chars,
        # HTML drops the first line feed of a text area.
        written=f"\n{escape(written.text)}",
    )
    return _page("A question", content, status)


def sentence_page(
    title: str, text: str, status: int, *headers: tuple[bytes, bytes]
) -> Response:
    """Return a page with one heading and one sentence."""
    content = _SENTENCE.format(title=escape(title), text=escape(text))
    return _page(title, content, status).with_headers(*headers)


def _page(title: str, content: str, status: int) -> Response:
    body = _PAGE.format(title=f"{escape(title)} · Argybargy", content=content)
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", POLICY),
        (b"x-robots-tag", b"noindex"),
        *_HEADERS,
    )
    return Response(status, body.encode(), headers)
