"""Take the screenshots of the documentation: ``python -m browser.pictures``.

Run it in ``tests``, with Chromium installed.
"""

import tempfile
from pathlib import Path
from signal import SIGKILL
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from browser.scene import SETTINGS, add_scene
from support.browser import Dashboard, Relay
from support.chromium import arguments, find_chromium
from support.relay_process import free_port

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FIRST = {"width": 1100, "height": 760}
ROOM = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 740}


def main() -> None:
    """Take all screenshots."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        relay = Relay(Path(folder) / "data", free_port(), dict(SETTINGS))
        path = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=arguments())
        relay.start()
        try:
            take_first(open_context(relay, browser, viewport=FIRST))
            add_scene(relay)
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
    form.get_by_label("Program that the agent runs in").select_option("curl")
    dashboard.button("Create the invite").click()
    expect(dashboard.css(".arrival")).to_be_visible()
    take(dashboard, "first-key")


def take_room(dashboard: Dashboard, name: str) -> None:
    """Take a busy room."""
    dashboard.sign_in("?room=checkout-refactor")
    expect(dashboard.css(".msg").last).to_be_in_viewport()
    take(dashboard, name)


def take_phone(dashboard: Dashboard) -> None:
    """Take a room on a phone, and an answer in place."""
    take_room(dashboard, "phone-room")
    dashboard.css(".menu-button").click()
    dashboard.css(".place-row").first.click()
    dashboard.button("Answer").first.click()
    dashboard.page.keyboard.type("Yes, roll back now.")
    take(dashboard, "phone-answer")


if __name__ == "__main__":
    main()
