"""Notifications by the service worker, and the page on a home screen.

Chromium's headless shell has no notifications. The worker, its scope and the policy
of the page are real here; what the browser would show is kept in a list.
"""

import contextlib
import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Worker, expect

from support.browser import Dashboard, NewDashboard, wait_until

pytestmark = pytest.mark.browser
KEEPS_NOTIFICATIONS = """
window.asked = 0;
window.answers = "granted";
window.Notification = class {
  static permission = localStorage.testPermission ?? "default";
  static async requestPermission() {
    window.asked += 1;
    localStorage.testPermission = window.answers;
    return (this.permission = window.answers);
  }
};
const kept = () => JSON.parse(localStorage.testShown ?? "[]");
const keep = (all) => (localStorage.testShown = JSON.stringify(all));
ServiceWorkerRegistration.prototype.showNotification = async (title, more) => {
  keep([...kept().filter(({ tag }) => tag !== more.tag), { title, ...more }]);
};
ServiceWorkerRegistration.prototype.getNotifications = async () =>
  kept().map((each) => ({
    ...each,
    close: () => keep(kept().filter(({ tag }) => tag !== each.tag)),
  }));
"""
START = "Notify me in this browser"
STOP = "Stop notifying me"
ONE_LATE = "(1) #build · Argybargy"


def shown(dashboard: Dashboard) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        dashboard.page.evaluate("localStorage.testShown ?? '[]'")
    )
    return found


def titles(dashboard: Dashboard) -> list[object]:
    return [each["title"] for each in shown(dashboard)]


def state(dashboard: Dashboard) -> Locator:
    return dashboard.css(".notify")


def open_settings(dashboard: Dashboard) -> None:
    dashboard.button("Relay settings").click()


def sign_in(dashboard: Dashboard, script: str = KEEPS_NOTIFICATIONS) -> None:
    dashboard.page.add_init_script(script)
    dashboard.sign_in("?room=build")


def become_late(dashboard: Dashboard, is_so: Callable[[], bool]) -> None:
    """Let five minutes pass, until a condition holds.

    A frame that the relay sends meanwhile sets the page's clock right: then again.
    """
    for _ in range(4):
        dashboard.advance_clock(301)
        with contextlib.suppress(AssertionError):
            return wait_until(is_so, 2.5)
    dashboard.advance_clock(301)
    return wait_until(is_so)


def turn_on(dashboard: Dashboard) -> None:
    open_settings(dashboard)
    dashboard.button(START).click()
    expect(dashboard.button(STOP)).to_be_visible()
    dashboard.page.keyboard.press("Escape")


def click(worker: Worker, data: dict[str, object]) -> None:
    """Click a notification, as far as the worker can tell."""
    worker.evaluate(
        """(data) => {
          const event = new Event("notificationclick");
          event.notification = { data, close() { self.closed = true; } };
          event.waitUntil = (work) => { self.work = work; };
          self.dispatchEvent(event);
        }""",
        data,
    )


