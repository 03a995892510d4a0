"""A session on a device: restarts, tabs, a closed browser, and two relays on a host."""

import re
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import pytest
from playwright.sync_api import Browser, expect

from support.browser import Dashboard, NewDashboard, Relay, wait_until
from support.relay_process import free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def other_relay(tmp_path: Path) -> Iterator[Relay]:
    """A second relay on the same host."""
    relay = Relay(tmp_path / "other", free_port(), {})
    relay.start()
    yield relay
    relay.stop(SIGKILL)


def second_tab(dashboard: Dashboard, relay: Relay | None = None) -> Dashboard:
    return Dashboard.open_tab(relay or dashboard.relay, dashboard.page.context)


def sign_out(dashboard: Dashboard) -> None:
    dashboard.button("Relay settings").click()
    dashboard.page.get_by_role("tab", name="Sessions").click()
    dashboard.button("Sign out").click()


def test_a_restart_of_the_relay_leaves_an_open_page_signed_in(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.composer.fill("half a sentence")
    for number in (None, SIGKILL):
        if number is None:
            dashboard.relay.stop()
        else:
            dashboard.relay.stop(number)
        expect(dashboard.css(".brand .connection")).not_to_have_text("live")
        dashboard.relay.start()
        dashboard.page.evaluate("window.dispatchEvent(new Event('online'))")
        # A page that waits long for its stream polls, on a slow machine.
        connection = dashboard.css(".brand .connection")
        expect(connection).to_have_text(re.compile("^(live|polling)$"))
        expect(dashboard.composer).to_have_value("half a sentence")
    dashboard.send("still here")
    expect(dashboard.css(".msg")).to_have_count(1)


def test_a_second_tab_is_signed_in_at_once(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    second = second_tab(dashboard).open()
    second.wait_live()
    second.send("from the second tab")
    expect(dashboard.css(".msg")).to_have_count(1)
    assert len(dashboard.relay.admin("GET", "/admin/sessions").json["sessions"]) == 1
    second.check()


def test_signing_out_in_one_tab_signs_out_the_others_and_clears_their_drafts(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    second = second_tab(dashboard).open()
    second.wait_live()
    second.composer.fill("a secret")
    sign_out(dashboard)
    for tab in (dashboard, second):
        expect(tab.css(".is-locked")).to_contain_text("You signed out.")
    assert "a secret" not in second.page.evaluate("JSON.stringify({...sessionStorage})")
    # The page says so first, and then tells the relay, which ends the cookie.
    wait_until(lambda: dashboard.page.context.cookies() == [])
    dashboard.sign_in()
    second.wait_live()
    expect(second.composer).to_have_value("")
    second.check()


def test_a_session_ended_elsewhere_signs_out_every_tab_and_keeps_the_drafts(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    second = second_tab(dashboard).open()
    second.wait_live()
    second.composer.fill("unsent")
    assert dashboard.relay.admin("DELETE", "/admin/sessions").status == 200
    for tab in (dashboard, second):
        expect(tab.css(".is-locked")).to_contain_text("Your session has ended")
    dashboard.sign_in()
    second.wait_live()
    expect(second.composer).to_have_value("unsent")


def test_a_closed_browser_is_still_signed_in(
    new_dashboard: NewDashboard, chromium: Browser
) -> None:
    dashboard = new_dashboard()
    dashboard.relay.room("build")
    dashboard.sign_in()
    context = dashboard.page.context
    (cookie,) = context.cookies()
    assert cookie["name"] == f"argybargy-{dashboard.relay.port}"
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    days = dashboard.page.evaluate(f"({cookie['expires']} - Date.now() / 1000) / 86400")
    assert 29.9 < days <= 30
    kept = context.storage_state()
    context.close()
    again = new_dashboard(storage_state=kept).open()
    again.wait_live()
    without_cookie = {**kept, "cookies": []}
    half = new_dashboard(storage_state=without_cookie).open()
    expect(half.css(".is-locked")).to_contain_text("Your session has ended")


def test_two_relays_on_one_host_do_not_sign_each_other_out(
    dashboard: Dashboard, other_relay: Relay
) -> None:
    dashboard.relay.room("build")
    other_relay.room("elsewhere")
    dashboard.sign_in()
    other = second_tab(dashboard, other_relay).sign_in()
    names = {each["name"] for each in dashboard.page.context.cookies()}
    ports = (dashboard.relay.port, other_relay.port)
    assert names == {f"argybargy-{port}" for port in ports}
    for tab in (dashboard, other):
        tab.page.reload()
        tab.wait_live()
    sign_out(other)
    expect(other.css(".is-locked")).to_contain_text("You signed out.")
    dashboard.page.reload()
    dashboard.wait_live()


def test_signing_in_again_replaces_the_session_of_this_browser(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    second = second_tab(dashboard).sign_in()
    for tab in (dashboard, second):
        tab.wait_live()
        tab.send("hello")
    rows = dashboard.relay.admin("GET", "/admin/sessions").json["sessions"]
    assert len(rows) == 1
    assert rows[0]["device"] == "Chrome on Linux"


def test_a_browser_without_cookies_is_signed_in_in_its_tab(
    dashboard: Dashboard,
) -> None:
    dashboard.page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'cookieEnabled', {value: false})"
    )
    dashboard.relay.room("build")
    dashboard.sign_in()
    assert dashboard.page.context.cookies() == []
    dashboard.page.reload()
    dashboard.wait_live()


def test_the_command_that_signs_in_is_copied(dashboard: Dashboard) -> None:
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dashboard.open()
    dashboard.button("Copy the command").click()
    copied = dashboard.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"argybargy open --port {dashboard.relay.port}"
