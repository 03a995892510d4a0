"""PostgreSQL stores in commands: their URL, their errors, and the marks of moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.output import Output

if TYPE_CHECKING:
    from argybargy.settings.settings import Settings
    from argybargy.store.moving.copying import Progress, Tell

# ruff: noqa: PLC0415 - late imports of SQLite and psycopg keep the help fast


def parse_store_url(option: str, text: str) -> str:
    """Return the URL of a PostgreSQL database.

    Args:
        option: Option that has it, for the error.
        text: What was typed.

    Raises:
        CliError: The text is no such URL.
    """
    from argybargy.settings.notify_parsers import parse_store

    try:
        parsed = parse_store(text)
    except ValueError:
        parsed = None
    if parsed is None:
        text = f"{option} must be a URL like postgresql://USER@HOST/DATABASE."
        raise CliError(text, code=Exit.USAGE)
    return parsed.value


def unusable(url: str) -> str:
    """Say that a store cannot be used, without its password."""
    from argybargy.store.postgres.address import masked

    return f"The store {masked(url)} cannot be used"


@contextmanager
def translated_store_errors(
    failure: str, unchanged: str = "Nothing was changed."
) -> Iterator[None]:
    """Translate errors of a store.

    Args:
        failure: What then cannot be done.
        unchanged: Hint after an error that has changed nothing.

    Raises:
        CliError: The store failed, or psycopg is not installed.
    """
    from argybargy.store.errors import StoreError, Unknown
    from argybargy.store.postgres.extra import missing_extra

    try:
        try:
            yield
        except ImportError as error:
            raise missing_extra(error) from error
    except Unknown as error:
        text = f"The outcome is unknown: {error}"
        raise CliError(text, "Run the same command again: it finds out.") from None
    except StoreError as error:
        text = f"{failure}: {error}".rstrip(".")
        raise CliError(f"{text}.", unchanged, Exit.NOTHING) from None


def go_on_here(settings: "Settings") -> None:
    """Remove the mark of the place that a relay has moved from.

    Raises:
        CliError: It cannot be removed.
    """
    if settings.store is not None:
        with translated_store_errors(unusable(settings.store.value)):
            from argybargy.store.moving.postgres_side import open_engine, transaction
            from argybargy.store.postgres.moved import unmark_engine

            with (
                open_engine(settings.store.value) as engine,
                transaction(engine.connection),
            ):
                unmark_engine(engine.connection)
        return
    from argybargy.store.data_directory import hold_lock
    from argybargy.store.errors import StoreError
    from argybargy.store.moving.marks import remove_mark

    try:
        with hold_lock(settings.data):
            remove_mark(settings.data)
    except StoreError as error:
        text = f"The data in {settings.data} cannot be used: {error}"
        raise CliError(text, code=Exit.NOTHING) from None


def progress_on(out: Output) -> "Tell":
    """Return a function that prints the progress of a copy."""

    def tell(progress: "Progress") -> None:
        verb = "compared" if progress.is_comparing else "copied"
        done = f"{progress.done:,}"
        if progress.done < progress.total:
            done = f"{done} of {progress.total:,}"
        out.say(f"  {progress.table}: {done} {verb}")

    return tell
