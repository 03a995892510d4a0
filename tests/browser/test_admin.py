"""The settings drawer: D68 to D74, keys, sessions."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import expect

from support.browser import Agent, Dashboard, NewDashboard, Relay
from support.relay_process import free_port

pytestmark = pytest.mark.browser
NEVER_AGAIN = "Copy it now: it will not be shown again."


def open_drawer(dashboard: Dashboard) -> None:
    dashboard.button("Relay settings").click()
    expect(dashboard.css("dialog.drawer")).to_be_visible()


def key_row(dashboard: Dashboard, name: str) -> str:
    return f'.key-row[data-name="{name}"]'


def test_the_drawer_opens_by_the_gear_and_closes_in_three_ways(
    dashboard: Dashboard,
) -> None:
    """D68, and Escape; the focus goes back to where it was."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    drawer = dashboard.css("dialog")
    expect(drawer).to_have_count(0)
    ways: tuple[Callable[[], None], ...] = (
        lambda: dashboard.button("Close").click(),
        lambda: dashboard.page.mouse.click(200, 400),
        lambda: dashboard.page.keyboard.press("Escape"),
    )
    for close in ways:
        open_drawer(dashboard)
        close()
        expect(drawer).to_have_count(0)
        expect(dashboard.button("Relay settings")).to_be_focused()


def test_the_drawer_has_its_sections(dashboard: Dashboard) -> None:
    """D69. Signing in has its own place, sessions and notifications are new."""
    dashboard.relay.agent("claude")
    dashboard.sign_in()
    open_drawer(dashboard)
    expect(dashboard.css(".drawer-section > h3")).to_have_text(
        [
            "Public URL",
            "Mint a key",
            "Access keys · 1",
            "Sessions",
            "Notifications",
            "Danger",
        ]
    )
    expect(dashboard.css(".drawer-section").first).to_contain_text(dashboard.relay.url)


def test_a_token_is_exchanged_or_the_page_says_why_not(dashboard: Dashboard) -> None:
    """D70, D74: and it is drawn nowhere."""
    dashboard.relay.agent("claude").say("x")
    dashboard.open().button("Paste admin token").click()
    field, told = dashboard.css("#adToken"), dashboard.css("#token-told")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "off")
    dashboard.button("Sign in").click()
    expect(told).to_have_text("Paste the admin token first.")
    field.fill("wrong-token")
    dashboard.button("Sign in").click()
    expect(told).to_contain_text(
        "Rejected: the relay answered 401. Run argybargy token"
    )
    expect(told).to_have_class(re.compile("problem"))
    expect(dashboard.css(".agent-row, .room-row")).to_have_count(0)
    expect(dashboard.css(".brand .connection")).to_have_text("idle")
    field.fill("тoken")
    dashboard.button("Sign in").click()
    expect(told).to_contain_text("Rejected")
    dashboard.page.route("**/admin/session", lambda route: route.abort())
    field.fill(dashboard.relay.token)
    dashboard.button("Sign in").click()
    expect(told).to_have_text("No answer: the relay cannot be reached.")
    dashboard.page.unroute("**/admin/session")
    dashboard.button("Sign in").click()
    expect(dashboard.css("dialog")).to_have_count(0)
    dashboard.wait_live()
    assert dashboard.relay.token not in dashboard.page.content()
    expect(dashboard.agent_row("claude")).to_be_visible()


def test_a_key_is_minted_and_shown_once(dashboard: Dashboard) -> None:
    """D71."""
    dashboard.relay.room("build")
    dashboard.relay.room("docs")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard)
    form = dashboard.css("form.mint")
    expect(form.get_by_label("Name")).to_be_focused()
    assert form.get_by_label("Expires").locator("option").all_inner_texts() == [
        *("never", "10m", "30m", "60m", "1d", "1w", "1mo")
    ]
    form.get_by_label("Name").fill("not a name!")
    form.get_by_role("button", name="Mint a key").click()
    expect(form.locator(".problem")).to_contain_text("name: ")
    form.get_by_label("Name").fill("codex")
    form.get_by_label("Room").select_option("docs")
    form.get_by_label("Expires").select_option("1d")
    form.get_by_label("Capabilities").fill("rust")
    form.get_by_role("button", name="Mint a key").click()
    expect(dashboard.css(".once")).to_contain_text(NEVER_AGAIN)
    code = dashboard.css(".minted .minted-code").inner_text()
    agent = Agent(dashboard.relay, "codex", code)
    who = agent.call("GET", "/whoami").json
    assert (who["room"], who["capabilities"]) == ("docs", "rust")
    row = dashboard.css(key_row(dashboard, "codex"))
    expect(row).to_contain_text("#docs · until")
    assert code not in row.inner_text()
    dashboard.button("Another key").click()
    expect(dashboard.css("form.mint").get_by_label("Name")).to_have_value("")
    assert code not in dashboard.page.content()


