"""Check the services that notify the operator."""

import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from argybargy.cli.client.http import read_token
from argybargy.cli.doctor.finding import Finding, fine, problem, warning
from argybargy.cli.doctor.probe import ProbeError, ask
from argybargy.cli.doctor.reachability import Reached
from argybargy.cli.errors import CliError
from argybargy.relay.notifications.apprise_channel import make_apprise_channels
from argybargy.relay.notifications.push import NotifySettingsError
from argybargy.settings.settings import Settings

NOTIFY: Final = "notify"
_TEST: Final = "argybargy notify test"


def check_services(settings: Settings) -> Iterator[Finding]:
    """Check that the services of the settings can be used; nothing is sent.

    Without services there is no finding. It blocks.
    """
    labels = []
    try:
        if settings.notify:
            urls = [each.value for each in settings.notify]
            labels += [each.label for each in make_apprise_channels(urls)]
    except NotifySettingsError as error:
        yield problem(NOTIFY, str(error), error.hint)
        return
    if settings.webhook is not None:
        labels.append("webhook")
    if labels:
        names = ", ".join(labels)
        yield fine(NOTIFY, f"Set: {names}. To try them: {_TEST}")


async def check_running(
    url: str, data: Path, trust: ssl.SSLContext | None
) -> list[Finding]:
    """Report the services that a running relay does not reach."""
    try:
        token = read_token(data)
        fields = (("X-Admin-Token", token),)
        path = "/admin/notifications"
        heard = await ask(url, "GET", path, headers=fields, trust=trust)
    except (CliError, ProbeError):
        return []  # the checks of the data directory and of readiness say why
    return list(judge_running(Reached(url, heard)))


def judge_running(reached: Reached) -> Iterator[Finding]:
    """Report the services that do not accept pushes."""
    services = reached.read("services")
    if reached.status != HTTPStatus.OK or not isinstance(services, list):
        return
    for row in services:
        if isinstance(row, Mapping) and row.get("state") == "failing":
            text = (
                f"{row.get('service')} accepts no notifications: {row.get('reason')}."
            )
            yield warning(NOTIFY, text, f"Correct ARGYBARGY_NOTIFY, then: {_TEST}")
