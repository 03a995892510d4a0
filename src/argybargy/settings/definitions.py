"""Everything that an operator may set, as one table.

Names, how values are read, defaults, and what the documentation says: parsing, the
list of what holds, and the reference are all made from it. To add a setting, add a
row here and an attribute to :class:`argybargy.settings.settings.Settings`.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
import platformdirs

from argybargy.domain.limits import MOST_TEXT_CHARS, Limits
from argybargy.settings.parsers import (
    Parser,
    choice,
    integer,
    parse_base_url,
    parse_bind,
    parse_directory,
    parse_file,
    parse_flag,
    parse_host,
    parse_hosts,
    parse_networks,
    parse_origins,
    seconds,
    split_bind,
)
from argybargy.system.network import is_loopback

PREFIX: Final = "ARGYBARGY_"
_DAY: Final = 86_400


@attrs.frozen
class Setting:
    """One thing that can be set.

    Attributes:
        name: Its key in ``config.toml``, and the attribute of :class:`Settings`.
        parse: Reads a value.
        help: What it is for, in a line.
        default: What it is when nobody sets it.
        make_default: Makes that, where it depends on the machine.
        unit: What it is counted in.
        limit: The attribute of :class:`Limits` that it sets, if any.
        warn: Says what to tell the operator about a value that is taken.
    """

    name: str
    parse: Parser
    help: str
    default: Any = None
    make_default: Callable[[], object] | None = None
    unit: str = ""
    limit: str | None = None
    warn: Callable[[Any], str | None] | None = None

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Its name on a command line, where a command has it."""
        return "--" + self.name.replace("_", "-")

    def default_value(self) -> Any:  # noqa: ANN401 - of the setting's own type
        """Return the default, made anew if it is made."""
        if self.limit is not None:
            return getattr(Limits(), self.limit)
        return self.default if self.make_default is None else self.make_default()


def _warn_unhashed(is_hashed: bool) -> str | None:
    if is_hashed:
        return None
    return "is off, but codes are always hashed: each is shown once, when it is made."


def _warn_everybody(networks: tuple[str, ...]) -> str | None:
    if not any(network.endswith("/0") for network in networks):
        return None
    return "trusts everybody: whoever asks may claim to be anybody else."


def _warn_shared_key(path: Path) -> str | None:
    if os.name != "posix" or not path.stat().st_mode & stat.S_IRWXO:
        return None
    return f"can be used by every user of this machine; try: chmod o= {path}"


def _warn_open_metrics(bind: str) -> str | None:
    if is_loopback(split_bind(bind)[0]):
        return None
    return "shows the relay's numbers to whoever reaches that address, unasked."


def _user_data() -> Path:
    return platformdirs.user_data_path("argybargy", appauthor=False)


SETTINGS: Final = (
    Setting("host", parse_host, "The address to listen on.", "127.0.0.1"),
    Setting("port", integer(0, 65_535), "The port; 0 takes a free one.", 8765),
    Setting(
        "data",
        parse_directory,
        "Where the database and the admin token are kept.",
        make_default=_user_data,
    ),
    Setting(
        "log_level",
        choice("debug", "info", "warning", "error", "critical"),
        "What is logged at the least.",
        "info",
    ),
    Setting(
        "log_format",
        choice("auto", "json", "text"),
        "How it is logged: text on a terminal and JSON elsewhere, or always one.",
        "auto",
    ),
    Setting(
        "metrics_bind",
        parse_bind,
        "Where /metrics is served without a token as well, as HOST:PORT.",
        warn=_warn_open_metrics,
    ),
    Setting(
        "public_url",
        parse_base_url,
        "How the relay is reached from outside; it goes into invitations.",
    ),
    Setting(
        "allowed_hosts",
        parse_hosts,
        "Host names the relay answers to, besides its own.",
        (),
    ),
    Setting(
        "ephemeral",
        parse_flag,
        "Keep rooms and codes in memory: they end with the relay.",
        False,
    ),
    Setting("docs", parse_flag, "Serve the API's description at /docs.", True),
    Setting(
        "http_core",
        choice("argybargy", "hypercorn"),
        "Which HTTP/1.1 connection to use.",
        "argybargy",
    ),
    Setting(
        "cors_origins",
        parse_origins,
        "Web pages of other origins that may call the agents' endpoints.",
        (),
    ),
    Setting(
        "trusted_proxies",
        parse_networks,
        "Proxies whose X-Forwarded-For is believed, and which may open any number of "
        "connections.",
        (),
        warn=_warn_everybody,
    ),
    Setting(
        "tls_cert",
        parse_file,
        "The certificate to serve HTTPS with, and what leads from it to its root; a "
        "PEM file.",
    ),
    Setting(
        "tls_key",
        parse_file,
        "The key of that certificate; a PEM file without a password.",
        warn=_warn_shared_key,
    ),
    Setting(
        "hash_codes",
        parse_flag,
        "Only for settings of old: codes are always hashed.",
        True,
        warn=_warn_unhashed,
    ),
    Setting(
        "max_text",
        integer(1, MOST_TEXT_CHARS),
        "Longest message.",
        unit="characters",
        limit="text_chars",
    ),
    Setting(
        "max_wait",
        seconds(0, 3_600),
        "Longest time a poll stays parked.",
        unit="seconds",
        limit="wait_seconds",
    ),
    Setting(
        "max_history",
        integer(1, 10_000),
        "Most messages in one answer of history.",
        unit="messages",
        limit="history_messages",
    ),
    Setting(
        "max_messages_per_room",
        integer(0),
        "Messages kept per room; 0 keeps all.",
        unit="messages",
        limit="messages_per_room",
    ),
    Setting(
        "online_window",
        seconds(1, _DAY),
        "How long after its last request a peer counts as online.",
        unit="seconds",
        limit="online_seconds",
    ),
    Setting(
        "max_idle_seconds",
        integer(0, 366 * _DAY),
        "Silence after which polls say should_exit; 0 is never.",
        unit="seconds",
        limit="idle_seconds",
    ),
    Setting(
        "rate_max",
        integer(0, 1_000_000),
        "Messages of one peer per window; 0 is any number.",
        unit="messages",
        limit="posts_per_window",
    ),
    Setting(
        "claims_max",
        integer(0, 1_000_000),
        "Claim attempts of one peer per window; 0 is any number.",
        unit="claims",
        limit="claims_per_window",
    ),
    Setting(
        "reads_max",
        integer(0, 1_000_000),
        "Reads of one peer per window that do not wait; 0 is any number.",
        unit="reads",
        limit="reads_per_window",
    ),
    Setting(
        "rate_window",
        seconds(0.1, _DAY),
        "Length of the window of the three above.",
        unit="seconds",
        limit="window_seconds",
    ),
    Setting(
        "claim_lease_seconds",
        integer(0, Limits().lease_seconds_max),
        "How long a claim lasts unrenewed; 0 is for ever.",
        unit="seconds",
        limit="lease_seconds",
    ),
    Setting(
        "max_rooms",
        integer(0),
        "Most rooms that hold messages; 0 is any number.",
        unit="rooms",
        limit="rooms",
    ),
    Setting(
        "max_codes",
        integer(0),
        "Most codes at once; 0 is any number.",
        unit="codes",
        limit="codes",
    ),
)
"""Everything that can be set, in the order in which it is shown."""
