"""What an agent's reads and posts cost a language model, in tokens of o200k_base.

The table in docs/explanation/tokens.md is made here: ``pytest tests/web/test_tokens.py
--update-snapshots`` writes it. The bounds are promises; a change that makes a response
longer fails here first.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trio.testing

from argybargy.domain.text_form import parse_messages
from support.web_app import Reply, Site, open_site

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "tokens.md"
BEGIN: Final = "<!-- tokens: made by tests/web/test_tokens.py -->\n"
END: Final = "<!-- /tokens -->\n"
PLAIN: Final = {"accept": "text/plain"}
MINIMAL: Final = {"prefer": "return=minimal"}

MANUAL: Final = 330
ANSWER: Final = 4
OVERHEAD: Final = 12
ROOM: Final = 520

QUESTION: Final = "Could you review the retry loop? About 60 lines, and one migration."
ASKED: Final = {"text": QUESTION, "to": "claude", "expects_reply": "claude"}
TALK: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("codex", {"text": "I own the export worker. Currently: making its retries safe."}),
    ("gem", {"text": "I run the integration tests and keep the staging data set."}),
    (
        "codex",
        {
            "text": "Does anybody know whether POST /v2/exports may answer 202? The "
            "client in src/exports/api.py assumes 200.",
            "expects_reply": "anyone",
        },
    ),
    (
        "claude",
        {
            "text": "It may, since March: the export then goes on in the background.",
            "to": "codex",
            "reply_to": 3,
            "expects_reply": "none",
        },
    ),
    (
        "codex",
        {
            "text": "Thanks. I will treat 202 as accepted and poll with back-off, 5 "
            "tries. That changes ExportResult.status from bool to an enum."
        },
    ),
    (
        "operator",
        {
            "text": "Please keep ExportResult backwards compatible for one release, "
            "the mobile app reads it."
        },
    ),
    ("claude", {"text": "Noted, I keep the old attribute as an alias."}),
    ("codex", ASKED),
    (
        "gem",
        {
            "text": "Integration suite on main: 412 passed, 3 failed, all in "
            "test_ledger_sums.py. Seed 20261129. Not ours: it fails on 9b1e too."
        },
    ),
    (
        "gem",
        {
            "text": "Log of the first failure:\n"
            "E   AssertionError: Decimal('10.005') != Decimal('10.01')\n"
            "ledger/sums.py:88 in split_evenly\n"
            "It rounds half to even here and half up in the file of the bank."
        },
    ),
    (
        "gem",
        {
            "text": "Who can take test_ledger_sums? It blocks the nightly build.",
            "expects_reply": "anyone",
        },
    ),
    ("codex", {"text": "I am deep in exports until about 15:00, so not me."}),
    (
        "operator",
        {
            "text": "Take the rounding one after the review, please.",
            "to": "claude",
            "expects_reply": "claude",
        },
    ),
    (
        "codex",
        {
            "text": "Pushed 7aa01c2: poll with back-off, enum, .ok kept. 14 new tests, "
            "all green locally."
        },
    ),
    ("claude", {"text": "On it.", "to": "operator", "expects_reply": "none"}),
    (
        "gem",
        {
            "text": "One oddity: the webhook arrives before the second poll, and we "
            "log a duplicate transition accepted->accepted at WARN. Harmless, but "
            "noisy."
        },
    ),
    ("codex", {"text": "Will drop that to DEBUG when old == new."}),
    (
        "codex",
        {
            "text": "Any news on the review? I would like to merge before the freeze "
            "at 16:00.",
            "to": "claude",
            "expects_reply": "claude",
        },
    ),
    (
        "gem",
        {
            "text": "Reminder: code freeze 16:00 UTC, after that only fixes with the "
            "operator's word."
        },
    ),
    (
        "operator",
        {
            "text": "Freeze moves to 17:00. Nobody merges without a green integration "
            "run by gem."
        },
    ),
)
"""A room of 20 messages; ``claude`` reads the 17 that are not its own."""

Count = Callable[[bytes], int]


@pytest.fixture(scope="module")
def count() -> Count:
    vocabulary = pytest.importorskip("bpe_openai").get_encoding("o200k_base")

    def tokens(body: bytes) -> int:
        return len(vocabulary.encode(body.decode()))

    assert tokens(b"hello world") == 2
    return tokens


@attrs.frozen
class Row:
    """A row of the table: the same response in three forms."""

    name: str
    json: int
    minimal: int
    text: int

    @property
    def line(self) -> str:
        cells = (f"{each:,}" for each in (self.json, self.minimal, self.text))
        return f"| {self.name} | {' | '.join(cells)} |"


@attrs.frozen
class Scene:
    """A room in which everything of the table can be asked."""

    site: Site
    codes: dict[str, str]
    count: Count

    async def body(self, method: str, target: str, **call: Any) -> bytes:  # noqa: ANN401  as the client takes them
        reply = await self.site.front.call(
            method, target, code=self.codes["claude"], **call
        )
        assert reply.status == 200
        return reply.body

    async def row(self, name: str, method: str, target: str, **call: Any) -> Row:  # noqa: ANN401  as the client takes them
        forms: list[dict[str, str]] = [{}, MINIMAL, PLAIN]
        sizes = [
            self.count(await self.body(method, target, headers=form, **call))
            for form in forms
        ]
        return Row(name, *sizes)

    async def say(self, sender: str, fields: dict[str, Any]) -> Reply:
        if sender == "operator":
            said = {"room": "build", "expects_reply": "none", **fields}
            return await self.site.admin("POST", "/admin/say", said)
        return await self.site.say(self.codes[sender], **fields)

    async def talk(self) -> None:
        for sender, fields in TALK:
            assert (await self.say(sender, fields)).status == 200
            if fields["text"].startswith("Does anybody"):
                code = self.codes["claude"]
                await self.site.front.call("POST", "/messages/3/claim", code=code)


@asynccontextmanager
async def open_scene(count: Count) -> AsyncIterator[Scene]:
    async with open_site() as site:
        names = ("codex", "gem", "claude")
        yield Scene(site, {name: await site.code(name) for name in names}, count)


async def measure(count: Count) -> dict[str, Row]:
    """Measure every row of the table."""
    poll, post = ("GET", "/messages"), ("POST", "/messages")
    async with open_scene(count) as scene:
        manual = await scene.row("manual", "GET", "/")
        empty = await scene.row("poll without news", *poll)
        await scene.say("codex", ASKED)
        one = await scene.row("poll with one message of 16 tokens", *poll)
        stored = await scene.row("answer to a post", *post, json={"text": "x" * 40})
    async with open_scene(count) as scene:
        await scene.talk()
        room = await scene.row("room of 20, read by one of 3 agents", *poll)
    return {"manual": manual, "one": one, "empty": empty, "post": stored, "room": room}


async def test_no_response_grows_beyond_its_bound(
    autojump_clock: trio.testing.MockClock, count: Count
) -> None:
    rows = await measure(count)
    assert rows["manual"].text <= MANUAL
    assert rows["empty"].text == 0
    assert rows["post"].text <= ANSWER
    assert rows["room"].text <= ROOM
    assert rows["one"].text <= count(QUESTION.encode()) + OVERHEAD


async def test_a_message_costs_its_text_and_a_few_tokens(
    autojump_clock: trio.testing.MockClock, count: Count
) -> None:
    async with open_scene(count) as scene:
        await scene.talk()
        body = await scene.body("GET", "/messages", headers=PLAIN)
        shown = parse_messages(body.decode().removesuffix("\n"), "claude")
        assert len(shown) == 17
        for message in shown:
            if "\n" not in message.text:
                (line,) = [
                    line
                    for line in body.splitlines()
                    if line.startswith(f"{message.seq} ".encode())
                ]
                assert count(line) <= count(message.text.encode()) + OVERHEAD


async def test_the_page_has_the_table(
    autojump_clock: trio.testing.MockClock,
    count: Count,
    request: pytest.FixtureRequest,
) -> None:
    rows = await measure(count)
    manual = rows.pop("manual")
    lines = [
        "| tokens (o200k) | JSON | minimal JSON | text |",
        "|---|---|---|---|",
        f"| {manual.name} | {manual.json:,} | | {manual.text:,} |",
        *(row.line for row in rows.values()),
    ]
    table = "\n".join([*lines, ""])
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    shown, tail = rest.split(END)
    if request.config.getoption("--update-snapshots"):
        PAGE.write_text(f"{head}{BEGIN}{table}{END}{tail}")
        shown = table
    hint = "run: uv run pytest tests/web/test_tokens.py --update-snapshots"
    assert shown == table, hint
