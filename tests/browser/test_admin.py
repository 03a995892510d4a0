"""Behind the gear: D68 to D74, keys, sessions."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import expect

from support.browser import Agent, Desk, NewDesk, Relay
from support.relay_process import free_port

pytestmark = pytest.mark.browser
NEVER_AGAIN = "Copy it now: it will not be shown again."


def open_drawer(desk: Desk) -> None:
    desk.button("Relay settings").click()
    expect(desk.css("dialog.drawer")).to_be_visible()


def key_row(desk: Desk, name: str) -> str:
    return f'.key-row[data-name="{name}"]'


def test_the_drawer_opens_by_the_gear_and_closes_in_three_ways(desk: Desk) -> None:
    """D68, and Escape; the focus goes back to where it was."""
    desk.relay.room("build")
    desk.sign_in()
    drawer = desk.css("dialog")
    expect(drawer).to_have_count(0)
    ways: tuple[Callable[[], None], ...] = (
        lambda: desk.button("Close").click(),
        lambda: desk.page.mouse.click(200, 400),
        lambda: desk.page.keyboard.press("Escape"),
    )
    for close in ways:
        open_drawer(desk)
        close()
        expect(drawer).to_have_count(0)
        expect(desk.button("Relay settings")).to_be_focused()


def test_the_drawer_has_its_sections(desk: Desk) -> None:
    """D69. Signing in has its own place, sessions and notifications are new."""
    desk.relay.agent("claude")
    desk.sign_in()
    open_drawer(desk)
    expect(desk.css(".drawer-section > h3")).to_have_text(
        [
            "Public URL",
            "Mint a key",
            "Access keys · 1",
            "Sessions",
            "Notifications",
            "Danger",
        ]
    )
    expect(desk.css(".drawer-section").first).to_contain_text(desk.relay.url)


def test_a_token_is_traded_or_the_page_says_why_not(desk: Desk) -> None:
    """D70, D74: and it is drawn nowhere."""
    desk.relay.agent("claude").say("x")
    desk.open().button("Paste admin token").click()
    field, told = desk.css("#adToken"), desk.css("#token-told")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "off")
    desk.button("Sign in").click()
    expect(told).to_have_text("Paste the admin token first.")
    field.fill("wrong-token")
    desk.button("Sign in").click()
    expect(told).to_contain_text(
        "Rejected: the relay answered 401. Run argybargy token"
    )
    expect(told).to_have_class(re.compile("problem"))
    expect(desk.css(".agent-row, .room-row")).to_have_count(0)
    expect(desk.css(".brand .connection")).to_have_text("idle")
    field.fill("тoken")
    desk.button("Sign in").click()
    expect(told).to_contain_text("Rejected")
    desk.page.route("**/admin/session", lambda route: route.abort())
    field.fill(desk.relay.token)
    desk.button("Sign in").click()
    expect(told).to_have_text("No answer: the relay cannot be reached.")
    desk.page.unroute("**/admin/session")
    desk.button("Sign in").click()
    expect(desk.css("dialog")).to_have_count(0)
    desk.is_live()
    assert desk.relay.token not in desk.page.content()
    expect(desk.agent_row("claude")).to_be_visible()


def test_a_key_is_minted_and_shown_once(desk: Desk) -> None:
    """D71."""
    desk.relay.room("build")
    desk.relay.room("docs")
    desk.sign_in("?room=build")
    open_drawer(desk)
    form = desk.css("form.mint")
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
    expect(desk.css(".once")).to_contain_text(NEVER_AGAIN)
    code = desk.css(".minted .minted-code").inner_text()
    agent = Agent(desk.relay, "codex", code)
    who = agent.call("GET", "/whoami").json
    assert (who["room"], who["capabilities"]) == ("docs", "rust")
    row = desk.css(key_row(desk, "codex"))
    expect(row).to_contain_text("#docs · until")
    assert code not in row.inner_text()
    desk.button("Another key").click()
    expect(desk.css("form.mint").get_by_label("Name")).to_have_value("")
    assert code not in desk.page.content()


def test_keys_are_revoked_one_by_one_or_all_of_a_name(desk: Desk) -> None:
    """D72, by the id of a key: the original's kills all keys of that name."""
    relay = desk.relay
    one, two = relay.agent("alice", "build"), relay.agent("alice", "docs")
    bob = relay.agent("bob", "build", capabilities="reviews")
    bob.poll()
    desk.sign_in("?room=build")
    open_drawer(desk)
    bobs = desk.css(key_row(desk, "bob"))
    expect(bobs).to_contain_text(
        re.compile(r"#build · never expires · made \S+.* · online")
    )
    expect(bobs).to_contain_text("reviews")
    assert bob.code not in desk.page.content()
    revoke = desk.css(key_row(desk, "alice")).first.get_by_role(
        "button", name="Revoke", exact=True
    )
    revoke.click()
    sure = desk.css(key_row(desk, "alice")).first.get_by_text("Sure?")
    expect(sure).to_be_visible()
    expect(sure).to_have_count(0, timeout=3_500)
    assert one.call("GET", "/whoami").status == 200
    revoke.click()
    sure.click()
    expect(desk.css(key_row(desk, "alice"))).to_have_count(1)
    statuses = [agent.call("GET", "/whoami").status for agent in (one, two)]
    assert sorted(statuses) == [200, 401]
    relay.agent("alice", "build")
    expect(desk.css(key_row(desk, "alice"))).to_have_count(2)
    desk.button("Revoke all 2").first.click()
    desk.button("All keys of alice?").click()
    expect(desk.css(key_row(desk, "alice"))).to_have_count(0)
    assert bob.call("GET", "/whoami").status == 200


