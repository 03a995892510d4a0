"""docs/explanation/trust.md names what is stored in a browser and what is sent out."""

import re
from pathlib import Path
from typing import Final

from argybargy.settings.definitions import PREFIX, SETTINGS

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "src" / "argybargy"
PAGE: Final = (ROOT / "docs" / "explanation" / "trust.md").read_text()
DIALS: Final = re.compile(
    r"open_tcp_stream|open_ssl_over_tcp|getaddrinfo|\bHTTPS?Connection|urlopen"
    r"|create_connection\(|\.connect\(\(|import apprise|import smtplib|psycopg\.connect"
)
DIALLING: Final = {
    "agent/relay_client.py": "the relay of a seat",
    "agent/joining.py": "the relay of a link",
    "agent/mcp_shim.py": "the relay of a seat",
    "cli/client/http.py": "the relay that a command names",
    "cli/doctor/probe.py": "the relay, and its public address",
    "web/access/hosts.py": "nowhere: a name in the settings is looked up",
    "relay/nudges/call.py": "ARGYBARGY_WAKE_HOSTS, ARGYBARGY_WEBHOOK",
    "relay/notifications/apprise_channel.py": "ARGYBARGY_NOTIFY",
    "serve/cluster/cluster.py": "the relays and PostgreSQL that it starts",
    "store/postgres/connection.py": "ARGYBARGY_STORE",
    "store/postgres/hints.py": "ARGYBARGY_STORE",
}
"""The files that open connections, and where these lead."""


def test_no_other_file_opens_a_connection() -> None:
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if DIALS.search(path.read_text()) and "torture" not in path.parts
    }
    assert found <= set(DIALLING)
    for leads_to in DIALLING.values():
        for variable in re.findall(rf"{PREFIX}\w+", leads_to):
            assert f"`{variable}`" in PAGE


def test_each_key_of_a_browser_s_storage_is_named() -> None:
    folders = (SOURCE / "web" / "dashboard", SOURCE / "web" / "guest_page")
    keys = {
        key
        for folder in folders
        for path in folder.glob("*.js")
        for key in re.findall(r'"(argy_\w+)"', path.read_text())
    }
    assert len(keys) > 10
    assert keys == set(re.findall(r"`(argy_\w+)`", PAGE))


def test_variables_on_the_page_are_settings() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE))
    assert named <= {setting.variable for setting in SETTINGS}
