"""Everything behind the endpoints: the store, the relay on it, and who may come in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argybargy.domain.limits import Limits
from argybargy.relay.relay import open_relay
from argybargy.serve.admin_token import FileAdminToken
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import hold_lock
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from argybargy.system.network import is_loopback
from argybargy.web.access.cors import CorsRule
from argybargy.web.access.hosts import HostRule
from argybargy.web.access.public_address import PublicAddress
from argybargy.web.access.services import Services
from argybargy.web.access.throttle import AuthThrottle


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Open everything behind the endpoints, under the lock of the data directory.

    Raises:
        StoreError: The data directory cannot be used: another process holds it, a
            newer version wrote it, or it is damaged.
    """
    limits = settings.limits()
    async with (
        _open_store(settings, limits) as store,
        open_relay(store, limits) as relay,
    ):
        yield Services(
            relay=relay,
            limits=limits,
            admin_token=await FileAdminToken.open(settings.data),
            address=_make_address(settings),
            throttle=AuthThrottle(limits),
            cors=CorsRule(frozenset(settings.cors_origins)),
            has_docs=settings.docs,
        )


@asynccontextmanager
async def _open_store(settings: Settings, limits: Limits) -> AsyncIterator[Store]:
    """Open what lasts, or what does not if that is wanted.

    The directory is locked either way: the admin token is in it.
    """
    if settings.ephemeral:
        with hold_lock(settings.data):
            async with open_memory_store(limits) as memory:
                yield memory
        return
    async with open_sqlite_store(settings.data, limits) as store:
        yield store


def _make_address(settings: Settings) -> PublicAddress:
    configured = settings.public_url
    hosts = HostRule.make(settings.host, configured, settings.allowed_hosts)
    return PublicAddress.make(
        public_url(settings), hosts, is_configured=configured is not None
    )


def public_url(settings: Settings) -> str:
    """Return how agents reach the relay: as configured, else on this machine."""
    if settings.public_url is not None:
        return settings.public_url
    host = settings.host if is_loopback(settings.host) else "127.0.0.1"
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