def test_one_key_or_all_keys_of_a_name_are_revoked(dashboard: Dashboard) -> None:
    """D72, by the id of a key: the original's kills all keys of that name."""
    relay = dashboard.relay
    one, two = relay.agent("alice", "build"), relay.agent("alice", "docs")
    bob = relay.agent("bob", "build", capabilities="reviews")
    bob.poll()
    dashboard.sign_in("?room=build")
    open_drawer(dashboard)
    bobs = dashboard.css(key_row(dashboard, "bob"))
    expect(bobs).to_contain_text(
        re.compile(r"#build · never expires · made \S+.* · online")
    )
    expect(bobs).to_contain_text("reviews")
    assert bob.code not in dashboard.page.content()
    revoke = dashboard.css(key_row(dashboard, "alice")).first.get_by_role(
        "button", name="Revoke", exact=True
    )
    revoke.click()
    sure = dashboard.css(key_row(dashboard, "alice")).first.get_by_text("Sure?")
    expect(sure).to_be_visible()
    expect(sure).to_have_count(0, timeout=3_500)
    assert one.call("GET", "/whoami").status == 200
    revoke.click()
    sure.click()
    expect(dashboard.css(key_row(dashboard, "alice"))).to_have_count(1)
    statuses = [agent.call("GET", "/whoami").status for agent in (one, two)]
    assert sorted(statuses) == [200, 401]
    relay.agent("alice", "build")
    expect(dashboard.css(key_row(dashboard, "alice"))).to_have_count(2)
    dashboard.button("Revoke all 2").first.click()
    dashboard.button("All keys of alice?").click()
    expect(dashboard.css(key_row(dashboard, "alice"))).to_have_count(0)
    assert bob.call("GET", "/whoami").status == 200


def test_a_key_is_rotated(dashboard: Dashboard) -> None:
    bob = dashboard.relay.agent("bob", capabilities="reviews", expires="1d")
    dashboard.sign_in()
    open_drawer(dashboard)
    row = dashboard.css(key_row(dashboard, "bob"))
    old = row.get_attribute("data-key")
    row.get_by_role("button", name="Rotate").click()
    row.get_by_text("Sure?").click()
    expect(dashboard.css(".once")).to_contain_text("bob")
    fresh = Agent(
        dashboard.relay, "bob", dashboard.css(".minted .minted-code").inner_text()
    )
    assert fresh.call("GET", "/whoami").json["capabilities"] == "reviews"
    assert bob.call("GET", "/whoami").status == 401
    expect(row).to_have_count(1)
    assert row.get_attribute("data-key") != old


