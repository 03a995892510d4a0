"""The settings drawer: D68 to D74, codes, invites, guests, sessions, audit log."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import expect

from support.axe import check_widths
from support.browser import Agent, Dashboard, NewDashboard, Relay, call
from support.relay_process import free_port

pytestmark = pytest.mark.browser
NEVER_AGAIN = "Copy it now: it will not be shown again."


def relay_command(relay: Relay, verb: str) -> str:
    """Return how a command for the relay's machine begins, as the relay tells it."""
    told = relay.admin("GET", "/admin/state").json["commands"][verb]
    assert f" {verb}" in told
    assert f"--port {relay.port}" in told
    return str(told)


def open_drawer(dashboard: Dashboard, section: str = "Relay") -> None:
    dashboard.button("Relay settings").click()
    expect(dashboard.css("dialog.drawer")).to_be_visible()
    choose(dashboard, section)


def choose(dashboard: Dashboard, section: str) -> None:
    dashboard.page.get_by_role("tab", name=section, exact=True).click()


def code_row(name: str) -> str:
    return f'.code-row-item[data-name="{name}"]'


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


def test_the_drawer_has_sections_that_the_arrow_keys_choose(
    dashboard: Dashboard,
) -> None:
    """D69. Signing in has its own place; the drawer opens where it was left."""
    dashboard.relay.agent("claude")
    dashboard.sign_in()
    open_drawer(dashboard)
    tabs = dashboard.css(".drawer-tabs [role=tab]")
    expect(tabs).to_have_text(
        ["Relay", "Codes", "Invites", "Guests", "Sessions", "Audit", "Danger"]
    )
    expect(dashboard.css(".drawer-section > h3")).to_have_text(
        [
            "Public URL",
            "Sign in on a phone",
            "Notifications while you are away",
            "Notifications of this browser",
        ]
    )
    expect(dashboard.css(".drawer-section").first).to_contain_text(dashboard.relay.url)
    tabs.first.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(dashboard.css(".drawer-section > h3")).to_have_text(["Access codes · 1"])
    dashboard.page.keyboard.press("Escape")
    dashboard.button("Relay settings").click()
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")


def test_a_token_is_exchanged_or_the_page_says_why_not(dashboard: Dashboard) -> None:
    """D70, D74: and it is drawn nowhere."""
    dashboard.relay.agent("claude").say("x")
    dashboard.open().button("Paste a link or token").click()
    field, told = dashboard.css("#adToken"), dashboard.css("#token-told")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "off")
    dashboard.button("Sign in").click()
    expect(told).to_have_text("Paste a sign-in link or the admin token first.")
    field.fill("wrong-token")
    dashboard.button("Sign in").click()
    expect(told).to_have_text(
        "This is not the admin token of this relay. Run argybargy token on its machine."
    )
    expect(told).to_have_class(re.compile("problem"))
    expect(dashboard.css(".agent-row, .room-row")).to_have_count(0)
    expect(dashboard.css(".brand .connection")).to_have_text("idle")
    field.fill("тoken")
    dashboard.button("Sign in").click()
    expect(told).to_contain_text("This is not a sign-in link, a code or a token.")
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


def test_a_code_is_created_and_shown_once(dashboard: Dashboard) -> None:
    """D71."""
    dashboard.relay.room("build")
    dashboard.relay.room("docs")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Codes")
    dashboard.button("New code").click()
    form = dashboard.css("form.access-form")
    assert form.get_by_label("Expires").locator("option").all_inner_texts() == [
        *("never", "10m", "30m", "60m", "1d", "1w", "1mo")
    ]
    create = form.get_by_role("button", name="Create the code")
    create.click()
    expect(form.locator(".problem")).to_have_text("Give the agent a name.")
    form.get_by_label("Name").fill("not a name!")
    create.click()
    expect(form.locator(".problem")).to_contain_text("name: ")
    form.get_by_label("Name").fill("codex")
    form.get_by_label("Room").select_option("docs")
    form.get_by_label("Expires").select_option("1d")
    form.get_by_label("What it is good at").fill("rust")
    create.click()
    expect(dashboard.css(".once")).to_contain_text(NEVER_AGAIN)
    code = dashboard.css(".made .made-secret").inner_text()
    agent = Agent(dashboard.relay, "codex", code)
    who = agent.call("GET", "/whoami").json
    assert (who["room"], who["capabilities"]) == ("docs", "rust")
    row = dashboard.css(code_row("codex"))
    expect(row).to_contain_text("#docs · until")
    assert code not in row.inner_text()
    assert code not in dashboard.css(".made-steps").inner_text()
    dashboard.button("Hide it").click()
    assert code not in dashboard.page.content()


