"""Commands that report the state of a relay."""

from typing import Any, Final

import attrs

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.message_line import age
from argybargy.cli.commands.rooms import room_rows
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.output import Output
from argybargy.system.values import frozen

_LABEL_CHARS: Final = 10
_FAR_SECONDS: Final = 2.0
"""Difference to the store's clock from which on it is shown."""


def status(env: Environment) -> int:
    """Show the state and figures of the relay on one screen.

    Exit code 1 if the relay runs but cannot store messages; with --quiet, only that
    is printed.

    Example: argybargy status
    """
    out = env.output
    relay = env.live()
    data = None
    if env.options.url is None:
        data = str(env.read_settings().data)
    status = _look(relay, data)
    if out.is_json:
        out.write_json(attrs.asdict(status))
    else:
        _show(out, status)
    return Exit.OK if status.ready else Exit.FAILED


def health(env: Environment) -> int:
    """Check whether the relay is ready: exit code 0, or 7 if it is not.

    It needs no token, so that a container's health check can use it.

    Example: argybargy health --quiet
    """
    out = env.output
    try:
        answer = env.live_without_token().call("GET", "/ready")
        ready = read_row(_Ready, answer)
    except CliError as error:
        if error.code is Exit.USAGE:
            raise
        raise CliError(error.text, error.hint, Exit.UNREACHABLE) from None
    if out.is_json:
        out.write_json(answer)
    elif not out.is_quiet:
        out.write(f"{ready.status} {ready.version}")
    return Exit.OK


@frozen
class Status:
    """State and figures of a relay.

    Attributes:
        url: Address of the relay.
        public_url: Address for agents: as configured, or the tunnel's.
        data: Data directory; ``None`` if the relay is on another machine.
        ready: Whether the relay can store messages.
        storage: Storage engine and schema, or why it is not ready.
        waiting: Open questions.
        asks_you: Open questions that ask the operator.
        longest_wait_seconds: Age of the oldest open question; ``None`` without one.
        notifications: The services that notify the operator, and which of them fail.
        nodes: The relays on the same store, and what is wrong between them; none if
            the store belongs to one relay.
    """

    url: str
    public_url: str
    version: str
    data: str | None
    uptime_seconds: int
    ready: bool
    storage: str
    rooms: int
    closed_rooms: int
    messages: int
    codes: int
    online_peers: int
    parked_polls: int
    waiting: int
    asks_you: int
    longest_wait_seconds: float | None
    notifications: str
    nodes: list[str] = attrs.field(factory=list)


@frozen
class _Ready:
    status: str
    version: str


@frozen
class _Stats:
    version: str
    uptime_seconds: int
    online_peers: int
    codes: int
    messages: int
    parked_polls: int


@frozen
class _State:
    public_url: str
    waiting: list[object]
    notifications: dict[str, Any]
    nodes: list[object]


@frozen
class _Node:
    name: str
    version: str
    parked_polls: int
    leading: bool
    this: bool
    store_clock_seconds: float | None
    different_limits: list[str]


@frozen
class _Notifications:
    services: list[object]
    quiet: bool


@frozen
class _Service:
    service: str
    state: str
    reason: str


@frozen
class _Wait:
    waiting_seconds: float


def _look(relay: LiveOperator, data: str | None) -> Status:
    stats = read_row(_Stats, relay.call("GET", "/admin/stats"))
    state = relay.call("GET", "/admin/state")
    rooms = room_rows(state)
    seen = read_row(_State, {"nodes": [], **state})
    waits = [read_row(_Wait, row).waiting_seconds for row in seen.waiting]
    is_ready, storage = _storage(relay)
    return Status(
        url=relay.url,
        public_url=seen.public_url,
        data=data,
        ready=is_ready,
        storage=storage,
        rooms=len(rooms),
        closed_rooms=sum(room.status == "closed" for room in rooms),
        waiting=len(waits),
        asks_you=sum(room.asks_you for room in rooms),
        longest_wait_seconds=max(waits, default=None),
        notifications=_notifications(seen.notifications),
        nodes=[_node(read_row(_Node, row), stats.version) for row in seen.nodes],
        **attrs.asdict(stats),
    )


def _notifications(row: Json) -> str:
    """Return the state of the notifications in a few words."""
    found = read_row(_Notifications, row)
    rows = [read_row(_Service, each) for each in found.services]
    if not rows:
        return "no service is set"
    failing = [
        f"{row.service} fails ({row.reason})" for row in rows if row.state == "failing"
    ]
    names = ", ".join(row.service for row in rows)
    quiet = "; quiet hours" if found.quiet else ""
    return f"{'; '.join(failing) or names}{quiet}"


def _node(node: _Node, version: str) -> str:
    """Return the state of a node in a few words."""
    words = [f"{node.parked_polls} polls parked"]
    if node.this:
        words.append("this one")
    if node.leading:
        words.append("leads")
    if node.version != version:
        words.append(f"version {node.version}")
    clock = node.store_clock_seconds
    if clock is not None and abs(clock) > _FAR_SECONDS:
        words.append(f"its clock is {abs(clock):g} s {'slow' if clock > 0 else 'fast'}")
    words.extend(node.different_limits)
    return f"{node.name} ({', '.join(words)})"


def _storage(relay: LiveOperator) -> tuple[bool, str]:
    try:
        facts: Json = relay.call("GET", "/ready")
    except CliError as error:
        return False, error.text
    return True, f"{facts.get('engine')}, schema {facts.get('schema')}"


def _show(out: Output, status: Status) -> None:
    longest = (
        f", {status.asks_you} of them for you, "
        f"for up to {age(status.longest_wait_seconds)}: argybargy waiting"
    )
    rows = (
        ("address", status.url),
        ("public", status.public_url),
        ("version", status.version),
        ("data", status.data or "on another machine"),
        ("up for", age(status.uptime_seconds)),
        ("storage", f"{'ready' if status.ready else 'not ready'} ({status.storage})"),
        ("rooms", f"{status.rooms}, {status.closed_rooms} of them closed"),
        ("messages", str(status.messages)),
        ("codes", str(status.codes)),
        ("agents", f"{status.online_peers} online, {status.parked_polls} polls parked"),
        ("waiting", f"{status.waiting}{longest if status.waiting else ''}"),
        ("notify", status.notifications),
        *(("node", each) for each in status.nodes),
    )
    for label, value in rows:
        if out.is_quiet and (status.ready or label != "storage"):
            continue
        out.write(f"{label.ljust(_LABEL_CHARS)}{out.typed(value)}")
