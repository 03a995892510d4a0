"""The notes of a release, which are its section of the changelog."""

import re


class NoNotes(Exception):
    """The changelog has no usable section for a version; the message says why."""


def notes_of(changelog: str, version: str) -> str:
    """Return the text below the heading of a version.

    Raises:
        NoNotes: There is none, or it has no date or no text.
    """
    heading = re.compile(rf"^## {re.escape(version)}(?P<rest>.*)$", re.MULTILINE)
    found = heading.search(changelog)
    if found is None:
        raise NoNotes(f"CHANGELOG.md has no section {version}")
    if not re.fullmatch(r" - \d{4}-\d{2}-\d{2}", found["rest"]):
        raise NoNotes(
            f"the heading of {version} needs a date: ## {version} - 2026-01-31"
        )
    text = re.split(r"^## ", changelog[found.end() :], maxsplit=1, flags=re.MULTILINE)[
        0
    ]
    if not text.strip():
        raise NoNotes(f"the section of {version} is empty")
    return f"{text.strip()}\n"