def test_one_code_or_all_codes_of_a_name_are_revoked(dashboard: Dashboard) -> None:
    """D72, by the id of a code: the original's kills all codes of that name."""
    relay = dashboard.relay
    one, two = relay.agent("alice", "build"), relay.agent("alice", "docs")
    bob = relay.agent("bob", "build", capabilities="reviews")
    bob.poll()
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Codes")
    bobs = dashboard.css(code_row("bob"))
    expect(bobs).to_contain_text(
        re.compile(r"#build · never expires · made \S+.* · online")
    )
    expect(bobs).to_contain_text("reviews")
    assert bob.code not in dashboard.page.content()
    revoke = dashboard.css(code_row("alice")).first.get_by_role(
        "button", name="Revoke", exact=True
    )
    revoke.click()
    sure = dashboard.css(code_row("alice")).first.get_by_text("Revoke this code?")
    expect(sure).to_be_visible()
    dashboard.button("Cancel").click()
    expect(sure).to_have_count(0)
    assert one.call("GET", "/whoami").status == 200
    revoke.click()
    sure.click()
    expect(dashboard.css(code_row("alice"))).to_have_count(1)
    statuses = [agent.call("GET", "/whoami").status for agent in (one, two)]
    assert sorted(statuses) == [200, 401]
    relay.agent("alice", "build")
    expect(dashboard.css(code_row("alice"))).to_have_count(2)
    dashboard.button("Revoke all 2").first.click()
    dashboard.button("All codes of alice?").click()
    expect(dashboard.css(code_row("alice"))).to_have_count(0)
    assert bob.call("GET", "/whoami").status == 200


def test_a_code_is_rotated(dashboard: Dashboard) -> None:
    bob = dashboard.relay.agent("bob", capabilities="reviews", expires="1d")
    dashboard.sign_in()
    open_drawer(dashboard, "Codes")
    row = dashboard.css(code_row("bob"))
    old = row.get_attribute("data-key")
    row.get_by_role("button", name="Rotate").click()
    row.get_by_text("Replace this code?").click()
    expect(dashboard.css(".once")).to_contain_text("bob")
    fresh = Agent(
        dashboard.relay, "bob", dashboard.css(".made .made-secret").inner_text()
    )
    assert fresh.call("GET", "/whoami").json["capabilities"] == "reviews"
    assert bob.call("GET", "/whoami").status == 401
    expect(row).to_have_count(1)
    assert row.get_attribute("data-key") != old


def test_replacing_the_admin_token_takes_the_token(dashboard: Dashboard) -> None:
    """D73, on purpose otherwise: a session alone may not make itself last."""
    dashboard.relay.room("build")
    dashboard.sign_in()
    open_drawer(dashboard, "Danger")
    old = dashboard.relay.token
    field = dashboard.page.get_by_label("Current admin token")
    field.fill("wrong")
    dashboard.button("Regenerate token").click()
    dashboard.button("Replace it and sign everybody out").click()
    expect(dashboard.css(".drawer .problem[role=alert]").last).to_contain_text(
        "admin token"
    )
    field.fill(old)
    dashboard.button("Regenerate token").click()
    dashboard.button("Replace it and sign everybody out").click()
    expect(dashboard.css(".once")).to_contain_text("The new admin token")
    assert dashboard.relay.token != old
    expect(dashboard.css(".drawer .made-secret")).to_have_text(dashboard.relay.token)
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
    open_drawer(here, "Sessions")
    rows = here.css(".session-row")
    expect(rows).to_have_count(2)
    mine = rows.filter(has_text="This browser")
    expect(mine).to_have_count(1)
    other = rows.filter(has_not_text="This browser")
    other.get_by_role("button", name="End").click()
    other.get_by_text("Sign that browser out").click()
    expect(rows).to_have_count(1)
    expect(mine.get_by_role("button")).to_have_text(["Sign out"])
    expect(there.css(".is-locked")).to_contain_text("Your session has ended")
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
    expect(dashboard.css(".is-locked")).not_to_contain_text("Your session has ended")
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
    open_drawer(dashboard, "Sessions")
    dashboard.button("Sign out").click()
    expect(dashboard.css(".is-locked")).to_contain_text("You signed out.")
    dashboard.page.reload()
    expect(dashboard.css(".is-locked")).to_be_visible()


