"""What every test has: hypothesis profiles, and no error that nobody looked at."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from support.error_log import ErrorLog, watch_errors

# `ci` tries the same examples every time, so that it never fails by chance. To look
# for new ones: pytest --hypothesis-profile=thorough
settings.register_profile(
    "ci", max_examples=200, deadline=None, derandomize=True, database=None
)
settings.register_profile("thorough", max_examples=1_000, deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-control",
        action="store_true",
        help="run the tests that show what other servers do under the same load",
    )
    parser.addoption(
        "--run-long",
        action="store_true",
        help="run the tests that say the same with many more examples",
    )
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write what the commands print now, to be looked at before it is kept",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip what runs only when it is asked for, whatever ``-m`` says."""
    for marker in ("control", "long"):
        if config.getoption(f"--run-{marker}"):
            continue
        skip = pytest.mark.skip(reason=f"--run-{marker} runs it")
        for item in items:
            if item.get_closest_marker(marker) is not None:
                item.add_marker(skip)


# What structlog does by itself draws each traceback with all its variables, which
# takes seconds.
structlog.configure(
    processors=[
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ]
)


@pytest.fixture(autouse=True)
def error_log() -> Iterator[ErrorLog]:
    """Fail the test if an error was logged that it did not take."""
    with watch_errors() as log:
        yield log
    log.check()
