"""The services that notify the operator who is away, in the settings drawer."""

import re
import socket
from collections.abc import Iterator
from signal import SIGKILL

import pytest
from playwright.sync_api import expect

from support.axe import check_widths
from support.browser import Dashboard, NewDashboard, Relay
from support.relay_process import free_port

pytestmark = pytest.mark.browser
PATIENCE_SECONDS = 30.0


@pytest.fixture
def notifying_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a webhook that nobody listens to, and quiet hours."""
    settings = {
        "ARGYBARGY_WEBHOOK": f"http://127.0.0.1:{free_port()}/",
        "ARGYBARGY_QUIET_HOURS": "00:00-23:59 UTC",
    }
    folder = tmp_path_factory.mktemp("notifying")
    relay = Relay(folder / "data", free_port(), settings)
    relay.start()
    yield relay
    relay.stop(SIGKILL)


def accept(server: socket.socket) -> None:
    """Accept one call of the webhook."""
    server.settimeout(PATIENCE_SECONDS)
    connection, _ = server.accept()
    with connection:
        connection.settimeout(PATIENCE_SECONDS)
        raw = b""
        while not raw.endswith(b"}]}"):
            raw += connection.recv(4096)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def open_services(dashboard: Dashboard) -> None:
    dashboard.sign_in()
    dashboard.button("Relay settings").click()
    expect(dashboard.css("dialog.drawer")).to_be_visible()


def test_without_a_service_the_drawer_says_how_one_is_set(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    open_services(dashboard)
    told = dashboard.css(".drawer-section").nth(2)
    expect(told).to_contain_text("None is set.")
    up = dashboard.relay.admin("GET", "/admin/state").json["commands"]["up"]
    expect(told).to_contain_text(f"ARGYBARGY_NOTIFY=ntfy://TOPIC {up}")
    expect(dashboard.button("Send a test")).to_have_count(0)


def test_a_test_says_of_each_service_whether_and_why_not_it_works(
    new_dashboard: NewDashboard, notifying_relay: Relay
) -> None:
    dashboard = new_dashboard()
    dashboard.relay = notifying_relay
    notifying_relay.room("build")
    open_services(dashboard)
    row = dashboard.css(".service-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("webhook")
    expect(row).to_contain_text("no notification sent yet")
    section = dashboard.css(".drawer-section").nth(2)
    expect(section).to_contain_text("Quiet hours: 00:00-23:59 UTC")
    dashboard.button("Send a test").click()
    expect(row.locator(".service-outcome")).to_contain_text(
        "The test failed", timeout=PATIENCE_SECONDS * 1000
    )
    expect(row).to_contain_text(re.compile(r"fails since \d\d:\d\d: \S"))
    check_widths(dashboard, "a service that fails")
    port = int(notifying_relay.environment["ARGYBARGY_WEBHOOK"][:-1].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)) as server:
        dashboard.button("Send a test").click()
        accept(server)
    expect(row.locator(".service-outcome")).to_have_text("The test was accepted.")
    expect(row).to_contain_text(re.compile(r"works · 1 notification, the last \d\d:"))
    state = notifying_relay.admin("GET", "/admin/state").json["notifications"]
    assert state["services"][0]["state"] == "ok"


def test_a_relay_that_goes_away_during_a_test_is_reported(
    new_dashboard: NewDashboard, notifying_relay: Relay
) -> None:
    dashboard = new_dashboard()
    dashboard.relay = notifying_relay
    notifying_relay.room("build")
    open_services(dashboard)
    dashboard.page.route(
        "**/admin/notifications/test", lambda route: route.abort("connectionreset")
    )
    button = dashboard.button("Send a test")
    button.click()
    expect(dashboard.css(".notice")).to_have_text("The relay does not answer.")
    expect(button).to_be_enabled()
