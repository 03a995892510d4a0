"""The tutorial, step by step: from an empty relay to an answered question."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import segno
from playwright.sync_api import expect

from support.browser import Agent, Dashboard, Relay, call

pytestmark = pytest.mark.browser
# Lengths that exactly fill symbols of versions 1, 10, 17 and 40 in UTF-8 mode:
# libraries pad a symbol differently where space is left.
QR_BYTES = (16, 270, 643, 2952)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_from_an_empty_relay_to_an_answered_question_and_a_closed_room(
    dashboard: Dashboard, tmp_path: Path
) -> None:
    """Make a room, invite, follow the instructions, be asked, answer, close."""
    dashboard.sign_in()
    expect(dashboard.css(".welcome")).to_contain_text("A room for your agents")
    name = dashboard.page.get_by_label("Name of the room")
    name.fill("no spaces here")
    name.press("Enter")
    expect(dashboard.css("#room-told")).to_contain_text("room: ")
    name.fill("build")
    dashboard.button("Make the room").click()

    form = dashboard.css("form.access-form")
    expect(form.get_by_label("Room")).to_have_value("build")
    form.get_by_label("Name").fill("shell")
    form.get_by_label("Program that the agent runs in").select_option("curl")
    dashboard.button("Create the invite").click()
    arrival = dashboard.css(".arrival")
    expect(arrival).to_have_text("Waiting for shell to connect…")
    # Nothing in a shell reads a prompt: the commands come first.
    expect(dashboard.css(".made > .made-steps h3")).to_have_text(
        ["Join, once", "Say hello", "Ask", "Wait for messages"]
    )
    join, hello, ask, wait = dashboard.css(".made > .made-steps pre").all_inner_texts()
    dashboard.page.get_by_text("Other ways").click()
    tabs = dashboard.page.get_by_role("tab")
    expect(tabs).to_have_text(["Claude Code", "Codex", "Gemini CLI", "curl"])
    expect(dashboard.css(".other-ways h3").first).to_have_text("For the agent's prompt")

    run_in_shell(join, tmp_path)
    expect(arrival).to_have_text("shell has its code; waiting for its first request…")
    run_in_shell(f"{hello}\n{ask}", tmp_path)
    assert (tmp_path / "shell.header").stat().st_mode & 0o777 == 0o600
    expect(arrival).to_have_text("shell is here.")
    dashboard.button("Done").click()
    expect(dashboard.agent_row("shell")).to_contain_text("online")
    expect(dashboard.css(".msg .prose")).to_have_text(
        ["Hi, I am shell.", "Shall I go on?"]
    )
    expect(dashboard.css(".inbox")).to_contain_text("Asks you 1")
    dashboard.button("Answer").click()
    dashboard.page.keyboard.type("Yes, go on.")
    dashboard.page.keyboard.press("Enter")
    expect(dashboard.css(".outgoing .undo")).to_be_visible()
    dashboard.css("h1.channel-title").hover()
    expect(dashboard.css(".waiting-row")).to_have_count(0, timeout=15_000)
    assert "operator>you re 2: Yes, go on." in run_in_shell(wait, tmp_path)

    dashboard.css(".close-room").click()
    dashboard.css("dialog").get_by_role("button", name="Close room").click()
    expect(dashboard.css(".head .pill")).to_have_text("closed")
    assert "leave: room closed" in run_in_shell(wait, tmp_path)


def run_in_shell(commands: str, folder: Path) -> str:
    """Run commands in bash, in a folder, and return their output."""
    done = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": os.environ["PATH"]},  # noqa: TID251  handed on
    )
    return done.stdout


def test_each_client_gets_its_own_instructions(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.invite("agent")
    dashboard.css("form.access-form").get_by_label("Name").fill("codex")
    dashboard.button("Create the invite").click()
    dashboard.css(".other-ways summary").click()
    link = dashboard.css(".made .made-secret").inner_text()
    invite = link.partition("#")[2]
    tabs = dashboard.page.get_by_role("tab")
    for at, command in enumerate(("claude ", "codex ", "gemini ")):
        tabs.nth(at).click()
        text = dashboard.css("#way pre").first.inner_text()
        assert text.startswith(command)
        assert invite in text
        assert dashboard.relay.url in text
        assert "argy_a1_" not in dashboard.css("#way").inner_text()
    tabs.nth(2).press("ArrowRight")
    expect(tabs.last).to_be_focused()
    expect(tabs.last).to_have_attribute("aria-selected", "true")


def test_an_agent_that_only_polls_is_here_under_the_name_that_it_chose(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.room("build")
    dashboard.sign_in()
    dashboard.invite("agent")
    dashboard.button("Create the invite").click()
    arrival = dashboard.css(".arrival")
    expect(arrival).to_have_text("Waiting for the agent to connect…")
    dashboard.css(".other-ways summary").click()
    link = dashboard.css(".made .made-secret").inner_text()
    joined = call("POST", f"{relay.url}/join", {"invite": link, "name": "ana"})
    assert joined.status == 200
    expect(arrival).to_have_text("ana has its code; waiting for its first request…")
    Agent(relay, "ana", joined.json["code"]).poll()
    expect(arrival).to_have_text("ana is here.")


def test_an_invite_for_a_name_that_is_here_waits_until_it_is_used(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.agent("ana").poll()
    dashboard.sign_in()
    dashboard.invite("agent")
    dashboard.css("form.access-form").get_by_label("Name").fill("ana")
    dashboard.button("Create the invite").click()
    arrival = dashboard.css(".arrival")
    expect(dashboard.agent_row("ana")).to_contain_text("online")
    expect(arrival).to_have_text("Waiting for ana to connect…")
    dashboard.css(".other-ways summary").click()
    link = dashboard.css(".made .made-secret").inner_text()
    assert call("POST", f"{relay.url}/join", {"invite": link}).status == 200
    expect(arrival).to_have_text("ana is here.")


def test_commands_for_the_relay_s_machine_begin_as_the_relay_was_started(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    relay.room("build")
    dashboard.sign_in()
    dashboard.invite("agent")
    dashboard.button("Create the invite").click()
    dashboard.css(".other-ways summary").click()
    connect = relay.admin("GET", "/admin/state").json["commands"]["connect"]
    assert connect != "argybargy connect"
    texts = dashboard.css("#way pre").all_inner_texts()
    assert texts[1].startswith("argybargy join ")  # on whatever machine
    assert texts[2].startswith(f"{connect} claude --room build")
    expect(dashboard.css("#way .hint")).to_contain_text("uv tool install .")


def test_the_link_of_an_invite_is_drawn_for_a_phone(
    dashboard: Dashboard, public_relay: Relay
) -> None:
    dashboard.relay = public_relay
    public_relay.room("build")
    dashboard.sign_in()
    dashboard.invite("agent")
    dashboard.button("Create the invite").click()
    dashboard.page.get_by_text("Other ways").click()
    dashboard.button("QR code of the link").click()
    expect(dashboard.css("svg.qr")).to_have_attribute("aria-label", re.compile("link"))


def test_another_room_is_created(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    dashboard.sign_in()
    dashboard.button("New room").click()
    dashboard.page.get_by_label("Name of the room").fill("#docs")
    dashboard.button("Make the room").click()
    expect(dashboard.room_row("docs")).to_have_attribute("aria-current", "true")
    expect(dashboard.page.get_by_role("dialog", name="Invite an agent")).to_be_visible()


def test_qr_codes_equal_those_of_another_library(dashboard: Dashboard) -> None:
    dashboard.open()
    code = "(text) => import('/dashboard/qr.js').then(({ qrOf }) => qrOf(text))"
    rows = """({ size, get }) => Array.from({ length: size }, (_, y) =>
        Array.from({ length: size }, (_, x) => Number(get(x, y))))"""
    for length in QR_BYTES:
        text = ("https://relay.example/x#" * length)[:length]
        drawn = dashboard.page.evaluate(
            f"async (text) => ({rows})(await ({code})(text))", text
        )
        masked = (
            segno.make(text, error="l", mode="byte", encoding="utf-8", eci=True,
                       boost_error=False, micro=False, mask=mask)
            for mask in range(8)
        )  # fmt: skip
        assert drawn in [[list(row) for row in code.matrix] for code in masked]
    assert dashboard.page.evaluate(code, "x" * (QR_BYTES[-1] + 1)) is None
