"""Turn expected start-up failures into a message, a hint and an exit code."""

import errno
import socket
from typing import Final

from argybargy.relay.notifications.push import NotifySettingsError
from argybargy.serve.lifespan import LifespanError
from argybargy.serve.local_relay import describe_local_relay
from argybargy.serve.metrics_listener import MetricsAddressError
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import find_server_address
from argybargy.store.errors import Incompatible, StoreError
from argybargy.system.network import host_and_port, next_port
from argybargy.system.values import frozen

EXIT_FAILED: Final = 1
EXIT_SETTINGS: Final = 2
"""Exit code: a setting is invalid."""
EXIT_DATA: Final = 3
"""Exit code: the data directory cannot be used as it is."""


class CertificateError(Exception):
    """The TLS files of the settings cannot be used; the message says why."""


EXPECTED: Final = (
    StoreError,
    CertificateError,
    NotifySettingsError,
    MetricsAddressError,
    OSError,
    BaseExceptionGroup,
)
"""Exceptions that may have an explanation; of a group, its only exception."""


@frozen
class StartupFailure:
    """Explained failure of a relay, at the start or later.

    Attributes:
        code: Exit code.
        text: Failure and its cause, one sentence.
        hint: What to do next; empty if the text says it.
    """

    code: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, [f"argybargy: {self.text}", self.hint]))


def explain_startup_error(
    error: BaseException, settings: Settings, verb: str
) -> StartupFailure:
    """Explain an expected failure; raise any other again, with its traceback.

    Args:
        error: Exception that ended the relay.
        settings: Settings of the run.
        verb: Command that started it, for the hint.

    Raises:
        BaseException: `error`, if it is a bug.
    """
    error = _only(error)
    match error:
        case StoreError():
            return _explain_data(error, settings)
        case NotifySettingsError():
            return StartupFailure(EXIT_SETTINGS, str(error), error.hint)
        case CertificateError() | MetricsAddressError():
            return StartupFailure(EXIT_FAILED, str(error))
        case LifespanError(__cause__=BaseException() as cause) if isinstance(
            failed := _only(cause), ImportError
        ):
            text = f"The operator's endpoints cannot be loaded: {failed}."
            hint = "The installation is damaged. Install Argybargy again."
            return StartupFailure(EXIT_FAILED, text, hint)
        case OSError() if error.filename is not None:
            text = f"{error.filename} cannot be used: {error.strerror or error}."
            return StartupFailure(EXIT_FAILED, text, "Find the cause: argybargy doctor")
        case OSError():
            where = host_and_port(settings.host, settings.port)
            text = f"Cannot serve on {where}: {_bind_failure(error, settings)}."
            return StartupFailure(EXIT_FAILED, text, _bind_hint(error, settings, verb))
    raise error


def _only(error: BaseException) -> BaseException:
    """Return the only exception of a group, of groups in it too; else the error."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _explain_data(error: StoreError, settings: Settings) -> StartupFailure:
    running = (
        find_server_address(settings.data) if isinstance(error, Incompatible) else None
    )
    if running is not None:
        hint = (
            f"It is already running. Its status: argybargy status --port {running.port}"
        )
        return StartupFailure(EXIT_DATA, describe_local_relay(running), hint)
    place = f"data in {settings.data}"
    if settings.store is not None:
        from argybargy.store.postgres.address import masked  # noqa: PLC0415

        place = f"store {masked(settings.store.value)}"
    return StartupFailure(EXIT_DATA, f"The {place} cannot be used: {error}")


def _bind_failure(error: OSError, settings: Settings) -> str:
    """Return why binding failed; for a port in use, the process that holds it."""
    why = error.strerror or str(error)
    if error.errno != errno.EADDRINUSE:
        return why
    from argybargy.system.ports import find_holder  # noqa: PLC0415 - only for errors

    holder = find_holder(settings.host, settings.port)
    return why if holder is None else f"it is held by {holder}"


def _bind_hint(error: OSError, settings: Settings, verb: str) -> str:
    again = f"argybargy {verb}"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"Name an address of this machine: {again} --host 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        return f"Take another port: {again} --port {next_port(settings.port)}"
    if error.errno == errno.EACCES:
        return f"Take a port that needs no special rights: {again} --port 8765"
    return "Find the cause: argybargy doctor"
