"""The services that every room task of a relay shares."""

from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.room_quota import RoomQuota
from argybargy.relay.clock import Clock
from argybargy.relay.nudges.hooks import WakeHooks
from argybargy.relay.overview.overview import Overview
from argybargy.relay.room.delivery_report import DeliveryReporter
from argybargy.relay.room.doubt import Nonces
from argybargy.relay.statistics import RelayCounters
from argybargy.relay.store_errors import FailureLog
from argybargy.relay.write_behind import WriteBehind
from argybargy.store.protocol import RoomStore
from argybargy.system.values import frozen


@frozen
class RoomContext:
    """The services that every room task of a relay shares.

    Attributes:
        store: Durable storage.
        clock: The relay's clock.
        limits: The relay's limits.
        quota: Which rooms may hold messages.
        write_behind: Cursors that are acknowledged and not stored yet.
        delivery: Reports to senders.
        overview: The operator's read model, which follows every publication.
        counters: Totals for the metrics.
        refused_commits: Logs commits that the store refused.
        failed_loads: Logs rooms that the store could not load.
        codes: The access codes, for the capabilities of peers.
        hooks: The URLs that wake agents which cannot wait.
        nonces: The nonces of commits.
        is_shared: Whether other nodes commit to the store as well.
    """

    store: RoomStore
    clock: Clock
    limits: Limits
    quota: RoomQuota
    write_behind: WriteBehind
    delivery: DeliveryReporter
    overview: Overview
    counters: RelayCounters
    refused_commits: FailureLog
    failed_loads: FailureLog
    codes: CodeRegistry
    hooks: WakeHooks
    nonces: Nonces
    is_shared: bool = False
