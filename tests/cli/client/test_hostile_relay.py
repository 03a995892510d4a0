"""Answers of a hostile relay do not get into paths, scripts or the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from argybargy.cli.client.protocol import Json, read_answer
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.formatting import LocalTimes
from support.fake_operator import FakeOperator, secret, spoken
from support.terminal import Result, Terminal


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@attrs.define
class HostileOperator(FakeOperator):
    """Answers as the fake does, with some values replaced.

    Attributes:
        lies: The replaced values, by path and key.
    """

    lies: Mapping[str, Json] = attrs.field(factory=dict)

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = FakeOperator.call(self, method, path, body)
        return answer | self.lies.get(path, {})


def told(*arguments: str, path: str, **lies: object) -> Result:
    said = {"build": [spoken(1, "Who?", expects="anyone")]}
    operator = HostileOperator(said=said, lies={path: lies})
    return Terminal(operator).type(*arguments)


def assert_refused(result: Result, home: Path) -> None:
    assert result.code in {Exit.UNREACHABLE, Exit.FAILED}, result.out
    assert result.talk.startswith("argybargy: The relay's ")
    assert result.out == ""
    assert [path for path in home.rglob("*") if path.is_file()] == []


INVITING = [
    ("connect", "curl", "--room", "build", "--name", "bo"),
    ("invite", "--name", "bo", "--room", "build", "--quiet"),
    ("room", "build", "--worker", "bo"),
]


@pytest.mark.parametrize("arguments", INVITING, ids=lambda words: str(words[0]))
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("room", "../../../../trav"),
        ("room", "elsewhere"),
        ("name", "../evil"),
        ("name", "mallory"),
        ("name", "a\nb"),
        ("url", "http://x$(touch pwned)"),
        ("url", "http://[::1]x`touch pwned`"),
        ("url", "http://relay.example.com/\nevil: content"),
        ("url", None),
        ("code", f"{secret(1)}\nevil: content"),
        ("code", "argy_a1_$(touch pwned)"),
        ("code", 5),
        ("key_id", "--all"),
        ("key_id", "$(touch pwned)"),
        ("expires", ["x"]),
    ],
)
def test_an_invalid_invitation_is_rejected(
    arguments: tuple[str, ...], key: str, value: object, home: Path
) -> None:
    result = told(*arguments, path="/admin/invite", **{key: value})
    assert_refused(result, home)


def test_an_address_is_rebuilt_from_its_parts() -> None:
    told_url = "HTTP://Relay.Example.COM:8765/"
    result = told(*INVITING[1][:-1], "--json", path="/admin/invite", url=told_url)
    assert result.json["url"] == "http://relay.example.com:8765"


@pytest.mark.parametrize("verb", ["open", "qr"])
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://relay.example.com/elsewhere#code={code}",
        "https://[::1]x`touch pwned`/dashboard#code={code}",
        "https://relay.example.com/dashboard#code={code}x",
        "https://relay.example.com/dashboard#code=other",
        "https://relay.example.com\n/dashboard#code={code}",
    ],
)
def test_a_link_that_does_not_sign_in_is_not_opened(
    verb: str, url: str, home: Path
) -> None:
    code = secret(0, "argy_o1_")
    operator = HostileOperator(lies={"/admin/sign-in": {"url": url.format(code=code)}})
    terminal = Terminal(operator, yes=True)
    assert_refused(terminal.type(verb), home)
    assert terminal.opened == []


@pytest.mark.parametrize(
    ("arguments", "path", "lies"),
    [
        (("codes",), "/admin/state", {"codes": [{"name": 1}]}),
        (("codes",), "/admin/state", {"codes": "none"}),
        (("connect", "curl"), "/admin/state", {"limits": {"wait_seconds": "$(x)"}}),
        (("connect", "curl"), "/admin/state", {"limits": {"wait_seconds": -1}}),
        (("connect", "curl"), "/admin/state", {"limits": {"wait_seconds": 1e999}}),
        (("waiting",), "/admin/state", {"waiting": [{"waiting_seconds": "long"}]}),
        (("waiting",), "/admin/state", {"waiting": [5]}),
        (("rooms",), "/admin/state", {"rooms": [{}]}),
        (("status",), "/admin/state", {"waiting": [{}]}),
        (("status",), "/admin/stats", {"uptime_seconds": float("inf")}),
        (("sessions",), "/admin/sessions", {"sessions": 5}),
        (("revoke", "bo"), "/admin/revoke", {"codes": [{}]}),
    ],
)
def test_values_of_other_types_are_refused_in_a_sentence(
    arguments: tuple[str, ...], path: str, lies: dict[str, Any], home: Path
) -> None:
    assert_refused(told(*arguments, path=path, **lies), home)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        json.dumps({"detail": {"error": "x", "errors": [5, {"a": 1}]}}).encode(),
        json.dumps({"detail": {"error": "x", "errors": 5}}).encode(),
    ],
)
def test_a_refusal_of_any_form_is_an_error(body: bytes) -> None:
    with pytest.raises(CliError):
        read_answer(400, body)


def test_a_time_out_of_range_is_shown_unchanged() -> None:
    times = LocalTimes(None, lambda: None)  # type: ignore[arg-type, return-value]  # not asked
    assert times.show("0001-01-01T00:00:00+14:00") == "0001-01-01T00:00:00+14:00"
