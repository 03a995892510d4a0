"""Why there is no relay: a sentence, what to do about it, and the exit code."""

import errno
import socket
from typing import Final

import attrs

from argybargy.serve.local_relay import describe_local_relay
from argybargy.serve.metrics_listener import MetricsAddressError
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import find_server_address
from argybargy.store.errors import Incompatible, StoreError
from argybargy.system.network import host_and_port, next_port
from argybargy.system.ports import find_holder

EXIT_FAILED: Final = 1
EXIT_DATA: Final = 3
"""The data directory cannot be used as it is; the message says why."""


class CertificateError(Exception):
    """There can be no TLS with what the settings name; the text says why."""


EXPECTED: Final = (
    StoreError,
    CertificateError,
    MetricsAddressError,
    OSError,
    BaseExceptionGroup,
)
"""What may end a relay; of a group it depends on what is in it."""


@attrs.frozen
class StartupFailure:
    """How a relay ended, or did not begin.

    Attributes:
        code: The exit code.
        text: What happened and why.
        hint: What to do about it, where the text does not say so.
    """

    code: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, [f"argybargy: {self.text}", self.hint]))


def explain_startup_error(
    error: BaseException, settings: Settings, verb: str
) -> StartupFailure:
    """Say in a sentence why the relay stopped; a bug keeps its traceback.

    Args:
        error: What stopped it.
        settings: What it was to run with.
        verb: What was typed to start it.

    Raises:
        BaseException: It is a bug.
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case StoreError():
            return _explain_data(error, settings)
        case CertificateError() | MetricsAddressError():
            return StartupFailure(EXIT_FAILED, str(error))
        case OSError() if error.filename is not None:
            text = f"{error.filename} cannot be used: {error.strerror or error}."
            return StartupFailure(
                EXIT_FAILED, text, "Look for what is wrong: argybargy doctor"
            )
        case OSError():
            where = host_and_port(settings.host, settings.port)
            text = f"Cannot serve on {where}: {_why(error, settings)}."
            return StartupFailure(EXIT_FAILED, text, _advice(error, settings, verb))
    raise error


def _explain_data(error: StoreError, settings: Settings) -> StartupFailure:
    place = (
        find_server_address(settings.data) if isinstance(error, Incompatible) else None
    )
    if place is not None:
        hint = (
            f"It runs already. To see how it is: argybargy status --port {place.port}"
        )
        return StartupFailure(EXIT_DATA, describe_local_relay(place), hint)
    return StartupFailure(
        EXIT_DATA, f"The data in {settings.data} cannot be used: {error}"
    )


def _why(error: OSError, settings: Settings) -> str:
    """Say why an address cannot be had; of one that is taken, who has it."""
    why = error.strerror or str(error)
    if error.errno != errno.EADDRINUSE:
        return why
    holder = find_holder(settings.host, settings.port)
    return why if holder is None else f"it is held by {holder}"


def _advice(error: OSError, settings: Settings, verb: str) -> str:
    again = f"argybargy {verb}"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"Name an address of this machine: {again} --host 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        return f"Take another port: {again} --port {next_port(settings.port)}"
    if error.errno == errno.EACCES:
        return f"Take a port that needs no special rights: {again} --port 8765"
    return "Look for what is wrong: argybargy doctor"