def test_a_key_is_rotated(desk: Desk) -> None:
    bob = desk.relay.agent("bob", capabilities="reviews", expires="1d")
    desk.sign_in()
    open_drawer(desk)
    row = desk.css(key_row(desk, "bob"))
    old = row.get_attribute("data-key")
    row.get_by_role("button", name="Rotate").click()
    row.get_by_text("Sure?").click()
    expect(desk.css(".once")).to_contain_text("bob")
    fresh = Agent(desk.relay, "bob", desk.css(".minted .minted-code").inner_text())
    assert fresh.call("GET", "/whoami").json["capabilities"] == "reviews"
    assert bob.call("GET", "/whoami").status == 401
    expect(row).to_have_count(1)
    assert row.get_attribute("data-key") != old


def test_the_admin_token_is_replaced_by_who_knows_it(desk: Desk) -> None:
    """D73, on purpose otherwise: a session alone may not make itself last."""
    desk.relay.room("build")
    desk.sign_in()
    open_drawer(desk)
    old = desk.relay.token
    field = desk.page.get_by_label("Current admin token")
    field.fill("wrong")
    desk.button("Regenerate token").click()
    desk.button("Really? All sessions end").click()
    expect(desk.css(".drawer .problem[role=alert]").last).to_contain_text("admin token")
    field.fill(old)
    desk.button("Regenerate token").click()
    desk.button("Really? All sessions end").click()
    expect(desk.css(".once")).to_contain_text("The new admin token")
    assert desk.relay.token != old
    expect(desk.css(".drawer .minted-code")).to_have_text(desk.relay.token)
    desk.page.keyboard.press("Escape")
    expect(desk.css(".is-locked")).to_contain_text("The admin token was replaced")
    assert desk.relay.token not in desk.page.content()
    desk.button("Relay settings: sign in here").click()
    expect(desk.css("dialog")).to_contain_text("admin.token")


def test_sessions_are_listed_and_ended(new_desk: NewDesk) -> None:
    here, there = new_desk(), new_desk()
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
    assert here.page.evaluate("sessionStorage.argy_session ?? null") is None
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


