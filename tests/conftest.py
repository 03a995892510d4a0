"""Configure pytest: hypothesis profiles, extra options, and the check of error logs."""

import os
import signal
import tempfile
from collections.abc import Iterator
from typing import Final

import pytest
import structlog
from hypothesis import settings

from support.error_log import ErrorLog, watch_errors

# `ci` generates the same examples in every run, so that it never fails at random;
# `quick` generates less than half of them. To search for new ones: pytest
# --hypothesis-profile=thorough
settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, database=None
)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=25)
settings.register_profile("thorough", max_examples=1_000, deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-control",
        action="store_true",
        help="run the control tests: the same load on broken or other servers",
    )
    parser.addoption(
        "--run-long",
        action="store_true",
        help="run the long tests: many more examples of the same properties",
    )
    parser.addoption(
        "--rounds",
        type=int,
        default=3,
        help="kills of the cluster's processes under load (default: 3)",
    )
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write reference pages and recorded output; read the diff, then commit",
    )


_STATE: Final = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests apart from the user's own relays and seats.

    And let the processes that tests start have the signals of an ordinary terminal: a
    child process inherits that signals are ignored, as they are after ``nohup`` or in
    the background of a script; a function that handles them it does not inherit.
    """
    config.stash[_STATE] = state = tempfile.TemporaryDirectory(
        prefix="argybargy-state-"
    )
    os.environ["XDG_STATE_HOME"] = state.name  # noqa: TID251 - children inherit it
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what tests have kept for seats and relays."""
    config.stash[_STATE].cleanup()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip control and long tests unless their option is given, also with ``-m``.

    Raises:
        pytest.UsageError: A file does not name the mark of its tests.
    """
    # The sessions browser, cluster and e2e find their files by the text of the mark.
    for marker in ("browser", "cluster", "e2e"):
        marked = {item.path for item in items if item.get_closest_marker(marker)}
        for path in sorted(marked):
            if f"pytest.mark.{marker}" not in path.read_text():
                raise pytest.UsageError(f"{path}: write pytest.mark.{marker} in it")
    for marker in ("control", "long"):
        if config.getoption(f"--run-{marker}"):
            continue
        skip = pytest.mark.skip(reason=f"--run-{marker} runs it")
        for item in items:
            if item.get_closest_marker(marker) is not None:
                item.add_marker(skip)


# structlog's default renderer prints each traceback with all local variables, which
# takes seconds.
structlog.configure(
    processors=[
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)


@pytest.fixture(autouse=True)
def error_log() -> Iterator[ErrorLog]:
    """Fail the test if it logged an error and did not take it from the log."""
    with watch_errors() as log:
        yield log
    log.check()
