"""Commands about notifications: test the services, and show their state."""

from typing import Final

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.system.values import frozen

HOW: Final = "How to set them up: docs/how-to/get-notified.md"
_HEADS: Final = ("SERVICE", "STATE", "WAITING", "SENT", "GIVEN UP", "LAST", "REASON")


def notify_test(env: Environment) -> int:
    """Send a test to every service of ARGYBARGY_NOTIFY and to ARGYBARGY_WEBHOOK.

    A running relay sends it with its own settings; without one, the settings of this
    command are used. Exit code 1 if a service has not accepted it.

    Example: argybargy notify test
    """
    out = env.output
    answer = _test(env)
    rows = [read_row(_Tested, row) for row in read_row(_Rows, answer).services]
    if not rows:
        text = "No service is set to notify you."
        raise CliError(text, HOW, Exit.FAILED)
    if out.is_json:
        out.write_json(answer)
    else:
        width = max(len(row.service) for row in rows)
        for row in rows:
            outcome = "ok" if row.ok else f"failed: {row.reason}"
            out.write(f"{row.service.ljust(width)}  {outcome}")
    return Exit.OK if all(row.ok for row in rows) else Exit.FAILED


def notify_status(env: Environment) -> int:
    """Show the state of every service that notifies you.

    Exit code 1 if one of them fails.

    Example: argybargy notify status
    """
    out = env.output
    answer = env.live().call("GET", "/admin/notifications")
    state = read_row(_State, answer)
    rows = [read_row(_Service, row) for row in state.services]
    if out.is_json:
        out.write_json(answer)
    elif not rows:
        out.say(f"No service is set to notify you. {HOW}")
    else:
        times = env.machine.times
        table = [
            (
                row.service,
                row.state,
                str(row.waiting),
                str(row.sent),
                str(row.given_up),
                times.show(row.last_sent),
                row.reason or "-",
            )
            for row in rows
        ]
        out.write_table(_HEADS, table)
        if state.quiet:
            out.say(f"Quiet hours ({state.quiet_hours}): only urgent ones are sent.")
    return Exit.FAILED if any(row.state == "failing" for row in rows) else Exit.OK


@frozen
class _Rows:
    services: list[object]


@frozen
class _Tested:
    service: str
    ok: bool
    reason: str


@frozen
class _State:
    services: list[object]
    quiet: bool
    quiet_hours: str | None


@frozen
class _Service:
    service: str
    state: str
    reason: str
    waiting: int
    sent: int
    given_up: int
    last_sent: str | None


def _test(env: Environment) -> Json:
    try:
        client = env.live()
    except CliError as error:
        if env.options.url is not None or error.code is not Exit.UNREACHABLE:
            raise
    else:
        return client.call("POST", "/admin/notifications/test")
    return _test_here(env)


def _test_here(env: Environment) -> Json:
    """Send the test from this process: no relay runs."""
    import trio  # noqa: PLC0415 - late imports keep other commands fast

    from argybargy.relay.notifications.push import (  # noqa: PLC0415
        NotifySettingsError,
    )
    from argybargy.serve.notifications import send_tests  # noqa: PLC0415

    try:
        tested = trio.run(send_tests, env.read_settings())
    except NotifySettingsError as error:
        raise CliError(str(error), error.hint, Exit.USAGE) from None
    except OSError as error:
        text = f"{error.filename} cannot be used: {error.strerror or error}."
        raise CliError(text, "Find the cause: argybargy doctor") from None
    return {
        "services": [
            {"service": label, "ok": reason is None, "reason": reason or ""}
            for label, reason in tested
        ]
    }
