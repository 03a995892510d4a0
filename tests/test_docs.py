"""The docs agree with the code."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from argybargy.http.server import ConnectionStatistics
from argybargy.serve.metrics_listener import SERVER_MEASURES
from argybargy.torture.promises import PROMISES
from argybargy.web.exposition import render_metrics
from argybargy.web.metrics import RELAY_MEASURES, MeasureTable, Metrics
from support.reference_pages import PAGES, REFERENCE
from support.relay import open_harness

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\b(?:argybargy|process|python)_[a-z_]+\b(?!\.)")
LINKED = re.compile(r"""(?:\]\(|src(?:set)?=")(?!https?:|#)([^)#"]+)""")
LINK = re.compile(r"\[(.+?)\]\(.+?\)")
SUFFIX = re.compile(r"_(bucket|sum|count)$")


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_those_made_from_the_tables(
    name: str, request: pytest.FixtureRequest
) -> None:
    path, page = REFERENCE / name, PAGES[name]()
    if request.config.getoption("--update-snapshots"):
        path.write_text(page)
    hint = "run: uv run pytest tests/test_docs.py --update-snapshots"
    assert path.read_text() == page, hint


def test_every_link_between_the_pages_has_a_target() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{page.name}: {link}"
        for page in pages
        for link in LINKED.findall(page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_the_page_words_each_promise_as_the_torture_report_does() -> None:
    page = (ROOT / "docs/explanation/promises.md").read_text()
    rows = re.findall(r"^\| (G\d+) \| \*\*(.+?)\.\*\* (.+?) \|", page, re.MULTILINE)
    shown = [(key, title, LINK.sub(r"\1", text)) for key, title, text in rows]
    assert shown == [
        (each.key, capitalized(each.title), capitalized(each.text)) for each in PROMISES
    ]


def test_each_figure_of_the_readme_is_in_the_page_with_all_of_them() -> None:
    rows = re.findall(
        r"^\| .+? \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    pages = ("promises", "tokens", "performance")
    text = "".join((ROOT / f"docs/explanation/{name}.md").read_text() for name in pages)
    text += (ROOT / "docs/reference/programs.md").read_text()
    text = text.replace("`", "")
    figures = [cell for cell in rows if re.search(r"\d", cell)]
    assert len(figures) >= 9
    for cell in figures:
        for figure in re.findall(r"\d[\d.,]*\d|\d", cell):
            assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", text), (
                cell
            )


async def test_the_grafana_dashboard_and_the_docs_name_only_existing_metrics() -> None:
    async with open_harness() as house:
        metrics = Metrics(house.relay)
        metrics.add(MeasureTable(SERVER_MEASURES, no_connections))
        page, _ = render_metrics(metrics, "")
    shown = {
        sample.name
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }
    # Measures with a label have no samples before their first event.
    shown |= {each.full_name for each in RELAY_MEASURES}
    shown |= {each.full_name for each in SERVER_MEASURES}
    queries = (ROOT / "docs/grafana/argybargy.json").read_text()
    guide = (ROOT / "docs/how-to/monitor.md").read_text()
    named = set(NUMBER.findall(queries + guide))
    assert len(named) > 20
    assert named <= shown
    reference = (REFERENCE / "metrics.md").read_text()
    ours = {name for name in shown if name.startswith("argybargy_")}
    assert {SUFFIX.sub("", name) for name in ours} <= set(NUMBER.findall(reference))


def capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def no_connections() -> ConnectionStatistics:
    return ConnectionStatistics(0, 0, 0, {}, {})
