"""One browser for the session; for each test a relay and a page of its own."""

from collections.abc import Iterator
from signal import SIGKILL
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from support.browser import Desk, NewDesk, Relay, Stable
from support.chromium import arguments, find_chromium


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
def stable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stable]:
    found = Stable(tmp_path_factory.mktemp("relays"))
    yield found
    found.close()


@pytest.fixture
def relay(stable: Stable) -> Iterator[Relay]:
    running = stable.take()
    yield running
    running.stop(SIGKILL)


@pytest.fixture
def new_desk(relay: Relay, chromium: Browser) -> Iterator[NewDesk]:
    """Sit down at another browser, which knows nothing of the others."""
    contexts: list[BrowserContext] = []
    desks: list[Desk] = []

    def sit_down(**settings: Any) -> Desk:  # noqa: ANN401  whatever a context takes
        size = {"width": 1280, "height": 800}
        wanted = {"viewport": size, "locale": "en-GB", "reduced_motion": "reduce"}
        context = chromium.new_context(**(wanted | settings))
        contexts.append(context)
        desk = Desk.sit_down(relay, context)
        desks.append(desk)
        return desk

    yield sit_down
    for desk in desks:
        desk.check()
    for context in contexts:
        context.close()


@pytest.fixture
def desk(new_desk: NewDesk) -> Desk:
    return new_desk()
