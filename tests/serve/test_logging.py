"""What the log looks like, for people and for programs."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys, structlog, logging
from argybargy.serve.logging import configure_logging
configure_logging("debug", sys.argv[1], os.environ)
log = structlog.get_logger("argybargy.test")
log.debug("request", path="/a\\nforged", status=200)
def deep(secret):
    raise ValueError("boom")
try:
    deep("argy_a1_secret")
except ValueError:
    log.exception("it failed", request_id="abc")
logging.getLogger("trio").info("nobody asked")
logging.getLogger("trio").warning("a word of somebody else's")
"""


def logged(form: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, form], capture_output=True, check=True, text=True
    )
    assert done.stdout == ""
    assert "secret = " not in done.stderr  # as a traceback with variables has it
    assert "nobody asked" not in done.stderr
    return done.stderr


def shown(**environment: str) -> bytes:
    """Return the start of what is logged on a terminal."""
    ours, theirs = os.openpty()
    try:
        subprocess.run(
            [sys.executable, "-c", SCRIPT, "auto"],
            stderr=theirs, check=True, env={"TERM": "xterm", **environment},
        )  # fmt: skip
        return os.read(ours, 4_096)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_colours_are_for_terminals_that_want_them() -> None:
    assert b"\x1b[" in shown()
    assert b"\x1b" not in shown(NO_COLOR="1")
    assert b"\x1b" not in shown(TERM="dumb")


@pytest.mark.parametrize("form", ["auto", "json"])
def test_programs_get_a_json_object_a_line(form: str) -> None:
    first, second, third = map(json.loads, logged(form).splitlines())
    assert (first["event"], first["path"]) == ("request", "/a\nforged")
    assert (first["level"], first["logger"]) == ("debug", "argybargy.test")
    assert second["request_id"] == "abc"
    assert second["exception"].endswith("ValueError: boom")
    assert third["event"] == "a word of somebody else's"


def test_people_get_facts_that_cannot_begin_a_line() -> None:
    lines = logged("text").splitlines()
    assert "path='/a\\nforged' status=200" in lines[0]
    assert "request_id='abc'" in lines[1]
    assert lines[2] == "Traceback (most recent call last):"
    assert "\x1b" not in "".join(lines)
