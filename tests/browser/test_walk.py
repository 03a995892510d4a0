"""From an empty relay, in the browser alone, with a terminal beside it."""

import os
import re
import shutil
import subprocess

import pytest
import segno
from playwright.sync_api import expect

from support.browser import Desk

pytestmark = pytest.mark.browser
# Texts that fill their symbol: what pads it is a library's own choice.
# What just fits into symbols of versions 1, 10, 17 and 40, with the mark for UTF-8.
QR_BYTES = (16, 270, 643, 2952)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_from_an_empty_relay_to_an_answered_question_and_a_closed_room(
    desk: Desk,
) -> None:
    """Make a room, mint a key, follow the instructions, be asked, answer, close."""
    desk.sign_in()
    expect(desk.css(".welcome")).to_contain_text("A room for your agents")
    name = desk.page.get_by_label("Name of the room")
    name.fill("no spaces here")
    name.press("Enter")
    expect(desk.css("#room-told")).to_contain_text("room: ")
    name.fill("build")
    desk.button("Make the room").click()

    form = desk.css("form.mint")
    expect(form.get_by_label("Room")).to_have_value("build")
    form.get_by_label("Name").fill("shell")
    form.get_by_label("Client").select_option("curl")
    desk.button("Mint a key").click()
    arrival = desk.css(".arrival")
    expect(arrival).to_have_text("Waiting for shell to connect…")
    tabs = desk.page.get_by_role("tab")
    expect(tabs).to_have_text(["Claude Code", "Codex", "Gemini CLI", "curl"])
    expect(tabs.last).to_have_attribute("aria-selected", "true")
    hello, listen, ask = desk.css("#way pre").all_inner_texts()

    followed(f"{hello}\n{ask}")
    expect(arrival).to_have_text("shell is here.")
    desk.button("Done").click()
    expect(desk.agent_row("shell")).to_contain_text("online")
    expect(desk.css(".msg .prose")).to_have_text(["Hi, I am shell.", "Shall I go on?"])
    expect(desk.css(".inbox")).to_contain_text("Waiting for you · 1")
    desk.button("Answer").click()
    desk.page.keyboard.type("Yes, go on.")
    desk.page.keyboard.press("Enter")
    expect(desk.css(".inbox")).to_have_count(0)
    heard = followed(f"{hello.splitlines()[0]}\n{listen}")
    assert '"text":"Yes, go on."' in heard
    assert '"from_kind":"operator"' in heard

    desk.css(".close-room").click()
    desk.button("Confirm close").click()
    expect(desk.css(".head .pill")).to_have_text("closed")
    assert '"should_exit":true' in followed(f"{hello.splitlines()[0]}\n{listen}")


def followed(commands: str) -> str:
    """Return what commands print in a terminal."""
    done = subprocess.run(
        ["bash", "-euc", commands],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": os.environ["PATH"]},  # noqa: TID251  handed on
    )
    return done.stdout


def test_each_client_gets_its_own_instructions(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.button("Add an agent to build").click()
    desk.css("form.mint").get_by_label("Name").fill("codex")
    desk.button("Mint a key").click()
    code = desk.css(".minted .minted-code").inner_text()
    tabs = desk.page.get_by_role("tab")
    for at, command in enumerate(("claude ", "codex ", "gemini ")):
        tabs.nth(at).click()
        text = desk.css("#way pre").first.inner_text()
        assert text.startswith(command)
        assert code in text
        assert desk.relay.url in text
    tabs.nth(2).press("ArrowRight")
    expect(tabs.last).to_be_focused()
    expect(tabs.last).to_have_attribute("aria-selected", "true")
    desk.button("QR code of the instructions").click()
    expect(desk.css("svg.qr")).to_have_attribute(
        "aria-label", re.compile("instructions")
    )


def test_a_room_is_made_beside_others(desk: Desk) -> None:
    desk.relay.room("build")
    desk.sign_in()
    desk.button("New room").click()
    desk.page.get_by_label("Name of the room").fill("#docs")
    desk.button("Make the room").click()
    expect(desk.room_row("docs")).to_have_attribute("aria-current", "true")
    expect(desk.page.get_by_role("dialog", name="Add an agent")).to_be_visible()


def test_qr_codes_are_those_of_a_library_that_knows(desk: Desk) -> None:
    desk.open()
    code = "(text) => import('/dashboard/qr.js').then(({ qrOf }) => qrOf(text))"
    rows = """({ size, get }) => Array.from({ length: size }, (_, y) =>
        Array.from({ length: size }, (_, x) => Number(get(x, y))))"""
    for length in QR_BYTES:
        text = ("https://relay.example/x#" * length)[:length]
        drawn = desk.page.evaluate(
            f"async (text) => ({rows})(await ({code})(text))", text
        )
        masked = (
            segno.make(text, error="l", mode="byte", encoding="utf-8", eci=True,
                       boost_error=False, micro=False, mask=mask)
            for mask in range(8)
        )  # fmt: skip
        assert drawn in [[list(row) for row in code.matrix] for code in masked]
    assert desk.page.evaluate(code, "x" * (QR_BYTES[-1] + 1)) is None
