"""Services behind the endpoints: store, relay and access rules."""

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import trio

from argybargy.domain.limits import Limits
from argybargy.domain.wake_hooks import WakeHosts
from argybargy.relay.clock import system_clock
from argybargy.relay.lifecycle import open_relay
from argybargy.relay.notifications.registry import NotificationPlan
from argybargy.relay.nudges.call import HookCaller
from argybargy.relay.relay import Relay
from argybargy.serve.admin_token import FileAdminToken
from argybargy.serve.notifications import make_plan, read_link_key
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import find_server_address, hold_lock, is_held
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.system.network import is_loopback
from argybargy.web.access.admin_token import AdminToken
from argybargy.web.access.answer_links import AnswerLinks
from argybargy.web.access.cors import CorsRule
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.services import Services, local_commands
from argybargy.web.access.session_keeper import open_sessions
from argybargy.web.access.sessions import Sessions
from argybargy.web.access.throttle import AuthThrottle

if TYPE_CHECKING:
    from argybargy.serve.shared_token import SharedAdminToken

# ruff: noqa: PLC0415 - most relays have the store in a file, and need no other

LOCK_WAIT_SECONDS: Final = 5.0
"""Longest wait for a command that holds the data directory. Offline commands are
faster, and a service manager starts the relay again."""
_LOCK_POLL_SECONDS: Final = 0.1
SHARED_LINKS: Final = b"shared links"
"""In place of a key of the data directory: the secret in the store signs alone."""


async def wait_for_command(directory: Path, tell: Callable[[str], object]) -> None:
    """Wait until no command holds a data directory, for up to `LOCK_WAIT_SECONDS`.

    A relay publishes its address in the lock file, and a command does not. So a
    listening relay is not waited for; one that starts or stops cannot be told from a
    command. After a timeout this returns normally, and opening the store raises the
    error.

    Args:
        directory: Data directory; it need not exist.
        tell: Called once with a sentence, if there is a command to wait for.

    Raises:
        Refused: The file system does not support locks.
    """
    is_told = False
    with trio.move_on_after(LOCK_WAIT_SECONDS):
        # A blocking lock would need a thread, which cannot be cancelled.
        while is_held(directory) and find_server_address(directory) is None:
            if not is_told:
                tell(
                    f"Another command uses {directory}. "
                    f"Waiting up to {LOCK_WAIT_SECONDS:.0f} seconds for it to finish."
                )
                is_told = True
            await trio.sleep(_LOCK_POLL_SECONDS)


@asynccontextmanager
async def open_services(
    settings: Settings, *, is_offline: bool = False, typed: Callable[[str], str] = str
) -> AsyncIterator[Services]:
    """Open store and relay, under the lock of the data directory.

    They close in reverse at the end of the block: the relay flushes its write-behind
    buffer while the store is still open.

    Args:
        settings: Settings of the relay.
        is_offline: Whether it is for one command, which notifies nobody.
        typed: Rewrites the commands in a text to be typed in another terminal.

    Raises:
        NotifySettingsError: The services that notify the operator cannot be used.
        StoreError: The data directory cannot be used: another process holds it, a
            newer version wrote it, or it is damaged.
    """
    limits = settings.limits()
    hosts, clock = WakeHosts(frozenset(settings.wake_hosts)), system_clock()
    async with _open_store(settings, limits) as store, AsyncExitStack() as stack:
        is_shared, address = store.info.is_shared, _make_address(settings)
        own_token = await FileAdminToken.open(settings.data)
        admin_token: FileAdminToken | SharedAdminToken = own_token
        if is_shared:
            shared_token = await _open_shared_token(own_token, store)
            admin_token = shared_token
            links = AnswerLinks(
                SHARED_LINKS, lambda: shared_token.stored.link_secret, address
            )
        else:
            key = await _link_key(settings)
            links = AnswerLinks(key, lambda: own_token.value, address)
        plan = NotificationPlan()
        if not is_offline:
            plan = attrs.evolve(await make_plan(settings, clock), make_link=links.make)
        relay = await stack.enter_async_context(
            open_relay(
                store, limits, clock, HookCaller(hosts), plan, name=node_name(settings)
            )
        )
        sessions = await stack.enter_async_context(
            open_sessions(
                store,
                limits,
                relay.clock,
                admin_token,
                shared=store if is_shared else None,
            )
        )
        if is_shared:
            follow_access(relay, admin_token, sessions)
        yield Services(
            relay=relay,
            limits=limits,
            admin_token=admin_token,
            sessions=sessions,
            address=address,
            throttle=AuthThrottle(limits),
            cors=CorsRule(frozenset(settings.cors_origins)),
            has_docs=settings.docs,
            links=links,
            commands=local_commands(typed),
        )


async def _open_shared_token(
    own_token: FileAdminToken, store: Store
) -> "SharedAdminToken":
    from argybargy.serve.shared_token import SharedAdminToken

    return await SharedAdminToken.open(own_token, store)


async def _link_key(settings: Settings) -> bytes:
    """Return the key of the links in notifications; with `ephemeral`, a new one."""
    if settings.ephemeral:
        return secrets.token_bytes(32)
    return await read_link_key(settings.data)


def node_name(settings: Settings) -> str:
    """Return the name of this node, by which its operator tells it from others."""
    return f"{socket.gethostname()}:{settings.port}"


def follow_access(relay: Relay, admin_token: AdminToken, sessions: Sessions) -> None:
    """Let a relay read admin token and sessions again when other nodes change them."""
    from argybargy.serve.shared_token import SharedAdminToken

    async def reread() -> None:
        if isinstance(admin_token, SharedAdminToken) and await admin_token.reread():
            sessions.forget_token()
        await sessions.reread()

    relay.following.rereads.append(reread)


@asynccontextmanager
async def _open_store(settings: Settings, limits: Limits) -> AsyncIterator[Store]:
    """Open the SQLite store, that of a URL, or the one in memory with `ephemeral`.

    The directory is locked in all cases, since it contains the admin token.

    Raises:
        Incompatible: The packages of the store are not installed, among others.
    """
    if settings.store is not None:
        with hold_lock(settings.data):
            open_shared = await trio.to_thread.run_sync(_import_postgres)
            async with open_shared(settings.store.value, limits) as shared:
                yield shared
        return
    if settings.ephemeral:
        from argybargy.store.memory.store import open_memory_store

        with hold_lock(settings.data):
            async with open_memory_store(limits) as memory:
                yield memory
        return
    async with open_sqlite_store(settings.data, limits) as store:
        yield store


def _import_postgres() -> Callable[[str, Limits], AbstractAsyncContextManager[Store]]:
    """Import the PostgreSQL store, which is an extra.

    Raises:
        Incompatible: The extra is not installed.
    """
    try:
        from argybargy.store.postgres.store import open_postgres_store
    except ImportError as error:
        from argybargy.store.postgres.extra import missing_extra

        raise missing_extra(error) from error
    return open_postgres_store


def _make_address(settings: Settings) -> PublicAddress:
    configured = settings.public_url
    hosts = HostRule.make(settings.host, configured, settings.allowed_hosts)
    return PublicAddress.make(
        public_url(settings), hosts, is_configured=configured is not None
    )


def public_url(settings: Settings) -> str:
    """Return the URL for agents: as configured, else one for this machine."""
    if settings.public_url is not None:
        return settings.public_url
    host = settings.host if is_loopback(settings.host) else "127.0.0.1"
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
