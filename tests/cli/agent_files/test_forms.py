"""Our part of every program's files goes in and comes out, whatever the user has."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argybargy.cli.agent_files.forms import Share, put_in, take_back
from argybargy.cli.agent_files.programs import PROGRAMS, Form, ProgramFile, Setup

SEAT = "127.0.0.1-8765/build/claude"
BLANKS = st.sampled_from(["", "\n", "\r\n", "  ", "\n\n"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda each: (
        st.lists(each, max_size=2)
        | st.dictionaries(st.sampled_from(["hooks", "x", "command"]), each, max_size=2)
    ),
    max_leaves=4,
)
SETTINGS = st.dictionaries(
    st.sampled_from(["hooks", "mcpServers", "permissions", "env", "version", "model"]),
    st.dictionaries(st.sampled_from(["Stop", "SessionStart", "x"]), st.lists(VALUES)),
)
TABLES = st.lists(
    st.sampled_from(["# note", 'model = "m"', "", "a.b = [1,\r\n 2]", "[t]", "[t.u]"]),
    unique=True,
    max_size=5,
)
SEATS = st.lists(
    st.sampled_from(["# note", "build/alice", "", "build/bob # mine"]), max_size=4
)
ALL = [
    pytest.param(program.key, file, id=f"{program.key}-{Path(file.path).name}")
    for program in PROGRAMS.values()
    for file in program.files
]


def ours(key: str, file: ProgramFile, *, is_headless: bool) -> Any:  # noqa: ANN401 - as the form wants it
    command = "/usr/bin/argy bargy"
    setup = Setup(key, "build", SEAT, command, Path("/state/programs"), is_headless)
    return file.content(setup)


@st.composite
def contents(draw: st.DrawFn, form: Form) -> bytes:
    """A user's file of a form."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    if form is Form.JSON:
        indent = draw(st.sampled_from([None, 2, "\t"]))
        text = json.dumps(draw(SETTINGS), indent=indent).replace("\n", end)
    elif form is Form.SEATS:
        text = end.join(draw(SEATS))
    else:
        text = end.join(draw(TABLES))
    return (text + draw(BLANKS)).encode()


def check(form: Form, there: bytes | None, part: Any) -> None:  # noqa: ANN401 - as above
    try:
        merged, share = put_in(form, "claude", there, part)
    except ValueError:
        return  # refused, and so nothing is written
    assert Share.from_json(json.loads(json.dumps(share.to_json()))) == share
    assert take_back(merged, share) == there


@pytest.mark.parametrize(("key", "file"), ALL)
@settings(max_examples=50)
@given(data=st.data(), is_headless=st.booleans())
def test_a_users_file_comes_back_byte_for_byte(
    key: str, file: ProgramFile, data: st.DataObject, is_headless: bool
) -> None:
    there = data.draw(st.none() | contents(file.form))
    check(file.form, there, ours(key, file, is_headless=is_headless))


@given(contents(Form.SEATS))
def test_a_users_list_of_seats_comes_back(there: bytes) -> None:
    merged, share = put_in(Form.SEATS, SEAT, there, SEAT)
    assert SEAT in merged.decode()
    # A list without any seat or note has no use, so an empty one goes too.
    assert (take_back(merged, share) or b"").strip() == there.strip()


@pytest.mark.parametrize(("key", "file"), ALL)
def test_an_upgrade_replaces_what_an_older_version_wrote(
    key: str, file: ProgramFile
) -> None:
    older, share = put_in(file.form, key, None, ours(key, file, is_headless=False))
    part = ours(key, file, is_headless=True)
    newer, newer_share = put_in(file.form, key, take_back(older, share), part)
    assert (newer, newer_share) == put_in(file.form, key, None, part)
