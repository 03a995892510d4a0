"""The whole relay, put together: store, relay, app, listener, signals.

Nurseries nest like lifetimes: the store outlives the relay, the relay outlives the
server. Ours stand around the server, never inside the app: a task that dies in an
app's own nursery leaves a server behind that still answers 200.
"""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 2.0
"""How long parked polls may take to be answered before the listener closes."""
_DRAIN_STEP_SECONDS: Final = 0.05

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_DATA: Final = 3
"""The data directory cannot be used as it is; the message says why."""

Announce = Callable[[Sequence[str]], None]