def test_replacing_the_admin_token_takes_the_token(dashboard: Dashboard) -> None:
    """D73, on purpose otherwise: a session alone may not make itself last."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    open_drawer(dashboard)
    old = dashboard.relay.token
    field = dashboard.page.get_by_label("Current admin token")
    field.fill("wrong")
    dashboard.button("Regenerate token").click()
    dashboard.button("Really? All sessions end").click()
    expect(dashboard.css(".drawer .problem[role=alert]").last).to_contain_text(
        "admin token"
    )
    field.fill(old)
    dashboard.button("Regenerate token").click()
    dashboard.button("Really? All sessions end").click()
    expect(dashboard.css(".once")).to_contain_text("The new admin token")
    assert dashboard.relay.token != old
    expect(dashboard.css(".drawer .minted-code")).to_have_text(dashboard.relay.token)
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.css(".is-locked")).to_contain_text("The admin token was replaced")
    assert dashboard.relay.token not in dashboard.page.content()
    dashboard.button("Relay settings: sign in here").click()
    expect(dashboard.css("dialog")).to_contain_text("admin.token")


def test_sessions_are_listed_and_ended(new_dashboard: NewDashboard) -> None:
    here, there = new_dashboard(), new_dashboard()
    here.relay.room("build")
    here.sign_in()
    there.sign_in()
    open_drawer(here)
    rows = here.css(".session-row")
    expect(rows).to_have_count(2)
    mine = rows.filter(has_text="This browser")
    expect(mine).to_have_count(1)
    other = rows.filter(has_not_text="This browser")
    other.get_by_role("button", name="End").click()
    other.get_by_text("Sure?").click()
    expect(rows).to_have_count(1)
    expect(there.css(".is-locked")).to_contain_text("your session has ended")
    here.button("Sign out").click()
    expect(here.css(".is-locked")).to_contain_text("You signed out.")
    assert here.page.evaluate("localStorage.argy_session ?? null") is None
    here.page.reload()
    expect(here.css(".is-locked")).to_be_visible()


@pytest.fixture
def secure_relay(tmp_path: Path) -> Iterator[Relay]:
    issued = trustme.CA().issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(key)
    files = {"ARGYBARGY_TLS_CERT": str(certificate), "ARGYBARGY_TLS_KEY": str(key)}
    relay = Relay(tmp_path / "data", free_port(), files)
    relay.start()
    yield relay
    relay.stop()


def test_over_https_no_script_can_read_the_session(
    new_dashboard: NewDashboard, secure_relay: Relay
) -> None:
    dashboard = new_dashboard(ignore_https_errors=True)
    dashboard.relay = secure_relay
    secure_relay.room("build")
    dashboard.open()
    expect(dashboard.css(".is-locked")).to_contain_text("Not signed in")
    expect(dashboard.css(".is-locked")).not_to_contain_text("your session has ended")
    dashboard.sign_in()
    (cookie,) = dashboard.page.context.cookies()
    seen = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert cookie["value"] not in dashboard.page.evaluate(seen)
    assert cookie["secure"]
    assert cookie["name"] == f"__Host-argybargy-{secure_relay.port}"
    assert cookie["httpOnly"]
    dashboard.page.reload()
    dashboard.wait_live()
    dashboard.send("over TLS")
    expect(dashboard.css(".msg")).to_have_count(1)
    expect(dashboard.button("New room")).to_be_visible()
    open_drawer(dashboard)
    dashboard.button("Sign out").click()
    expect(dashboard.css(".is-locked")).to_contain_text("You signed out.")
    dashboard.page.reload()
    expect(dashboard.css(".is-locked")).to_be_visible()


def test_a_phone_is_signed_in_by_a_code_that_works_once(
    new_dashboard: NewDashboard,
) -> None:
    dashboard, phone = (
        new_dashboard(),
        new_dashboard(viewport={"width": 375, "height": 740}),
    )
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_drawer(dashboard)
    dashboard.button("Sign in on a phone").click()
    expect(dashboard.css(".phone svg.qr")).to_be_visible()
    dashboard.page.get_by_role("button", name="Copy link").click()
    link = dashboard.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{dashboard.relay.url}/dashboard#code=argy_o1_")
    phone.page.goto(link)
    expect(phone.css("h1.channel-title")).to_have_text("build")
    other = new_dashboard()
    other.page.goto(link)
    expect(other.css(".is-locked")).to_contain_text("work once and for ten minutes")


def test_copying_works_on_plain_http_pages_too(dashboard: Dashboard) -> None:
    """W13: without the clipboard API, in a dialog, and with a confirmation."""
    dashboard.page.add_init_script("delete Navigator.prototype.clipboard")
    dashboard.relay.room("build")
    dashboard.sign_in()
    open_drawer(dashboard)
    dashboard.page.evaluate(
        "document.addEventListener('copy', () => { window.copied ="
        " document.activeElement.value; })"
    )
    button = dashboard.css(".drawer-section").first.locator(".copy")
    button.click()
    expect(button).to_have_text("Copied")
    assert dashboard.page.evaluate("window.copied") == dashboard.relay.url
    expect(button).to_be_focused()
    dashboard.page.evaluate("document.execCommand = () => false")
    expect(button).to_have_text("Copy")
    button.click()
    expect(button).to_have_text("Press Ctrl+C")


def test_a_key_that_is_shown_once_stays_until_it_is_closed(
    dashboard: Dashboard,
) -> None:
    for number in range(12):
        dashboard.relay.agent(f"agent-{number:02}")
    dashboard.sign_in()
    open_drawer(dashboard)
    row = dashboard.css(key_row(dashboard, "agent-11"))
    for name in ("Rotate", "Sure?"):
        row.get_by_role("button", name=name, exact=True).click()
    code = dashboard.css("code.minted-code[tabindex]")
    expect(code).to_be_focused()
    expect(code).to_be_in_viewport()
    box = code.bounding_box()
    assert box is not None
    dashboard.page.mouse.move(box["x"] + 20, box["y"] + 5)
    dashboard.page.mouse.down()
    dashboard.page.mouse.move(200, 400, steps=4)
    dashboard.page.mouse.up()
    expect(code).to_be_visible()
    row = dashboard.css(key_row(dashboard, "agent-03"))
    for name in ("Revoke", "Sure?"):
        row.get_by_role("button", name=name, exact=True).click()
    expect(dashboard.css("dialog .notice")).to_contain_text("1 key revoked.")
    expect(dashboard.css("dialog .notice")).to_be_in_viewport()


def test_no_arrival_is_shown_for_a_room_that_is_not_in_view(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.relay.room("ops")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard)
    dashboard.css("form.mint input[name=name]").fill("fresh")
    dashboard.css("form.mint select[name=room]").select_option("ops")
    dashboard.button("Mint a key").click()
    expect(dashboard.css("dialog .minted-code[tabindex]")).to_be_visible()
    expect(dashboard.css(".arrival")).to_have_count(0)
