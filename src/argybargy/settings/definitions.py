"""Table of all settings: name, parser, default, unit and help text.

Parsing, ``argybargy config show`` and the reference page are made from it. To add a
setting, add a row here and an attribute to `argybargy.settings.settings.Settings`.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import platformdirs

from argybargy.domain.limits import MOST_TEXT_CHARS, Limits
from argybargy.domain.notifications import AFTER_SECONDS
from argybargy.settings.notify_parsers import (
    parse_quiet_hours,
    parse_secret,
    parse_services,
    parse_store,
    parse_webhook,
    parse_words,
)
from argybargy.settings.parsers import (
    Parser,
    choice,
    duration,
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
    split_bind,
)
from argybargy.system.network import is_loopback
from argybargy.system.values import frozen

PREFIX: Final = "ARGYBARGY_"
AGENT_VARIABLES: Final = frozenset({"ARGYBARGY_SEAT", "ARGYBARGY_SESSION"})
"""Variables of the commands for agents, which are no settings of a relay. Programs set
them for everything that an agent runs."""
_DAY: Final = 86_400
_LONGEST_SESSION: Final = 400
"""Days for which browsers keep a cookie at most."""


@frozen
class Setting:
    """Definition of one setting.

    Attributes:
        name: Key in ``config.toml``, and attribute of :class:`Settings`.
        parse: Parser for text of a variable or flag, and for TOML values.
        help: Help text of one line, for the command line and the reference.
        default: Default value.
        make_default: Computes the default, where it depends on the machine.
        unit: Unit of the value, such as ``seconds``; empty without one.
        limit: Attribute of :class:`Limits` that the setting overrides, if any.
        warn: Returns a warning for a valid but risky value, else None. The sentence
            follows the name of its source.
        is_secret: Whether no value of it may be shown.
    """

    name: str
    parse: Parser
    help: str
    default: Any = None
    make_default: Callable[[], object] | None = None
    unit: str = ""
    limit: str | None = None
    warn: Callable[[Any], str | None] | None = None
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """Environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Command-line flag, for the commands that have it."""
        return "--" + self.name.replace("_", "-")

    def default_value(self) -> Any:  # noqa: ANN401 - of the setting's own type
        """Return the default of this machine."""
        if self.limit is not None:
            return getattr(Limits(), self.limit)
        return self.default if self.make_default is None else self.make_default()


def _warn_unhashed(is_hashed: bool) -> str | None:
    if is_hashed:
        return None
    return "is off, but codes are always hashed: each is shown only when created."


def _warn_all_trusted(networks: tuple[str, ...]) -> str | None:
    if not any(network.endswith("/0") for network in networks):
        return None
    return "trusts every address: any client may forge its address."


def _warn_shared_key(path: Path) -> str | None:
    if os.name != "posix" or not path.stat().st_mode & stat.S_IRWXO:
        return None
    return f"is accessible to every user of this machine; try: chmod o= {path}"


def _warn_open_metrics(bind: str) -> str | None:
    if is_loopback(split_bind(bind)[0]):
        return None
    return "publishes the metrics without a token to every host that reaches it."


def _user_data() -> Path:
    return platformdirs.user_data_path("argybargy", appauthor=False)


SETTINGS: Final = (
    Setting("host", parse_host, "Address to listen on.", "127.0.0.1"),
    Setting(
        "port", integer(0, 65_535), "Port to listen on; 0 chooses a free one.", 8765
    ),
    Setting(
        "data",
        parse_directory,
        "Data directory: database and admin token.",
        make_default=_user_data,
    ),
    Setting(
        "store",
        parse_store,
        "Where rooms are stored: sqlite, in the data directory, or the URL of a "
        "PostgreSQL database that several relays share; needs argybargy[postgres].",
        is_secret=True,
    ),
    Setting(
        "log_level",
        choice("debug", "info", "warning", "error", "critical"),
        "Least severe level that is logged.",
        "info",
    ),
    Setting(
        "log_format",
        choice("auto", "json", "text"),
        "Log format; auto is text on a terminal and JSON elsewhere.",
        "auto",
    ),
    Setting(
        "metrics_bind",
        parse_bind,
        "Second address, HOST:PORT, that serves /metrics without a token.",
        warn=_warn_open_metrics,
    ),
    Setting(
        "public_url",
        parse_base_url,
        "URL of the relay as seen from outside, used in invitations.",
    ),
    Setting(
        "allowed_hosts",
        parse_hosts,
        "Further host names accepted in the Host field.",
        (),
    ),
    Setting(
        "wake_hosts",
        parse_hosts,
        "Hosts that agents may have called to wake them (PUT /me/wake); none by "
        "default. Each is a way into the network of this machine.",
        (),
    ),
    Setting(
        "notify",
        parse_services,
        "Services that notify the operator who is away, as URLs of Apprise; needs "
        "argybargy[notify].",
        (),
        is_secret=True,
    ),
    Setting(
        "webhook",
        parse_webhook,
        "URL that gets the operator's notifications as signed JSON.",
        is_secret=True,
    ),
    Setting(
        "webhook_secret",
        parse_secret,
        "Secret that signs them, or @ and the path of a file with it; by default one "
        "is made in the data directory.",
        is_secret=True,
    ),
    Setting(
        "notify_after",
        duration(0, 24 * 60),
        "Time that a question waits before the operator is notified.",
        AFTER_SECONDS / 60,
        unit="minutes",
    ),
    Setting(
        "urgent",
        parse_words,
        "Words that make a question urgent: told at once, in quiet hours too, and "
        "listed first.",
        (),
    ),
    Setting(
        "quiet_hours",
        parse_quiet_hours,
        "Hours without notifications, like 22:00-07:00, in local time or with a zone; "
        "urgent ones are sent all the same.",
    ),
    Setting(
        "ephemeral",
        parse_flag,
        "Keep rooms and codes in memory only; they are lost at shutdown.",
        False,
    ),
    Setting("docs", parse_flag, "Serve the API documentation at /docs.", True),
    Setting(
        "http_core",
        choice("argybargy", "hypercorn"),
        "HTTP/1.1 implementation to use.",
        "argybargy",
    ),
    Setting(
        "cors_origins",
        parse_origins,
        "Origins of web pages that may call the agent endpoints (CORS).",
        (),
    ),
    Setting(
        "trusted_proxies",
        parse_networks,
        "Proxies whose X-Forwarded-For is trusted, and whose connections are not "
        "limited per address.",
        (),
        warn=_warn_all_trusted,
    ),
    Setting(
        "tls_cert",
        parse_file,
        "Certificate chain for HTTPS, a PEM file.",
    ),
    Setting(
        "tls_key",
        parse_file,
        "Private key of the certificate, a PEM file without a password.",
        warn=_warn_shared_key,
    ),
    Setting(
        "hash_codes",
        parse_flag,
        "Deprecated and ignored: codes are always hashed.",
        True,
        warn=_warn_unhashed,
    ),
    Setting(
        "max_text",
        integer(1, MOST_TEXT_CHARS),
        "Maximum length of a message.",
        unit="characters",
        limit="text_chars",
    ),
    Setting(
        "max_wait",
        duration(0, 3_600),
        "Maximum time that a poll waits for messages.",
        unit="seconds",
        limit="wait_seconds",
    ),
    Setting(
        "max_ask_wait",
        duration(0, 3_600),
        "Maximum time that a question waits for its answer in one request.",
        unit="seconds",
        limit="ask_wait_seconds",
    ),
    Setting(
        "max_history",
        integer(1, 10_000),
        "Maximum number of messages in one page of history.",
        unit="messages",
        limit="history_messages",
    ),
    Setting(
        "max_messages_per_room",
        integer(0),
        "Messages kept per room; 0 keeps all of them.",
        unit="messages",
        limit="messages_per_room",
    ),
    Setting(
        "online_window",
        duration(1, _DAY),
        "Time after its last request for which a peer counts as online.",
        unit="seconds",
        limit="online_seconds",
    ),
    Setting(
        "max_idle_seconds",
        integer(0, 366 * _DAY),
        "Silence in a room after which polls return should_exit; 0 disables it.",
        unit="seconds",
        limit="idle_seconds",
    ),
    Setting(
        "session_days",
        duration(0.01, _LONGEST_SESSION),
        "How long a browser stays signed in to the dashboard.",
        unit="days",
        limit="session_days",
    ),
    Setting(
        "rate_max",
        integer(0, 1_000_000),
        "Maximum number of messages per peer and rate_window; 0 is unlimited.",
        unit="messages",
        limit="posts_per_window",
    ),
    Setting(
        "claims_max",
        integer(0, 1_000_000),
        "Maximum number of claim attempts per peer and rate_window; 0 is unlimited.",
        unit="claims",
        limit="claims_per_window",
    ),
    Setting(
        "reads_max",
        integer(0, 1_000_000),
        "Maximum number of non-waiting reads per peer and rate_window; 0 is unlimited.",
        unit="reads",
        limit="reads_per_window",
    ),
    Setting(
        "rate_window",
        duration(0.1, _DAY),
        "Window of rate_max, claims_max and reads_max.",
        unit="seconds",
        limit="window_seconds",
    ),
    Setting(
        "claim_lease_seconds",
        integer(0, Limits().lease_seconds_max),
        "Time after which an unrenewed claim expires; 0 is never.",
        unit="seconds",
        limit="lease_seconds",
    ),
    Setting(
        "loop_turns",
        integer(0, 1_000),
        "Answers of two agents to each other in 10 minutes that wake; 0 is unlimited.",
        unit="messages",
        limit="loop_turns",
    ),
    Setting(
        "max_rooms",
        integer(0),
        "Maximum number of rooms with messages; 0 is unlimited.",
        unit="rooms",
        limit="rooms",
    ),
    Setting(
        "max_codes",
        integer(0),
        "Maximum number of valid codes; 0 is unlimited.",
        unit="codes",
        limit="codes",
    ),
)
"""All settings, in the order of the help and the reference."""
