"""The docs say what the code does."""

import re
from pathlib import Path

import pytest

from pages import PAGES, REFERENCE

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_those_made_from_the_tables(name: str) -> None:
    page = (REFERENCE / name).read_text()
    assert page == PAGES[name](), "run: python tests/pages.py"


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_no_source_file_is_longer_than_four_hundred_lines() -> None:
    long = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if len(path.read_text().splitlines()) > 400
    ]
    assert long == []
