"""What the release session checks and writes."""

import json
from pathlib import Path

import pytest

from argybargy import __version__
from release.bill import complete_bill
from release.contents import (
    files_of_package,
    find_faults_of_sdist,
    find_faults_of_wheel,
)
from release.notes import NoNotes, notes_of

ROOT = Path(__file__).parents[1]
INFO = [
    "argybargy-1.dist-info/licenses/LICENSE",
    "argybargy-1.dist-info/entry_points.txt",
]
SDIST = [
    *("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "noxfile.py"),
    *("src/argybargy/__init__.py", "tests/conftest.py", "docs/conf.py"),
]
CHANGES = "# Changelog\n\n## 2.0 - 2026-01-31\n\n- new\n\n## 1.0\n\n- old\n"


def test_a_wheel_has_the_package_with_its_pages_and_its_types() -> None:
    files = files_of_package(ROOT)
    assert {"argybargy/py.typed", "argybargy/web/dashboard/api.js"} <= set(files)
    kept = [name for name in files if "__pycache__" not in name]
    assert find_faults_of_wheel([*kept, *INFO], files) == []


def test_a_wheel_without_a_file_or_with_another_is_refused() -> None:
    files = ["argybargy/py.typed", "argybargy/a.py", "argybargy/__pycache__/a.pyc"]
    wheel = ["argybargy/a.py", "argybargy/__pycache__/a.pyc", "tests/conftest.py"]
    assert find_faults_of_wheel(wheel, files) == [
        "missing: argybargy/py.typed",
        "does not belong there: argybargy/__pycache__/a.pyc",
        "does not belong there: tests/conftest.py",
        "missing: the licence",
        "missing: the programs",
    ]


def test_a_source_archive_has_tests_and_docs_and_nothing_left_over() -> None:
    names = [f"argybargy-1/{name}" for name in SDIST]
    assert find_faults_of_sdist(names) == []
    left_over = ["argybargy-1/uv.lock", "argybargy-1/.venv/bin/python"]
    assert find_faults_of_sdist([*names[1:], *left_over]) == [
        "missing: LICENSE",
        "does not belong there: .venv/bin/python",
        "does not belong there: uv.lock",
    ]


def test_the_notes_are_the_section_of_the_version() -> None:
    assert notes_of(CHANGES, "2.0") == "- new\n"


@pytest.mark.parametrize("version", ["1.0", "3.0", "2"])
def test_a_version_without_a_dated_section_has_no_notes(version: str) -> None:
    with pytest.raises(NoNotes):
        notes_of(CHANGES, version)


def test_this_version_has_notes() -> None:
    assert "### " in notes_of((ROOT / "CHANGELOG.md").read_text(), __version__)


def bill(**fields: object) -> str:
    project = {"name": "argybargy"}
    mirror = [{"type": "distribution", "url": "https://mirror.example/trio"}]
    parts = [{"name": "trio", "version": "0.35.0", "externalReferences": mirror}]
    whole = {
        "bomFormat": "CycloneDX",
        "serialNumber": "urn:uuid:random",
        "metadata": {"timestamp": "now", "component": project},
        "components": parts,
    }
    return json.dumps(whole | fields)


def complete(text: str) -> str:
    return complete_bill(text, version="2.0", digest="ab" * 32, epoch=86_400)


def test_a_bill_names_the_wheel_and_is_the_same_for_each_build() -> None:
    first, second = complete(bill()), complete(bill(serialNumber="urn:uuid:other"))
    assert first == second
    found = json.loads(first)
    project = found["metadata"]["component"]
    assert (project["version"], project["purl"]) == ("2.0", "pkg:pypi/argybargy@2.0")
    assert project["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert found["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"
    assert found["components"] == [{"name": "trio", "version": "0.35.0"}]


@pytest.mark.parametrize(
    "fields",
    [
        {"bomFormat": "SPDX"},
        {"components": [{"name": "trio"}]},
        {"metadata": {"component": {"name": "other"}}},
    ],
)
def test_a_bill_of_something_else_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        complete(bill(**fields))
