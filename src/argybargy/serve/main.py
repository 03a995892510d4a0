"""The whole relay, put together: store, relay, app, listener, signals.

Nurseries nest like lifetimes: the store outlives the relay, the relay outlives the
server. Ours stand around the server, never inside the app: a task that dies in an
app's own nursery leaves a server behind that still answers 200.
"""

import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import attrs
import structlog
import trio
from hypercorn.config import Config

from argybargy.domain.errors import Problem
from argybargy.relay.relay import Relay, open_relay
from argybargy.serve.admin_token import FileAdminToken
from argybargy.serve.logs import configure_logging
from argybargy.serve.settings import Settings
from argybargy.store.errors import StoreError
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.web.app import create_app
from argybargy.web.auth import Services
from argybargy.web.encode import MessageEncoder
from argybargy.web.hosts import HostRule
from argybargy.web.throttle import AuthThrottle

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 2.0
"""How long parked polls may take to be answered before the listener closes."""
_DRAIN_STEP_SECONDS: Final = 0.05

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_DATA: Final = 3
"""The data directory cannot be used as it is; the message says why."""

Announce = Callable[[Sequence[str]], None]
