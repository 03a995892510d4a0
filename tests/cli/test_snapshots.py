"""Output of every command: on a terminal, into a pipe, and as JSON.

The snapshots are plain files, one a command. After an intended change, update them with
``pytest tests/cli/test_snapshots.py --update-snapshots`` and read the difference.
"""

import io
import re
from pathlib import Path
from typing import Final

import attrs
import pytest

from argybargy import __version__
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.registry import VERBS
from argybargy.system.terminal import wants_colour
from argybargy.web.codec.notification_bodies import (
    NotificationsBody,
    NotificationTestBody,
    ServiceRow,
    TriedService,
)
from support.fake_operator import (
    CLOSED_AT,
    FakeCode,
    FakeOperator,
    builtins,
    read,
    spoken,
)
from support.terminal import Result, Terminal

SNAPSHOTS = Path(__file__).parent / "snapshots"

# What depends on the machine, and is looked at by tests of its own; and a second name.
UNSEEN = {
    *(
        "backup",
        "cluster",
        "completion",
        "disconnect",
        "doctor",
        "import",
        "move",
        "restore",
    ),
    *("say", "service print", "torture"),
}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", "/home/operator")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


OPEN: Final = spoken(
    40,
    "Ship now, or wait?",
    sender="claude",
    to="operator",
    expects="operator",
    choices=["ship", "wait"],
)


def relay() -> FakeOperator:
    """Return a relay with rooms, messages and questions."""
    question = spoken(
        42, "Ship now, or wait?", sender="claude", to="operator", expects="operator"
    )
    operator = FakeOperator(
        codes=[
            FakeCode("00000000000a", "claude", "build", "Opus 5 - feature build"),
            FakeCode("00000000000b", "evil", "quiet", "\x1b[2J\u202e"),
        ],
        closed={"done"},
        online={"claude"},
        sessions=["0123456789ab", "ba9876543210"],
        invites=[
            {
                "id": "00000000000c", "room": "build", "name": None,
                "state": "open", "expires_at": CLOSED_AT, "code_key_id": None,
            },
            {
                "id": "00000000000d", "room": "build", "name": "claude",
                "state": "used", "expires_at": CLOSED_AT,
                "code_key_id": "00000000000a",
            },
        ],
        said={
            "build": [
                spoken(41, "Who takes it?", expects="anyone", claimed_by="claude"),
                question,
                spoken(43, "Hold\nthe \x1b[31mrelease.", sender="titus",
                       kind="operator", reply_to=42),
            ],
            "done": [],
        },
    )  # fmt: skip
    operator.audited = [("connect", "key 00000000000a"), ("revoke", "\x1b[2J")]
    operator.damped = [("claude", "gem")]
    operator.notifications = NotificationsBody(
        [
            ServiceRow("1 ntfy", "ok", None, "", 0, 3, 0, CLOSED_AT),
            ServiceRow("webhook", "failing", CLOSED_AT, "status 500", 2, 0, 1, None),
        ],
        quiet=True,
        quiet_hours="22:00-07:00",
        after_seconds=120.0,
    )
    operator.tested = NotificationTestBody(
        [
            TriedService("1 ntfy", True, ""),
            TriedService("webhook", False, "status 500"),
        ]
    )
    operator.streams = [stream(operator, "build"), stream(operator, "done")]
    return operator


def stream(operator: FakeOperator, room: str) -> list[Json]:
    def card(status: str, last_seq: int) -> Json:
        is_closed = status == "closed"
        return {
            "room": room, "status": status, "last_seq": last_seq,
            "closed_at": CLOSED_AT if is_closed else None,
            "closed_by": "titus" if is_closed else None,
        }  # fmt: skip

    said = [builtins(read(each)) | {"room": room} for each in operator.said[room]]
    return [
        {"type": "hello", "epoch": "e", "version": 1, "resumed": False},
        {
            "type": "snapshot", "version": 1, "messages": said,
            "rooms": [card("open", operator.head(room))],
        },
        {"type": "delta", "version": 2, "rooms": [card("closed", 43)]},
    ]  # fmt: skip


