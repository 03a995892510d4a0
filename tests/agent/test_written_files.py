"""Our part of a file that ``argybargy connect`` has written."""

import json
from typing import Any

import pytest

from argybargy.agent.written_files import has_our_part

SEATS: dict[str, Any] = {"form": "seats", "name": "h-1/build/ann", "inserted": ""}
BLOCK: dict[str, Any] = {
    "form": "toml",
    "inserted": "\r\n# begin\r\na = 1\r\n# end\r\n",
}
ADDED: dict[str, Any] = {
    "form": "json",
    "additions": [
        [["env"], "SEAT", "ann", ""],
        [["allow"], None, "Bash(argy:*)", ""],
        [[], "hooks", {"Stop": [{"command": "argybargy"}]}, ""],
    ],
}
DOCUMENT: dict[str, Any] = {
    "env": {"SEAT": "ann", "theirs": 1},
    "allow": ["Bash(ls)", "Bash(argy:*)"],
    "hooks": {"Stop": [{"command": "theirs"}, {"command": "argybargy"}], "Start": []},
}


def test_what_somebody_adds_around_our_part_does_no_harm() -> None:
    assert has_our_part(f"\ufeff{json.dumps(DOCUMENT)}".encode(), ADDED)
    assert has_our_part(b"theirs = 1\n\n# begin\na = 1\n# end\n[more]\n", BLOCK)
    assert has_our_part(b"# ours\nh-1/build/bob\nh-1/build/ann\n", SEATS)


@pytest.mark.parametrize("key", DOCUMENT)
def test_a_part_that_is_gone_or_changed_is_missed(key: str) -> None:
    for value in ({}, [], 1, None, {"SEAT": "bob", "Stop": []}, ["Bash(rm)"]):
        changed = json.dumps({**DOCUMENT, key: value}).encode()
        assert not has_our_part(changed, ADDED)
    left = {name: DOCUMENT[name] for name in DOCUMENT if name != key}
    assert not has_our_part(json.dumps(left).encode(), ADDED)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"no seat"]
)
@pytest.mark.parametrize("share", [ADDED, BLOCK, SEATS, {"form": "own", "digest": "x"}])
def test_content_that_cannot_be_read_has_no_part_of_ours(
    content: bytes, share: dict[str, Any]
) -> None:
    assert not has_our_part(content, share)


def test_a_file_of_our_own_is_known_by_its_digest() -> None:
    digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
    assert has_our_part(b"foo", {"form": "own", "digest": digest})
    assert not has_our_part(b"bar", {"form": "own", "digest": digest})