def test_behind_https_no_script_ever_sees_the_session(
    new_desk: NewDesk, secure_relay: Relay
) -> None:
    desk = new_desk(ignore_https_errors=True)
    desk.relay = secure_relay
    secure_relay.room("build")
    desk.open()
    expect(desk.css(".is-locked")).to_contain_text("Not signed in")
    expect(desk.css(".is-locked")).not_to_contain_text("your session has ended")
    desk.sign_in()
    seen = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert "argy_s1_" not in desk.page.evaluate(seen)
    (cookie,) = desk.page.context.cookies()
    assert cookie["name"] == f"__Host-argybargy-{secure_relay.port}"
    assert cookie["httpOnly"]
    desk.page.reload()
    desk.is_live()
    desk.send("over TLS")
    expect(desk.css(".msg")).to_have_count(1)
    expect(desk.button("New room")).to_be_visible()
    open_drawer(desk)
    desk.button("Sign out").click()
    expect(desk.css(".is-locked")).to_contain_text("You signed out.")
    desk.page.reload()
    expect(desk.css(".is-locked")).to_be_visible()


def test_a_phone_is_signed_in_by_a_code_that_works_once(new_desk: NewDesk) -> None:
    desk, phone = new_desk(), new_desk(viewport={"width": 375, "height": 740})
    desk.relay.room("build")
    desk.sign_in()
    desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_drawer(desk)
    desk.button("Sign in on a phone").click()
    expect(desk.css(".phone svg.qr")).to_be_visible()
    desk.page.get_by_role("button", name="Copy link").click()
    link = desk.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{desk.relay.url}/dashboard#code=argy_o1_")
    phone.page.goto(link)
    expect(phone.css("h1.channel-title")).to_have_text("build")
    other = new_desk()
    other.page.goto(link)
    expect(other.css(".is-locked")).to_contain_text("work once and for ten minutes")


def test_copying_works_on_plain_http_pages_too(desk: Desk) -> None:
    """W13: without the clipboard API, in a dialog, and with a word that it worked."""
    desk.page.add_init_script("delete Navigator.prototype.clipboard")
    desk.relay.room("build")
    desk.sign_in()
    open_drawer(desk)
    desk.page.evaluate(
        "document.addEventListener('copy', () => { window.copied ="
        " document.activeElement.value; })"
    )
    button = desk.css(".drawer-section").first.locator(".copy")
    button.click()
    expect(button).to_have_text("Copied")
    assert desk.page.evaluate("window.copied") == desk.relay.url
    expect(button).to_be_focused()
    desk.page.evaluate("document.execCommand = () => false")
    expect(button).to_have_text("Copy")
    button.click()
    expect(button).to_have_text("Press Ctrl+C")


def test_a_key_that_is_shown_once_stays_until_it_is_closed(desk: Desk) -> None:
    for number in range(12):
        desk.relay.agent(f"agent-{number:02}")
    desk.sign_in()
    open_drawer(desk)
    row = desk.css(key_row(desk, "agent-11"))
    for name in ("Rotate", "Sure?"):
        row.get_by_role("button", name=name, exact=True).click()
    code = desk.css("code.minted-code[tabindex]")
    expect(code).to_be_focused()
    expect(code).to_be_in_viewport()
    box = code.bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + 20, box["y"] + 5)
    desk.page.mouse.down()
    desk.page.mouse.move(200, 400, steps=4)
    desk.page.mouse.up()
    expect(code).to_be_visible()
    row = desk.css(key_row(desk, "agent-03"))
    for name in ("Revoke", "Sure?"):
        row.get_by_role("button", name=name, exact=True).click()
    expect(desk.css("dialog .notice")).to_contain_text("1 key revoked.")
    expect(desk.css("dialog .notice")).to_be_in_viewport()


def test_nobody_waits_for_an_agent_of_a_room_that_is_not_in_view(desk: Desk) -> None:
    desk.relay.room("build")
    desk.relay.room("ops")
    desk.sign_in("?room=build")
    open_drawer(desk)
    desk.css("form.mint input[name=name]").fill("fresh")
    desk.css("form.mint select[name=room]").select_option("ops")
    desk.button("Mint a key").click()
    expect(desk.css("dialog .minted-code[tabindex]")).to_be_visible()
    expect(desk.css(".arrival")).to_have_count(0)
