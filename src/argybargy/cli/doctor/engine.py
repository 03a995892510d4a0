"""Check the PostgreSQL that several relays share: address, settings, schema and clock.

It is only read; the check of notifications sends one on a channel of its own.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.store.errors import Incompatible, StoreError
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.store.postgres.connection import Connection

ENGINE: Final = "engine"
SCHEMA: Final = "schema"
CLOCK: Final = "engine clock"

FAR_SECONDS: Final = 2.0
"""Difference between the two clocks from which on it is a warning."""
_AGAIN: Final = "Remove the cause, then: argybargy doctor"


@frozen
class EngineFacts:
    """Facts about a PostgreSQL.

    Attributes:
        address: Its URL without the password.
        missing: Why its client cannot be imported; empty if it can.
        unreachable: Why it cannot be reached; empty if it can.
        unfit: What is wrong with its version, its settings or the way to it.
        version: Its version.
        schema: The schema version; 0 without a schema.
        newest: The newest schema version of this program.
        clock_seconds: How far its clock is ahead of this machine's.
    """

    address: str
    missing: str = ""
    unreachable: str = ""
    unfit: tuple[str, ...] = ()
    version: str = ""
    schema: int = 0
    newest: int = 0
    clock_seconds: float = 0.0


def look_at_engine(url: str, *, needs_fsync: bool = True) -> EngineFacts:
    """Collect facts about a PostgreSQL.

    Args:
        url: Its URL.
        needs_fsync: Whether it must survive a loss of power. Only tests do without.
    """
    # Imported here: it is an extra.
    from argybargy.store.postgres.address import masked  # noqa: PLC0415

    facts = EngineFacts(masked(url))
    try:
        import psycopg  # noqa: PLC0415

        from argybargy.store.postgres.connection import connect  # noqa: PLC0415
        from argybargy.store.postgres.errors import first_line  # noqa: PLC0415
    except ImportError as error:
        return attrs.evolve(facts, missing=str(error))
    try:
        with connect(url) as connection:
            return _read(facts, connection, url, needs_fsync=needs_fsync)
    except psycopg.Error as error:
        return attrs.evolve(facts, unreachable=first_line(error))


def _read(
    facts: EngineFacts, connection: "Connection", url: str, *, needs_fsync: bool
) -> EngineFacts:
    from argybargy.store.postgres.checks import (  # noqa: PLC0415
        check_notifications,
        check_server,
        measure_clock,
    )
    from argybargy.store.postgres.schema import (  # noqa: PLC0415
        load_migrations,
        read_version,
    )

    unfit, version, schema = list[str](), "", 0
    try:
        version = check_server(connection, needs_fsync=needs_fsync)
    except Incompatible as error:
        unfit.append(str(error))
    try:
        check_notifications(connection, url)
    except Incompatible as error:
        unfit.append(str(error))
    try:
        schema = read_version(connection)
    except StoreError as error:
        unfit.append(str(error))
    return attrs.evolve(
        facts,
        unfit=tuple(unfit),
        version=version,
        schema=schema,
        newest=load_migrations()[-1].number,
        clock_seconds=measure_clock(connection),
    )


def judge_engine(facts: EngineFacts) -> Iterator[Finding]:
    """Judge a PostgreSQL."""
    if facts.missing:
        text = f"The client of PostgreSQL cannot be imported: {facts.missing}."
        yield problem(ENGINE, text, "pip install 'argybargy[postgres]'")
        return
    if facts.unreachable:
        text = f"{facts.address} cannot be reached: {facts.unreachable}"
        fix = "Start it, or correct the address, then: argybargy doctor"
        yield problem(ENGINE, text, fix)
        return
    for text in facts.unfit:
        yield problem(ENGINE, text, _AGAIN)
    if not facts.unfit:
        yield fine(ENGINE, f"{facts.address} is PostgreSQL {facts.version}, and fit.")
    yield _judge_schema(facts)
    yield _judge_clock(facts)


def _judge_schema(facts: EngineFacts) -> Finding:
    schema, newest = facts.schema, facts.newest
    if schema > newest:
        text = (
            f"The database has schema {schema}, and this version of Argybargy knows "
            f"schemas up to {newest}: a newer version made it and is needed."
        )
        return problem(SCHEMA, text, "pip install --upgrade argybargy")
    if not schema:
        return fine(SCHEMA, "There are no tables yet; the first relay makes them.")
    if schema < newest:
        text = f"Schema {schema}; the next start migrates it to {newest}."
        return fine(SCHEMA, text)
    return fine(SCHEMA, f"Schema {schema}, the newest.")


def _judge_clock(facts: EngineFacts) -> Finding:
    seconds = facts.clock_seconds
    if abs(seconds) <= FAR_SECONDS:
        return fine(CLOCK, "Its clock and that of this machine agree.")
    which = "behind" if seconds > 0 else "ahead of"
    text = f"This machine's clock is {abs(seconds):.1f} s {which} that of PostgreSQL."
    return warning(CLOCK, text, "Set the clocks of both machines by NTP.")
