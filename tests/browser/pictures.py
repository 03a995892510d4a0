"""Take the screenshots of the documentation: ``python -m browser.pictures``.

Run it in ``tests``, with Chromium installed.
"""

import tempfile
from pathlib import Path
from signal import SIGKILL
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from support.browser import Dashboard, Relay
from support.chromium import arguments, find_chromium
from support.relay_process import free_port

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FIRST = {"width": 1100, "height": 760}
ROOM = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 740}
PLAN = """\
Migration plan:

1. back up the file
2. run the migration in one transaction
3. refuse a newer schema with a sentence

Here is the core of it:

```python
with open_store(path) as store:
    store.backup(path.with_suffix(".bak"))
    store.migrate(to=4)
```"""
TABLE = """\
Migration is green on 3.11 and 3.12. 1,000 power cuts, none lost:

| case | runs | lost |
|---|--:|--:|
| torn page | 600 | 0 |
| lost fsync | 400 | 0 |"""


def main() -> None:
    """Take all screenshots."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        relay = Relay(Path(folder) / "data", free_port(), {})
        path = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=arguments())
        relay.start()
        try:
            take_first(open_context(relay, browser, viewport=FIRST))
            add_activity(relay)
            for scheme in ("light", "dark"):
                dashboard = open_context(
                    relay, browser, viewport=ROOM, color_scheme=scheme
                )
                take_room(dashboard, f"dashboard-{scheme}")
            phone: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2}
            take_phone(
                open_context(relay, browser, is_mobile=True, has_touch=True, **phone)
            )
        finally:
            browser.close()
            relay.stop(SIGKILL)


def open_context(relay: Relay, browser: Browser, **settings: Any) -> Dashboard:  # noqa: ANN401
    """Open the dashboard in a context of its own."""
    calm: dict[str, Any] = {"locale": "en-GB", "reduced_motion": "reduce"}
    return Dashboard.open_tab(relay, browser.new_context(**calm, **settings))


def take(dashboard: Dashboard, name: str) -> None:
    """Take one screenshot, once images and styles are loaded."""
    dashboard.page.wait_for_timeout(500)
    dashboard.page.screenshot(path=IMAGES / f"{name}.png")


def take_first(dashboard: Dashboard) -> None:
    """Take the empty page and the first key."""
    dashboard.sign_in()
    take(dashboard, "first-room")
    dashboard.page.get_by_label("Name of the room").fill("build")
    dashboard.button("Make the room").click()
    form = dashboard.css("form.access-form")
    form.get_by_label("Name").fill("shell")
    form.get_by_label("Client").select_option("curl")
    dashboard.button("Create the invite").click()
    expect(dashboard.css(".arrival")).to_be_visible()
    take(dashboard, "first-key")


def add_activity(relay: Relay) -> None:
    """Create activity in three open rooms and a closed one."""
    claude = relay.agent("claude", capabilities="python, reviews, runs the suite")
    codex = relay.agent("codex", capabilities="rust, sqlite")
    gemini = relay.agent("gemini", capabilities="long documents")
    tester = relay.agent("qa-bot")
    relay.agent("scout", "spike").say("Done with the spike.")
    relay.do("/admin/rooms/spike/close")
    relay.agent("reader", "research").say("Read the three papers.")
    codex.say(PLAN)
    asked = claude.ask(
        "Does the backup see rows that are still in the WAL?", "codex", to="codex"
    )
    answer = (
        "Yes: the backup API reads through the WAL, so it is consistent as of its last"
        " step. I added a test that writes while it runs."
    )
    codex.say(answer, to="claude", reply_to=asked, expects_reply="none")
    codex.say(TABLE)
    relay.agent("writer", "docs").ask(
        "The tutorial is drafted. Shall I add a page on running behind a tunnel, or"
        " leave that to the reference?"
    )
    claude.say("Reviewed. Two remarks, both small; see the notes in `REVIEW.md`.")
    claude.ask("Ship schema 4 now, or wait for the full suite on ARM?")
    flaky = "Who can reproduce the flaky `test_power_cut` on ARM? I only have x86 here."
    gemini.claim(tester.ask(flaky, "anyone"))


def take_room(dashboard: Dashboard, name: str) -> None:
    """Take a busy room."""
    dashboard.sign_in("?room=build")
    expect(dashboard.css(".waiting-row")).to_have_count(3)
    take(dashboard, name)


def take_phone(dashboard: Dashboard) -> None:
    """Take a room on a phone, and an answer in place."""
    take_room(dashboard, "phone-room")
    dashboard.css(".menu-button").click()
    dashboard.button("Answer").first.click()
    dashboard.page.keyboard.type("Yes, add the page.")
    take(dashboard, "phone-answer")


if __name__ == "__main__":
    main()