COMMANDS: Final = {
    "up": "up --no-tunnel",
    "serve": "serve",
    "status": "status",
    "notify test": "notify test",
    "notify status": "notify status",
    "health": "health",
    "room": "room build --expires 1d",
    "rooms": "rooms",
    "peers": "peers build",
    "close": "close build --yes",
    "reopen": "reopen done",
    "undamp": "undamp build",
    "room delete": "room delete done --yes",
    "post": "post build Go. --to claude --reply-to 42",
    "history": "history build",
    "search": "search Hold --room build",
    "waiting": "waiting",
    "withdraw": "withdraw build 42",
    "ask": "ask build Ship? --to claude --choices yes,no --timeout 0",
    "answer": "answer 40 --choice wait",
    "show": "show build 40",
    "watch": "watch build --since 40",
    "invite": "invite --name alice --room build",
    "invite once": "invite build --once",
    "invites": "invites",
    "guest": "guest build --as pat",
    "connect": "connect claude --room build --name alice --expires 1d",
    "connect curl": "connect curl --room build --url https://relay.example.com",
    "codes": "codes",
    "revoke": "revoke claude --yes",
    "token": "token",
    "audit": "audit",
    "open": "open --no-browser",
    "qr": "qr",
    "sessions": "sessions",
    "config show": "config show --port 9000",
    "export": "export build",
    "export md": "export build --format md",
    "version": "version",
    "error usage": "watch --since 3",
    "error unknown verb": "wach build",
    "error unknown room": "close nowhere --yes",
    "error closed room": "room done",
    "error nothing": "history done",
    "error wrong token": "rooms",
    "error no relay": "waiting",
    "error settings": "config show",
}


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@attrs.frozen
class Mode:
    """A way to run a command."""

    name: str
    stream: io.StringIO
    environment: dict[str, str] = attrs.field(factory=dict)
    options: tuple[str, ...] = ()
    columns: int | None = None


MODES: Final = (
    Mode("on a terminal", Screen(), columns=80),
    Mode("into a pipe", io.StringIO()),
    Mode("--json", io.StringIO(), options=("--json",)),
    Mode("--quiet", io.StringIO(), options=("--quiet",)),
)


def nowhere(*_: object, **__: object) -> LiveOperator:
    text = "No relay can be reached at http://127.0.0.1:8765: nothing listens there."
    raise CliError(text, "Start one with 'argybargy up'.", Exit.UNREACHABLE)


def run(case: str, mode: Mode) -> Result:
    terminal = Terminal(
        relay(),
        has_colour=wants_colour(mode.stream, mode.environment),
        yes=None,
        columns=mode.columns,
    )
    terminal.environment = {"ARGYBARGY_DATA": "/srv/argybargy"}
    if case == "error wrong token":
        wrong = {"error": "admin_unauthorized", "detail": "Missing or invalid token."}
        terminal.operator.refusals["/admin/state"] = [(401, wrong)]
    elif case in {"answer", "show"}:
        terminal.operator.said["build"].insert(0, OPEN)
    elif case == "error no relay":
        terminal.connect = nowhere
    elif case == "error settings":
        terminal.environment |= {"ARGYBARGY_PROT": "9", "ARGYBARGY_PORT": "87x5"}
    return terminal.type(*COMMANDS[case].split(), *mode.options)


def masked(text: str) -> str:
    """Return a text with machine-dependent parts replaced."""
    text = text.replace(__version__, "<version>")
    text = re.sub(r"/\S*?/state(?=/argybargy/seats)", "<state>", text)
    text = re.sub(r"/\S*(?=/argybargy/config\.toml)", "<config>", text)
    return text.replace("\x1b", "␛")


def drawn(case: str) -> str:
    """Return the output of a command in the form of its snapshot."""
    parts = [f"$ argybargy {COMMANDS[case]}\n"]
    for mode in MODES:
        result = run(case, mode)
        parts.append(f"\n=== {mode.name}: exit code {result.code}\n")
        parts.append(masked(result.out))
        if result.talk:
            parts.append(f"--- and on standard error\n{masked(result.talk)}")
    return "".join(parts)


@pytest.mark.parametrize("case", COMMANDS)
def test_every_command_prints_its_snapshot(
    case: str, pytestconfig: pytest.Config
) -> None:
    path = SNAPSHOTS / f"{case.replace(' ', '-')}.txt"
    if pytestconfig.getoption("--update-snapshots"):
        path.write_text(drawn(case))
    assert drawn(case) == path.read_text()


@pytest.mark.parametrize("case", COMMANDS)
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours_gets_the_same_text(
    case: str, environment: dict[str, str]
) -> None:
    plain = run(case, Mode("plain", Screen(), environment, columns=80))
    assert plain == run(case, Mode("pipe", io.StringIO(), columns=80))
    assert "\x1b" not in plain.out + plain.talk


def test_every_command_has_a_snapshot_and_every_snapshot_a_command() -> None:
    assert {verb.name for verb in VERBS} - UNSEEN <= set(COMMANDS)
    names = {f"{case.replace(' ', '-')}.txt" for case in COMMANDS}
    assert {path.name for path in SNAPSHOTS.iterdir()} == names