def test_a_phone_is_signed_in_by_a_code_that_works_once(
    new_dashboard: NewDashboard, public_relay: Relay
) -> None:
    dashboard, phone = (
        new_dashboard(),
        new_dashboard(viewport={"width": 375, "height": 740}),
    )
    dashboard.relay = public_relay
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_drawer(dashboard, "Sessions")
    dashboard.button("Sign in on a phone").click()
    dashboard.button("Show a code to scan").click()
    expect(dashboard.css(".phone svg.qr")).to_be_visible()
    dashboard.page.get_by_role("button", name="Copy link").click()
    link = dashboard.page.evaluate("navigator.clipboard.readText()")
    public = "https://relay.example.com"
    assert link.startswith(f"{public}/dashboard#code=argy_o1_")
    link = link.replace(public, public_relay.url)
    phone.page.goto(link)
    expect(phone.css("h1.channel-title")).to_have_text("build")
    other = new_dashboard()
    other.page.goto(link)
    told = other.css(".is-locked")
    expect(told).to_contain_text("This sign-in link has been used")
    expect(told.locator("pre")).to_contain_text("argybargy open")
    expect(told).not_to_contain_text("401")


def test_a_link_that_no_phone_can_open_is_said_before_it_is_made(
    dashboard: Dashboard,
) -> None:
    """What to do is said, to be copied, and no sign-in link is made in vain."""
    relay = dashboard.relay
    relay.room("build")
    dashboard.sign_in("?room=build")
    dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_drawer(dashboard)
    expect(dashboard.button("Show a code to scan")).to_have_count(0)
    told = dashboard.css(".no-phone")
    expect(told).to_contain_text(
        f"A phone cannot open a link to 127.0.0.1:{relay.port}"
    )
    expect(told).to_contain_text("--host 0.0.0.0")
    dashboard.button("Copy the command for a tunnel").click()
    copied = dashboard.page.evaluate("navigator.clipboard.readText()")
    # As the relay was started: in a directory that the next terminal is not in.
    assert copied == f"{relay_command(relay, 'up')} --tunnel"
    check_widths(dashboard, "no code for a phone")
    assert relay.admin("GET", "/admin/sessions").json["sign_in_codes"] == 0


@pytest.mark.parametrize(
    ("section", "create"),
    [("Invites", "Create the invite"), ("Guests", "Create the guest link")],
)
def test_a_link_for_this_machine_only_says_so_and_has_no_qr_code(
    dashboard: Dashboard, section: str, create: str
) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, section)
    dashboard.button(create).click()
    told = dashboard.css(".made .no-phone")
    expect(told).to_contain_text("works only on the relay's own machine")
    if section == "Invites":
        expect(told).to_contain_text("This invite works only")
    command = told.get_by_text(f"{relay_command(dashboard.relay, 'up')} --tunnel")
    if section == "Invites":  # an agent is mostly on that machine
        expect(command).to_be_hidden()
        told.locator("summary").click()
    expect(command).to_be_visible()
    if section == "Invites":
        dashboard.page.get_by_text("Other ways").click()
    expect(dashboard.css(".made .made-secret")).to_be_visible()
    expect(dashboard.button("QR code of the link")).to_have_count(0)
    check_widths(dashboard, "a link for this machine only")


