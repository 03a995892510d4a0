"""One browser for each session; one relay and one dashboard for each test."""

from collections.abc import Iterator
from signal import SIGKILL
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from support.browser import Dashboard, NewDashboard, Relay, RelayPool
from support.chromium import arguments, find_chromium
from support.relay_forks import RelayForks
from support.relay_process import free_port


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    try:
        path = find_chromium(playwright.chromium.executable_path)
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    browser = playwright.chromium.launch(executable_path=path, args=arguments())
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def relay_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPool]:
    with RelayForks.open() as forks:
        found = RelayPool(tmp_path_factory.mktemp("relays"), forks)
        yield found
        found.close()


@pytest.fixture
def relay(relay_pool: RelayPool) -> Iterator[Relay]:
    running = relay_pool.take()
    yield running
    running.stop(SIGKILL)


@pytest.fixture
def public_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay with a public URL, to which its links lead."""
    url = {"ARGYBARGY_PUBLIC_URL": "https://relay.example.com"}
    running = Relay(tmp_path_factory.mktemp("public") / "data", free_port(), url)
    running.start()
    yield running
    running.stop(SIGKILL)


@pytest.fixture
def new_dashboard(relay: Relay, chromium: Browser) -> Iterator[NewDashboard]:
    """Open the dashboard in a new browser context, with storage of its own."""
    contexts: list[BrowserContext] = []
    dashboards: list[Dashboard] = []

    def open_context(**settings: Any) -> Dashboard:  # noqa: ANN401  whatever a context takes
        size = {"width": 1280, "height": 800}
        wanted = {"viewport": size, "locale": "en-GB", "reduced_motion": "reduce"}
        context = chromium.new_context(**(wanted | settings))
        contexts.append(context)
        dashboard = Dashboard.open_tab(relay, context)
        dashboards.append(dashboard)
        return dashboard

    yield open_context
    for dashboard in dashboards:
        dashboard.check()
    for context in contexts:
        context.close()


@pytest.fixture
def dashboard(new_dashboard: NewDashboard) -> Dashboard:
    return new_dashboard()
