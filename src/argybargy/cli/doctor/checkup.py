"""Run all checks in order."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import trio

from argybargy.cli.client.http import trust_only
from argybargy.cli.doctor.data_directory import judge_directory, look_at_directory
from argybargy.cli.doctor.database import judge_database, look_at_database
from argybargy.cli.doctor.engine import ENGINE, judge_engine, look_at_engine
from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.cli.doctor.machine import (
    CLOCK,
    judge_clock,
    judge_descriptors,
    judge_tunnel,
    look_at_clock,
    look_at_descriptors,
    look_for_tunnel,
)
from argybargy.cli.doctor.notifications import (
    NOTIFY,
    check_running,
    check_services,
)
from argybargy.cli.doctor.port import PortFacts, judge_port, look_at_port
from argybargy.cli.doctor.reachability import READY, check_here, check_outside
from argybargy.relay.clock import system_clock
from argybargy.serve.local_relay import as_served, local_url
from argybargy.serve.running_relays import find_running_relays
from argybargy.settings.settings import Settings, SettingsError
from argybargy.system.values import define

SETTINGS: Final = "settings"

ReadSettings = Callable[[], Settings]
Check = Callable[[], Iterable[Finding]]


def run(read_settings: ReadSettings, *, is_thorough: bool) -> list[Finding]:
    """Run all checks; see `examine`."""
    return trio.run(partial(examine, read_settings, is_thorough=is_thorough))


async def examine(read_settings: ReadSettings, *, is_thorough: bool) -> list[Finding]:
    """Run all checks, and return their findings in order.

    Nothing is changed. A check that fails is itself a finding.

    Args:
        read_settings: Reads the settings; may raise SettingsError.
        is_thorough: Whether to check the whole database.
    """
    try:
        settings = read_settings()
    except SettingsError as error:
        fix = "Correct it, then: argybargy doctor"
        mistakes = [problem(SETTINGS, str(each), fix) for each in error.mistakes]
        return [*mistakes, judge_tunnel(look_for_tunnel())]
    checkup = _Checkup(settings, is_thorough)
    return await checkup.run()


@define
class _Checkup:
    """Checks of one run.

    The mutable state is the process that holds the port, which later checks need.
    """

    settings: Settings
    is_thorough: bool
    port: PortFacts | None = None

    async def run(self) -> list[Finding]:
        began = system_clock().now()
        found: list[Finding] = []
        for name, check in self._local_checks():
            found += await _attempt(name, check)
        # Two readings of the system clock, a run apart, show a step of the wall clock.
        look = partial(look_at_clock, began, system_clock().now(), self.settings.data)
        found += await _attempt(CLOCK, lambda: [judge_clock(look())])
        return found + await self._check_reach()

    def _local_checks(self) -> Iterator[tuple[str, Check]]:
        data = self.settings.data
        yield SETTINGS, lambda: judge_settings(self.settings)
        yield "data", lambda: judge_directory(look_at_directory(data))
        yield "port", self._check_port
        if self.settings.store is None:
            look = partial(look_at_database, data, is_thorough=self.is_thorough)
            yield "database", lambda: judge_database(look())
        else:
            url = self.settings.store.value
            yield ENGINE, lambda: judge_engine(look_at_engine(url))
        yield "descriptors", self._check_descriptors
        yield NOTIFY, lambda: check_services(self.settings)
        yield "cloudflared", lambda: [judge_tunnel(look_for_tunnel())]

    def _check_port(self) -> Iterable[Finding]:
        self.port = look_at_port(self.settings)
        return [judge_port(self.port)]

    def _check_descriptors(self) -> Iterable[Finding]:
        port = self.port
        pid = port.holder.pid if port and port.is_ours and port.holder else None
        return [judge_descriptors(look_at_descriptors(pid))]

    async def _check_reach(self) -> list[Finding]:
        settings = self.settings
        if self.port and self.port.is_ours:
            found = await self._check_here()
        else:
            found = [fine(READY, _say_none(settings))]
        if settings.public_url is not None:
            found += await check_outside(settings.public_url, settings.data)
        return found

    async def _check_here(self) -> list[Finding]:
        settings = self.settings
        if self.port is not None and self.port.served_at is not None:
            settings = as_served(settings, self.port.served_at)
        url, certificate = local_url(settings), settings.tls_cert
        try:
            found = await check_here(url, certificate)
        except OSError as error:
            return [_say_failed(READY, error)]
        trust = None if certificate is None else trust_only(certificate)
        return found + await check_running(url, settings.data, trust)


async def _attempt(name: str, check: Check) -> list[Finding]:
    """Run a check in a thread; an exception becomes a finding."""
    try:
        return await trio.to_thread.run_sync(lambda: list(check()))
    except Exception as error:  # noqa: BLE001 - every error is reported as a finding
        return [_say_failed(name, error)]


def _say_failed(name: str, error: Exception) -> Finding:
    text = f"The check failed: {str(error) or type(error).__name__}"
    fix = "Remove the cause, then: argybargy doctor"
    if isinstance(error, PermissionError):
        fix = "Run the command as the user who runs the relay."
    return warning(name, text, fix)


def judge_settings(settings: Settings) -> Iterator[Finding]:
    """Report the warnings of the settings."""
    for text in settings.warnings:
        yield warning(SETTINGS, text, "Remove it.")
    if not settings.warnings:
        yield fine(SETTINGS, "All settings are valid.")


def _say_none(settings: Settings) -> str:
    """Say that no relay serves the data directory, and which relays run instead."""
    elsewhere = "".join(
        f" One runs on port {each.address.port}, with data in {each.data}."
        for each in find_running_relays()
    )
    return f"No relay serves {settings.data} here.{elsewhere}"