def test_permission_is_asked_by_a_click_alone(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    sign_in(dashboard)
    become_late(dashboard, lambda: dashboard.page.title() == ONE_LATE)
    open_settings(dashboard)
    expect(state(dashboard)).to_have_attribute("data-state", "off")
    expect(state(dashboard)).to_contain_text("has waited five minutes")
    assert dashboard.page.evaluate("window.asked") == 0
    scopes = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
    assert dashboard.page.evaluate(scopes) == 0
    dashboard.button(START).click()
    expect(state(dashboard)).to_have_attribute("data-state", "on")
    assert dashboard.page.evaluate("window.asked") == 1
    assert dashboard.page.evaluate(scopes) == 1
    dashboard.button(STOP).click()
    expect(state(dashboard)).to_have_attribute("data-state", "off")
    wait_until(lambda: bool(dashboard.page.evaluate(scopes) == 0))


def test_a_worker_of_the_relay_controls_the_page(dashboard: Dashboard) -> None:
    dashboard.relay.room("build")
    sign_in(dashboard)
    turn_on(dashboard)
    scope = dashboard.page.evaluate(
        "navigator.serviceWorker.ready.then((found) => found.scope)"
    )
    assert scope == f"{dashboard.relay.url}/dashboard"
    (worker,) = dashboard.page.context.service_workers
    assert worker.url == f"{dashboard.relay.url}/dashboard/worker.js"
    assert worker.evaluate("caches.keys()") == []


def test_an_overdue_question_notifies_once_and_is_closed_when_answered(
    dashboard: Dashboard,
) -> None:
    relay = dashboard.relay
    claude = relay.agent("claude")
    asked = claude.ask("Ship it?")
    sign_in(dashboard)
    turn_on(dashboard)
    assert shown(dashboard) == []
    become_late(dashboard, lambda: bool(shown(dashboard)))
    (found,) = shown(dashboard)
    assert (found["title"], found["body"]) == ("claude asks you in #build", "Ship it?")
    assert found["data"] == {"room": "build", "seq": asked}
    # Dismissed: neither this tab, nor a reload, nor another tab shows it again.
    dashboard.page.evaluate("localStorage.testShown = '[]'")
    dashboard.page.reload()
    dashboard.wait_live()
    become_late(dashboard, lambda: dashboard.page.title() == ONE_LATE)
    late = claude.ask("And this?")
    become_late(dashboard, lambda: titles(dashboard) == ["claude asks you in #build"])
    relay.say("Yes.", reply_to=late)
    wait_until(lambda: shown(dashboard) == [])


def test_a_question_of_another_database_with_the_same_number_notifies_too(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    told = "['build 1', 'build 1 2026-01-01T00:00:00.000Z']"
    sign_in(
        dashboard,
        f"{KEEPS_NOTIFICATIONS}; localStorage.argy_told ??= JSON.stringify({told});",
    )
    turn_on(dashboard)
    become_late(dashboard, lambda: titles(dashboard) == ["claude asks you in #build"])


def test_a_question_between_agents_notifies_nobody(dashboard: Dashboard) -> None:
    dashboard.relay.agent("codex").ask("May I?")
    dashboard.relay.agent("claude").ask("Is it done?", "codex")
    sign_in(dashboard)
    turn_on(dashboard)
    become_late(dashboard, lambda: titles(dashboard) == ["codex asks you in #build"])


def test_signing_out_takes_the_notifications_away(dashboard: Dashboard) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    sign_in(dashboard)
    turn_on(dashboard)
    become_late(dashboard, lambda: bool(shown(dashboard)))
    open_settings(dashboard)
    dashboard.page.get_by_role("tab", name="Sessions").click()
    dashboard.button("Sign out").click()
    wait_until(lambda: shown(dashboard) == [])


def test_a_click_shows_the_question_in_the_open_tab(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    relay.agent("writer", "docs").say("before")
    asked = relay.agent("claude", "docs").ask("Ship it?")
    relay.room("build")
    sign_in(dashboard)
    turn_on(dashboard)
    open_settings(dashboard)
    (worker,) = dashboard.page.context.service_workers
    click(worker, {"room": "docs", "seq": asked})
    expect(dashboard.css("h1.channel-title")).to_have_text("docs")
    expect(dashboard.message(asked)).to_be_visible()
    expect(dashboard.css("dialog")).to_have_count(0)
    assert worker.evaluate("self.closed") is True


def test_a_click_without_an_open_tab_opens_the_question(dashboard: Dashboard) -> None:
    relay = dashboard.relay
    asked = relay.agent("claude").ask("Ship it?")
    sign_in(dashboard)
    turn_on(dashboard)
    (worker,) = dashboard.page.context.service_workers
    # A browser opens windows for real clicks alone.
    worker.evaluate(
        "Object.defineProperty(self, 'clients', { value: {"
        " matchAll: async () => [{ url: self.location.origin + '/guest' }],"
        " openWindow: async (url) => { self.opened = url; } } })"
    )
    click(worker, {"room": "build", "seq": asked})
    worker.evaluate("self.work")
    opened = worker.evaluate("self.opened")
    assert opened == f"{relay.url}/dashboard?room=build&seq={asked}"
    dashboard.page.goto(opened)
    expect(dashboard.message(asked)).to_be_visible()


def test_a_refusal_and_a_question_without_answer_are_told_apart(
    dashboard: Dashboard,
) -> None:
    dashboard.relay.room("build")
    sign_in(dashboard)
    open_settings(dashboard)
    dashboard.page.evaluate("window.answers = 'default'")
    dashboard.button(START).click()
    expect(state(dashboard)).to_contain_text("question was not answered")
    dashboard.page.evaluate("window.answers = 'denied'")
    dashboard.button(START).click()
    expect(state(dashboard)).to_have_attribute("data-state", "blocked")
    expect(state(dashboard)).to_contain_text("Blocked by the browser")
    expect(dashboard.button(START)).to_have_count(0)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("delete window.Notification", "no notifications or no service workers"),
        (
            "delete Navigator.prototype.serviceWorker",
            "no notifications or no service workers",
        ),
        (
            "Object.defineProperty(window, 'isSecureContext', { value: false })",
            "on https and on localhost only",
        ),
        (
            "delete window.Notification; Object.defineProperty(navigator, 'userAgent',"
            " { value: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)' })",
            "add this page to the home screen",
        ),
    ],
)
def test_a_browser_that_cannot_notify_says_why(
    dashboard: Dashboard, script: str, reason: str
) -> None:
    dashboard.relay.agent("claude").ask("Ship it?")
    sign_in(dashboard, script)
    open_settings(dashboard)
    expect(state(dashboard)).to_contain_text(reason)
    expect(dashboard.button(START)).to_have_count(0)
    become_late(dashboard, lambda: dashboard.page.title() == ONE_LATE)


def test_a_worker_that_does_not_start_is_reported(new_dashboard: NewDashboard) -> None:
    dashboard = new_dashboard()
    dashboard.relay.room("build")
    sign_in(
        dashboard,
        f"{KEEPS_NOTIFICATIONS}; ServiceWorkerContainer.prototype.register ="
        " async () => { throw new TypeError('storage is full'); };",
    )
    open_settings(dashboard)
    dashboard.button(START).click()
    expect(state(dashboard)).to_contain_text("The browser refused: storage is full")
    expect(state(dashboard)).to_have_attribute("data-state", "off")


# -- home screen -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame_of_the_browser_has_the_colour_of_the_page(
    new_dashboard: NewDashboard, scheme: str
) -> None:
    dashboard = new_dashboard(color_scheme=scheme)
    dashboard.relay.room("build")
    dashboard.sign_in()
    for theme in ("System", "Light", "Dark"):
        dashboard.button(f"{theme} theme").click()
        frame, page = dashboard.page.evaluate(
            """() => {
              const metas = [...document.querySelectorAll("meta[name=theme-color]")];
              const used = metas.filter((meta) => matchMedia(meta.media).matches);
              const probe = document.createElement("i");
              probe.style.color = used.map((meta) => meta.content).join();
              document.body.append(probe);
              const found = getComputedStyle(probe).color;
              probe.remove();
              return [found, getComputedStyle(document.body).backgroundColor];
            }"""
        )
        assert frame == page, theme


@pytest.mark.parametrize("path", ["/dashboard", "/guest", "/docs"])
def test_no_page_asks_for_a_file_that_is_missing(
    dashboard: Dashboard, path: str
) -> None:
    refused: list[str] = []
    dashboard.page.on(
        "response",
        lambda answer: refused.append(answer.url) if answer.status >= 400 else None,
    )
    dashboard.page.goto(dashboard.relay.url + path)
    dashboard.page.wait_for_load_state("networkidle")
    names = "all => all.map((each) => each.href)"
    links = dashboard.css("link[href]").evaluate_all(names)
    for address in (*links, f"{dashboard.relay.url}/favicon.ico"):
        status = dashboard.page.evaluate(
            "(url) => fetch(url, { credentials: 'omit' }).then((got) => got.status)",
            address,
        )
        assert status == 200, address
    assert refused == []