def test_a_confirmation_stays_until_it_is_answered(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    guest = {"name": "pat", "speaks": True}
    relay.room("build")
    relay.do("/admin/rooms/build/guests", guest)
    dashboard.page.clock.install()
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Guests")
    row = dashboard.css(code_row("pat"))
    end = row.get_by_role("button", name="End", exact=True)
    sure = row.get_by_role("button", name="End this link?")
    cancel = row.get_by_role("button", name="Cancel")
    end.click()
    dashboard.page.clock.run_for(120_000)
    expect(sure).to_be_visible()
    cancel.click()
    expect(end).to_be_focused()
    end.click()
    dashboard.page.keyboard.press("Escape")
    expect(end).to_be_visible()
    expect(dashboard.page.get_by_role("dialog")).to_be_visible()
    end.click()
    dashboard.page.get_by_role("heading", name="Settings").click()
    expect(end).to_be_visible()
    end.click()
    sure.click()
    expect(row).to_have_count(0)
    expect(dashboard.css(".drawer-section")).to_contain_text("No guest links.")


def test_a_link_to_the_relay_s_machine_leads_a_phone_to_the_page_s_address(
    dashboard: Dashboard,
) -> None:
    """A relay that listens on the network has no public URL unless it is given one."""
    dashboard.open()
    for machine in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765", "127.9.9.9"):
        link = f"http://{machine}/guest#code=x"
        reached = f"m.reachable('{link}', new URL('https://10.0.0.7:8443/dashboard'))"
        assert (
            dashboard.call_module("qr", reached) == "https://10.0.0.7:8443/guest#code=x"
        )
        assert dashboard.call_module("qr", f"m.reachable('{link}')") is None
    public = "https://relay.example.com/guest#code=x"
    assert dashboard.call_module("qr", f"m.reachable('{public}')") == public


def test_a_sign_in_link_or_its_code_can_be_pasted(new_dashboard: NewDashboard) -> None:
    """As in a window on a home screen, which cannot open a link."""
    for part in ("url", "code"):
        dashboard = new_dashboard()
        relay = dashboard.relay
        made = relay.do("/admin/sign-in")
        dashboard.open().button("Paste a link or token").click()
        field, told = dashboard.css("#adToken"), dashboard.css("#token-told")
        expect(dashboard.page.get_by_label("Sign-in link")).to_be_focused()
        field.fill(f"  {made[part]}\n")
        dashboard.button("Sign in").click()
        dashboard.wait_live()
        again = new_dashboard()
        again.open().button("Paste a link or token").click()
        field, told = again.css("#adToken"), again.css("#token-told")
        field.fill(made[part])
        again.button("Sign in").click()
        expect(told).to_contain_text("This sign-in link has been used")
        expect(told).to_contain_text("Run argybargy open on the relay's machine")
        expect(told).not_to_contain_text("401")


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


def test_a_code_that_is_shown_once_stays_until_it_is_closed(
    dashboard: Dashboard,
) -> None:
    for number in range(12):
        dashboard.relay.agent(f"agent-{number:02}")
    dashboard.sign_in()
    open_drawer(dashboard, "Codes")
    row = dashboard.css(code_row("agent-11"))
    for name in ("Rotate", "Replace this code?"):
        row.get_by_role("button", name=name, exact=True).click()
    code = dashboard.css("code.made-secret[tabindex]")
    expect(code).to_be_focused()
    expect(code).to_be_in_viewport()
    box = code.bounding_box()
    assert box is not None
    dashboard.page.mouse.move(box["x"] + 20, box["y"] + 5)
    dashboard.page.mouse.down()
    dashboard.page.mouse.move(200, 400, steps=4)
    dashboard.page.mouse.up()
    expect(code).to_be_visible()
    row = dashboard.css(code_row("agent-03"))
    for name in ("Revoke", "Revoke this code?"):
        row.get_by_role("button", name=name, exact=True).click()
    notice = dashboard.css("dialog .notice")
    expect(notice).to_contain_text("1 code revoked.")
    expect(notice).to_be_in_viewport()
    box = notice.bounding_box()
    assert box is not None
    assert box["y"] > 500  # below the rows that it is about
    drawer = dashboard.css("dialog .dialog-inside").bounding_box()
    whole = dashboard.css("dialog").bounding_box()
    assert drawer is not None
    assert whole is not None
    assert drawer["height"] >= whole["height"] - 2  # the notice takes no room in it


def test_no_arrival_is_shown_for_a_room_that_is_not_in_view(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    dashboard.relay.room("ops")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Invites")
    dashboard.css("form.access-form input[name=name]").fill("fresh")
    dashboard.css("form.access-form select[name=room]").select_option("ops")
    dashboard.button("Create the invite").click()
    expect(dashboard.css("dialog .made pre").first).to_be_visible()
    expect(dashboard.css(".arrival")).to_have_count(0)


def test_hundreds_of_codes_are_filtered_and_say_when_they_were_used(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    for number in range(150):
        relay.agent(f"agent-{number:03}", capabilities="sql" if number == 42 else None)
    relay.agent("scout", "docs").say("x")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Codes")
    rows = dashboard.css(".code-row-item")
    expect(rows).to_have_count(100)
    dashboard.button("Show 51 more of 151").click()
    expect(rows).to_have_count(151)
    expect(dashboard.css(code_row("scout"))).to_contain_text("· online")
    expect(dashboard.css(code_row("agent-007"))).to_contain_text("· invited")
    filter_box = dashboard.page.get_by_label("Filter codes")
    for text, count in (("sql", 1), ("AGENT-01", 10), ("#docs scout", 1), ("zz", 0)):
        filter_box.fill(text)
        expect(rows).to_have_count(count)
        expect(dashboard.css(".drawer-section p[role=status]").first).to_have_text(
            f"{count} of 151 codes"
        )


def test_a_row_is_not_rendered_again_when_another_code_is_revoked(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    for name in ("ann", "bo"):
        relay.agent(name)
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Codes")
    expect(dashboard.css(".code-row-item")).to_have_count(2)
    dashboard.page.wait_for_timeout(500)
    dashboard.page.evaluate(
        """() => {
          window.changed = 0;
          new MutationObserver((records) => (window.changed += records.length))
            .observe(document.querySelector('[data-name="ann"].code-row-item'), {
              subtree: true, childList: true, characterData: true, attributes: true,
            });
        }"""
    )
    relay.do("/admin/revoke", {"target": "bo"})
    expect(dashboard.css(".code-row-item")).to_have_count(1)
    assert dashboard.page.evaluate("window.changed") == 0


def test_an_invite_is_created_listed_used_and_revoked(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.room("build")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Invites")
    form = dashboard.css("form.access-form")
    form.get_by_label("Name").fill("codex")
    form.get_by_label("The invite is valid for").select_option("60")
    form.get_by_role("button", name="Create the invite").click()
    expect(dashboard.css(".once")).to_contain_text("It works once, until")
    prompt = dashboard.css(".made pre").first
    expect(prompt).to_be_focused()
    dashboard.css(".other-ways summary").click()
    link = dashboard.css(".made .made-secret").inner_text()
    assert link.startswith(f"{relay.url}/join#argy_i1_")
    expect(prompt).to_contain_text(link.partition("#")[2])
    row = dashboard.css(".code-row-item")
    expect(row).to_contain_text("#build · open · until")
    invite = link.partition("#")[2]
    joined = call("POST", f"{relay.url}/join", {"invite": invite})
    assert joined.json["name"] == "codex"
    expect(row).to_contain_text("#build · used · used")
    expect(row).to_contain_text(joined.json["key_id"])
    expect(row.get_by_role("button")).to_have_count(0)
    dashboard.button("Another invite").click()
    assert link not in dashboard.page.content()
    dashboard.button("Create the invite").click()
    expect(row).to_have_count(2)
    for name in ("Revoke", "Revoke this invite?"):
        row.first.get_by_role("button", name=name, exact=True).click()
    expect(row.first).to_contain_text("any name")
    expect(row.first).to_have_attribute("data-state", "revoked")


def revoke_guest(dashboard: Dashboard, name: str) -> None:
    row = dashboard.css(code_row(name))
    for each in ("End", "End this link?"):
        row.get_by_role("button", name=each, exact=True).click()
    expect(row).to_have_count(0)


def test_a_guest_is_invited_from_the_menu_of_the_room(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    dashboard.button("Actions for #build").click()
    dashboard.page.get_by_role("menuitem", name="Invite a guest").click()
    dialog = dashboard.page.get_by_role("dialog", name="Invite a guest")
    dialog.get_by_role("button", name="Create the guest link").click()
    expect(dialog.locator(".once")).to_contain_text("to read only, in #build")


def test_a_guest_link_is_created_listed_and_ended(
    dashboard: Dashboard, public_relay: Relay
) -> None:
    dashboard.relay = relay = public_relay
    relay.room("build")
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Guests")
    expect(dashboard.css(".drawer-section")).to_contain_text("No guest links.")
    create = dashboard.button("Create the guest link")
    expect(dashboard.page.get_by_label("Read only")).to_be_checked()
    dashboard.page.get_by_label("Speak as").check()
    create.click()
    expect(dashboard.css(".access-form .problem")).to_have_text(
        "A guest who speaks needs a name."
    )
    dashboard.css(".access-form input[name=name]").fill("pat")
    dashboard.css(".access-form select[name=ttl]").select_option("8h")
    create.click()
    expect(dashboard.css(".once")).to_contain_text("to read and speak in #build")
    link = dashboard.css(".made .made-secret").inner_text()
    code = link.partition("#code=")[2]
    guest = Agent(relay, "pat", code)
    assert guest.call("GET", "/whoami").json["name"] == "pat"
    dashboard.button("QR code of the link").click()
    expect(dashboard.css("svg.qr")).to_be_visible()
    row = dashboard.css(code_row("pat"))
    expect(row).to_contain_text("#build · speaks as pat · until")
    choose(dashboard, "Codes")
    expect(dashboard.css(".code-row-item")).to_have_count(0)
    choose(dashboard, "Guests")
    dashboard.page.get_by_label("Speak as").check()
    dashboard.css(".access-form input[name=name]").fill("quinn")
    create.click()
    made = dashboard.css(".made .made-secret")
    expect(made).to_be_visible()
    revoke_guest(dashboard, "pat")
    expect(dashboard.css("dialog .notice")).to_have_text("The link of pat has ended.")
    expect(made).to_be_visible()
    revoke_guest(dashboard, "quinn")
    expect(made).to_have_count(0)
    expect(create).to_be_visible()
    assert guest.call("GET", "/whoami").status == 401


def test_the_audit_log_is_read_page_by_page(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    for number in range(60):
        relay.room(f"room-{number:02}")
    dashboard.sign_in()
    open_drawer(dashboard, "Audit")
    rows = dashboard.css(".audit-row")
    expect(rows).to_have_count(50)
    expect(rows.filter(has_text="#room-59")).to_contain_text("open by operator")
    expect(rows.filter(has_text="#room-00")).to_have_count(0)
    dashboard.button("Older").click()
    expect(rows.filter(has_text="#room-00")).to_have_count(1)
    expect(dashboard.button("Older")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_section(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    relay = dashboard.relay
    relay.agent("claude", capabilities="reviews")
    relay.do("/admin/invites", {"room": "build", "name": "newcomer"})
    relay.do("/admin/rooms/build/guests", {"name": "pat", "speaks": True})
    dashboard.sign_in()
    open_drawer(dashboard)
    for section in ("Relay", "Codes", "Invites", "Guests", "Sessions", "Audit"):
        choose(dashboard, section)
        expect(dashboard.css(".drawer-section > *").nth(1)).to_be_visible()
        check_widths(dashboard, section)
    choose(dashboard, "Danger")
    check_widths(dashboard, "Danger")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_invitation(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.call_module("widgets", "m.openDialog('invite', { room: 'build' })")
    form = dashboard.css("form.access-form")
    expect(form).to_be_visible()
    check_widths(dashboard, "invitation")
    form.get_by_label("Name").fill("newcomer")
    form.get_by_role("button", name="Create the invite").click()
    expect(dashboard.css(".made")).to_be_visible()
    check_widths(dashboard, "a new invite")
    dashboard.button("Another agent").click()
    dashboard.button("Access code").click()
    form.get_by_label("Name").fill("other")
    form.get_by_role("button", name="Create the code").click()
    expect(dashboard.css(".made-steps")).to_be_visible()
    check_widths(dashboard, "a new code")


def test_each_section_begins_at_its_top(dashboard: Dashboard) -> None:
    for name in ("ann", "bob", "eve", "ida"):
        dashboard.relay.agent(name)
    dashboard.page.set_viewport_size({"width": 900, "height": 360})
    dashboard.sign_in("?room=build")
    open_drawer(dashboard, "Codes")
    expect(dashboard.css(".code-row-item")).to_have_count(4)
    inside = dashboard.css("dialog .dialog-inside")
    inside.evaluate("(node) => node.scrollTo(0, node.scrollHeight)")
    assert inside.evaluate("(node) => node.scrollTop") > 0
    choose(dashboard, "Audit")
    expect(dashboard.css("#section")).to_contain_text("Audit log")
    assert inside.evaluate("(node) => node.scrollTop") == 0


def test_the_tabs_of_the_settings_fade_where_they_go_on(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(viewport={"width": 375, "height": 740})
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    dashboard.button("Menu").click()
    dashboard.button("Relay settings").click()
    tabs = dashboard.css(".drawer-tabs")
    expect(tabs).not_to_have_class(re.compile("is-cut"))
    dashboard.page.get_by_role("tab", name="Sessions").click()
    expect(tabs).to_have_class(re.compile("is-cut"))
    expect(dashboard.css(".drawer-place")).to_contain_text("Sign in on another phone")


def test_the_buttons_that_close_a_room_are_a_finger_high(
    new_dashboard: NewDashboard,
) -> None:
    dashboard = new_dashboard(
        viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True
    )
    dashboard.relay.room("build")
    dashboard.sign_in("?room=build")
    dashboard.button("Actions for #build").tap()
    dashboard.page.get_by_role("menuitem", name="Close room").tap()
    for name in ("Close room", "Cancel"):
        box = dashboard.css("dialog").get_by_role("button", name=name).last
        size = box.bounding_box()
        assert size is not None
        assert size["height"] >= 44
