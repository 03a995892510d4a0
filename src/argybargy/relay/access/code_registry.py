"""Registry of access codes: each admits one peer to one room until it expires."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import attrs
import trio

from argybargy.domain.access_codes import (
    AGENT_PREFIX,
    ALPHABET,
    RANDOM_CHARS,
    CodeRecord,
    Peer,
    Role,
    digest_code,
    format_code,
    is_operator_secret,
    is_well_formed,
    may_be_agents,
)
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.many_rooms import in_further_room
from argybargy.domain.names import PeerKey, RoomKey, peer_key, room_key
from argybargy.domain.room.writes import Audit
from argybargy.relay.access.capability_index import CapabilityIndex
from argybargy.relay.access.code_lifetimes import CodeLifetimes
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.relay.access.name_reservations import NameReservations
from argybargy.relay.access.rooms_of_codes import RoomsOfCodes
from argybargy.relay.store_errors import shielded
from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.protocol import CodeStore
from argybargy.system.values import define

T = TypeVar("T")

FORGOTTEN_AT_ONCE: Final = 200
"""Codes dropped between two checkpoints when their room is deleted."""


@define
class CodeRegistry:
    """All codes of the relay.

    Every change is stored first and made in memory after, with cancellation shielded
    in between; so memory equals the disk. The exception is a change whose outcome the
    store does not know: memory then stays as it was until :meth:`resolve_doubt` has
    read the codes again.

    Mutable state: `_by_key` and, derived from it, `_by_code`, `_by_room`, `_capable`
    and `_names`,
    bounded by `Limits.codes`; `_departed`, peers that have lost a code and may have to
    be dismissed, no more than held one since the last complete round of housekeeping;
    and `_ended`, digests of removed codes, with a bound of its own.

    Attributes:
        version: A number that changes whenever a code does, or the set of valid ones.
        holders_version: A number that changes whenever the set of valid codes does. It
            stays when only the capabilities of a peer change, as they often do.
        reservations: Names about to be given.

    Args:
        store: Durable storage.
        limits: The relay's limits.
        touch: Called with the key of a room whose overview may have changed.
    """

    store: CodeStore
    limits: Limits
    _touch: Callable[[RoomKey], None]
    version: int = 0
    holders_version: int = 0
    reservations: NameReservations = attrs.field(factory=NameReservations)
    _by_key: dict[str, CodeRecord] = attrs.field(factory=dict)
    _by_code: RoomsOfCodes = attrs.field(factory=RoomsOfCodes)
    _by_room: dict[RoomKey, dict[PeerKey, list[CodeRecord]]] = attrs.field(factory=dict)
    _capable: CapabilityIndex = attrs.field(factory=CapabilityIndex)
    _names: dict[RoomKey, tuple[int, frozenset[PeerKey]]] = attrs.field(factory=dict)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)
    _is_in_doubt: bool = False
    _lifetimes: CodeLifetimes[CodeRecord] = attrs.field(factory=CodeLifetimes)
    _departed: dict[Peer, bool] = attrs.field(factory=dict)
    _ended: IssuedSecrets = attrs.field(factory=IssuedSecrets)

    async def load(self, now: Instant) -> None:
        """Load every code from the store.

        Peers whose codes expired while no relay was running are due for dismissal.

        Raises:
            StoreError: The store could not be read.
        """
        for digest in await self.store.revoked(self._ended.most):
            self._ended.add(digest)
        for record in await self.store.codes():
            self._add(record)
        for record in self._lifetimes.expiry_changes(self, now):
            self._departed[record.peer] = False

    def _add(self, record: CodeRecord) -> None:
        self._by_key[record.key_id] = record
        self._by_code.add(record)
        self._capable.add(record)
        room = self._by_room.setdefault(record.peer.room, {})
        room.setdefault(record.peer.name, []).append(record)
        self._note_change(has_new_holders=True)
        self._touch(record.peer.room)

    def _remove(self, record: CodeRecord) -> None:
        record = self._by_key.pop(record.key_id)
        self._by_code.remove(record)
        self._capable.remove(record)
        self._lifetimes.forget(record)
        self._ended.add(record.digest)
        room = self._by_room[record.peer.room]
        room[record.peer.name].remove(record)
        if not room[record.peer.name]:
            del room[record.peer.name]
        if not room:
            del self._by_room[record.peer.room]
            self._names.pop(record.peer.room, None)
        self._note_change(has_new_holders=True)
        self._touch(record.peer.room)
        self._departed[record.peer] = False

    def _note_change(self, *, has_new_holders: bool) -> None:
        self.version += 1
        self.holders_version += has_new_holders

    def resolve(self, code: str, now: Instant) -> CodeRecord | None:
        """Return the record of a presented code, if it is valid now.

        Of a code of several rooms, that of its first room, or of the next one if the
        code has lost that.
        """
        return next(iter(self.resolve_all(code, now)), None)

    def resolve_all(self, code: str, now: Instant) -> list[CodeRecord]:
        """Return the valid records of a presented code, one for each of its rooms.

        A stolen digest is useless: presented as a code, it is hashed once more.
        """
        found = self._by_code.of(digest_code(code))
        return [each for each in found if self._lifetimes.is_live(each, now)]

    def rooms_of(self, record: CodeRecord, now: Instant) -> list[CodeRecord]:
        """Return the valid records of a record's code, one for each of its rooms."""
        found = self._by_code.of(record.code_digest)
        return [each for each in found if self._lifetimes.is_live(each, now)]

    def is_guess(self, code: str) -> bool:
        """Tell whether an invalid code is a guess at a valid one.

        Malformed text and codes that have ended are not.
        """
        digest = digest_code(code)
        has_ended = digest in self._ended or bool(self._by_code.of(digest))
        return may_be_agents(code) and not has_ended

    def is_live(self, record: CodeRecord, now: Instant) -> bool:
        """Tell whether a resolved code is still valid."""
        return self.seconds_left(record, now) > 0

    def seconds_left(self, record: CodeRecord, now: Instant) -> float:
        """Return the remaining life of a resolved code; ``inf`` without an expiry.

        Zero or less once it has expired or was removed.
        """
        known = self._by_key.get(record.key_id)
        return 0.0 if known is None else self._lifetimes.seconds_left(known, now)

    def has_live(self, found: Iterable[str], now: Instant) -> bool:
        """Tell whether one of the codes found in a text would open a room.

        An operator's secret counts even when it is no longer valid.
        """
        return any(
            is_operator_secret(code) or self.resolve(code, now) is not None
            for code in filter(is_well_formed, found)
        )

    async def mint(
        self,
        invitations: Sequence[Invitation],
        audit_actor: str,
        now: Instant,
        *,
        is_one_code: bool = False,
    ) -> list[tuple[str, CodeRecord]]:
        """Create codes, all or none, and return each with its record.

        Only digests are kept, so this is the only time that the codes are seen.

        Args:
            invitations: Their properties.
            audit_actor: The actor in the audit log.
            now: The current time.
            is_one_code: Whether one code is for all: each invitation is then for
                another room, and the first for its first room.

        Raises:
            RelayError: ``code_quota``, or ``name_taken``.
            Refused: The store refused; no code was created.
            Unknown: The outcome is unknown; memory was read again if possible.
        """
        async with self._changing:
            self.check_quota(len(invitations))
            for each in invitations:
                peer = Peer(room_key(each.room), peer_key(each.name))
                is_agent = each.role is Role.AGENT
                if is_agent or not self.is_expired_guest(peer, now):
                    self.check_name(peer, each.role)
            if is_one_code:
                minted = self._mint(invitations, now)
            else:
                each_alone = ([invitation] for invitation in invitations)
                minted = [self._mint(alone, now)[0] for alone in each_alone]
            records = [record for _, record in minted]
            audits = [_audit_of(record, audit_actor, now) for record in records]
            with shielded():
                await self._store(partial(self.store.add_codes, records, audits))
                for record in records:
                    self._add(record)
                    self._lifetimes.begin(record, now)
            return minted

    async def admit(
        self,
        code: str,
        invitation: Invitation,
        store: Callable[[CodeRecord], Awaitable[None]],
        now: Instant,
        *,
        is_newcomer: bool,
    ) -> CodeRecord:
        """Add a code that is stored together with something else.

        Args:
            code: The code.
            invitation: Its properties.
            store: Stores it; called once.
            now: The current time.
            is_newcomer: Whether nobody may hold a code with that name yet.

        Raises:
            RelayError: ``code_quota``, or ``name_taken``.
            StoreError: The store refused, or the outcome is unknown.
        """
        async with self._changing:
            self.check_quota(1)
            record = invitation.record(digest_code(code), now)
            if record.key_id in self._by_key:
                raise Refused("another code has the same key id")
            self.check_name(record.peer, record.role, is_newcomer=is_newcomer)
            with shielded():
                await self._store(partial(store, record))
                self._add(record)
                self._lifetimes.begin(record, now)
            return record

    def check_name(self, peer: Peer, role: Role, *, is_newcomer: bool = False) -> None:
        """Refuse a code under the name of somebody else.

        Several codes may speak for one agent, but a person's or reader's name is its
        alone.

        Args:
            peer: The peer that the code is for.
            role: The role of the code.
            is_newcomer: Whether nobody may hold a code with that name yet.

        Raises:
            RelayError: ``name_taken``.
        """
        held = self.codes_of(peer)
        roles = {role, *(each.role for each in held)}
        if held and (is_newcomer or roles != {Role.AGENT}):
            raise RelayError(Problem.NAME_TAKEN)

    def is_expired_guest(self, peer: Peer, now: Instant) -> bool:
        """Tell whether a peer is a guest whose codes have expired.

        The operator may let it in again under its name.
        """
        held = self.codes_of(peer)
        is_guest = bool(held) and all(each.role is not Role.AGENT for each in held)
        return is_guest and not self.has_valid_code(peer, now)

    def check_quota(self, more: int) -> None:
        """Refuse codes beyond the quota.

        Raises:
            RelayError: ``code_quota``.
        """
        limit = self.limits.codes
        if limit and len(self._by_key) + more > limit:
            raise RelayError(Problem.CODE_QUOTA, limit=limit)

    async def _store(self, change: Callable[[], Awaitable[T]]) -> T:
        """Store a change to the codes; if its outcome is unknown, read them all again.

        Raises:
            StoreError: The change was refused, or its outcome is unknown. In the
                second case the caller cannot go on either way: its codes may exist.
        """
        with contextlib.suppress(Unknown):
            return await change()
        self._is_in_doubt = True
        await self._reload()
        raise Unknown

    async def resolve_doubt(self) -> None:
        """Read the codes again if the outcome of a change is unknown.

        Raises:
            Unknown: It still is.
        """
        if self._is_in_doubt:
            async with self._changing:
                await self._reload()

    async def reread(self) -> None:
        """Read the codes again, which other nodes may have changed.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._changing:
            self._follow(await self.store.codes())

    async def _reload(self) -> None:
        stored = await self._read_final()
        self._is_in_doubt = False
        self._follow(stored)

    def _follow(self, stored: Sequence[CodeRecord]) -> None:
        """Make memory equal to the codes of the store."""
        before = self._by_key.copy()
        kept = {record.key_id for record in stored}
        for key, record in before.items():
            if key not in kept:
                self._remove(record)
        for record in stored:
            if (known := before.get(record.key_id)) is None:
                self._add(record)
            elif known != record:
                self._lifetimes.carry_over(record, known)
                self._replace(record)

    async def adopt(
        self, records: Sequence[CodeRecord], audits: Mapping[str, Audit]
    ) -> int:
        """Import codes of another relay, each once; return the number of new ones.

        Args:
            records: The codes.
            audits: The audit row written with each, by handle. A code whose row is
                in the log was imported before and is left out: it may have been
                revoked since.

        Raises:
            RelayError: ``code_quota``, or ``name_taken``.
            Refused: The store refused; nothing was imported.
            Unknown: The outcome is unknown; memory was read again if possible.
        """
        async with self._changing:
            fresh = {
                audits[record.key_id].tally: record
                for record in records
                if record.key_id not in self._by_key
            }
            self.check_quota(len(fresh))
            for record in fresh.values():
                self.check_name(record.peer, record.role)
            rows = [audits[record.key_id] for record in fresh.values()]
            with shielded():
                new = await self._store(partial(self.store.adopt, rows, fresh))
                for tally in fresh.keys() & new:
                    self._add(fresh[tally])
            return len(new)

    async def _read_final(self) -> Sequence[CodeRecord]:
        """Return the stored codes as no crash can change them any more.

        The probe is a durable write; a read behind it is final.

        Raises:
            Unknown: The store failed, and the outcome stays unknown.
        """
        try:
            await self.store.probe()
            return await self.store.codes()
        except StoreError as error:
            raise Unknown(str(error)) from error

    def _mint(
        self, invitations: Sequence[Invitation], now: Instant
    ) -> list[tuple[str, CodeRecord]]:
        """Return one code, with its record for each invitation."""
        while True:
            code = new_code()
            first, *others = (
                each.record(digest_code(code), now) for each in invitations
            )
            records = [first, *map(in_further_room, others)]
            keys = {record.key_id for record in records}
            if len(keys) == len(records) and keys.isdisjoint(self._by_key):
                return [(code, record) for record in records]

    async def remove(
        self, records: Sequence[CodeRecord], audits: Sequence[Audit], now: Instant
    ) -> list[Peer]:
        """Remove codes.

        Returns:
            The peers left without a valid code.

        Raises:
            Refused: The store refused; every code stays.
            Unknown: The outcome is unknown; memory was read again if possible.
        """
        async with self._changing:
            with shielded():
                await self._store(partial(self.store.remove_codes, records, audits))
                for record in records:
                    if record.key_id in self._by_key:
                        self._remove(record)
        peers = {record.peer for record in records}
        return [peer for peer in peers if not self.has_valid_code(peer, now)]

    async def forget_room(self, room: RoomKey) -> list[Peer]:
        """Drop the codes of a room that was deleted, and return their holders.

        The commit that deleted the room has removed them from the store.
        """
        async with self._changing:
            peers = self._by_room.get(room, {})
            records = [record for mine in peers.values() for record in mine]
            for number, record in enumerate(records):
                if number % FORGOTTEN_AT_ONCE == FORGOTTEN_AT_ONCE - 1:
                    await trio.lowlevel.checkpoint()
                self._remove(record)
                self._departed.pop(record.peer, None)
        return list({record.peer for record in records})

    def doubt(self) -> None:
        """Note that the outcome of a change to the codes is unknown.

        :meth:`resolve_doubt` reads them again.
        """
        self._is_in_doubt = True

    def count_in(self, room: RoomKey) -> int:
        """Count the codes of a room, valid or not."""
        return sum(map(len, self._by_room.get(room, {}).values()))

    def has_valid_code(self, peer: Peer, now: Instant) -> bool:
        """Tell whether a peer holds a valid code."""
        return any(self._lifetimes.is_live(each, now) for each in self.codes_of(peer))

    def match(self, target: str) -> list[CodeRecord]:
        """Return the codes that match a handle, a code, or a peer's name.

        The code, and the handle of its first room, match the records of all its rooms;
        the handle of a further room matches that one.
        """
        by_code = self._by_code.of(digest_code(target))
        by_handle = self._by_key.get(target)
        if by_handle is not None and by_handle.presented is None:
            by_code = self._by_code.of(by_handle.digest)
        elif by_handle is not None:
            return [by_handle]
        if by_code:
            return list(by_code)
        name = peer_key(target)
        return [each for each in self._by_key.values() if each.peer.name == name]

    def codes_of(self, peer: Peer) -> list[CodeRecord]:
        """Return every code of a peer, valid or not."""
        return list(self._by_room.get(peer.room, {}).get(peer.name, ()))

    def live_codes(self, room: RoomKey, now: Instant) -> tuple[CodeRecord, ...]:
        """Return the newest valid code of each peer of a room."""
        peers = self._by_room.get(room, {}).values()
        is_live = partial(self._lifetimes.is_live, now=now)
        live = (list(filter(is_live, mine)) for mine in peers)
        return tuple(mine[-1] for mine in live if mine)

    def live_names(self, room: RoomKey, now: Instant) -> frozenset[PeerKey]:
        """Return the peers of a room with a valid code, readers left out."""
        cached = self._names.get(room)
        if cached is None or cached[0] != self.holders_version:
            names = frozenset(
                code.peer.name
                for code in self.live_codes(room, now)
                if code.role is not Role.READER
            )
            cached = self._names[room] = (self.holders_version, names)
        return cached[1]

    def expired_names(self, room: RoomKey, now: Instant) -> frozenset[PeerKey]:
        """Return the peers of a room whose codes have all expired."""
        return frozenset(
            name
            for name, mine in self._by_room.get(room, {}).items()
            if not any(self._lifetimes.is_live(each, now) for each in mine)
        )

    def spelling(self, room: RoomKey, name: str) -> str | None:
        """Return the spelling of a peer's name in a room, if it holds a code."""
        mine = self._by_room.get(room, {}).get(peer_key(name))
        return mine[0].name if mine else None

    def rooms(self) -> tuple[RoomKey, ...]:
        """Return the rooms that codes were issued for."""
        return tuple(self._by_room)

    async def remove_stale(self, now: Instant) -> None:
        """Remove the codes that expired long ago, beyond doubt.

        Raises:
            StoreError: The store failed; the next round tries again.
        """
        stale = self._lifetimes.stale(self, self.limits.expired_code_seconds, now)
        if stale:
            await self.remove(stale, [], now)

    async def correct(self, now: Instant) -> None:
        """Store corrected times of this process's codes after a clock step.

        After a restart the stored times are all that is known; wrong ones would
        revive an expired code or end one early.

        Raises:
            StoreError: The store failed; the next call tries again.
        """
        async with self._changing:
            moved = self._lifetimes.corrected(self, now)
            if not moved:
                return
            with shielded():
                await self._store(partial(self.store.update_codes, moved))
                for record in moved:
                    self._replace(record)
                    self._lifetimes.begin(record, now)

    async def set_capabilities(self, peer: Peer, capabilities: str) -> None:
        """Store the capabilities of a peer with every code of it.

        The newest valid code is shown, and another becomes that one when it ends.

        Raises:
            Refused: The store refused; nothing was changed.
            Unknown: The outcome is unknown; memory was read again if possible.
        """
        async with self._changing:
            changed = [
                attrs.evolve(code, capabilities=capabilities)
                for code in self.codes_of(peer)
                if code.capabilities != capabilities
            ]
            if not changed:
                return
            with shielded():
                await self._store(partial(self.store.update_codes, changed))
                for record in changed:
                    self._replace(record)

    def capabilities_of(self, peer: Peer, now: Instant) -> str:
        """Return the capabilities of a peer, those of its newest valid code."""
        mine = [each for each in self.codes_of(peer) if self.is_live(each, now)]
        return mine[-1].capabilities if mine else ""

    def capable(
        self, room: RoomKey, address: PeerKey, now: Instant
    ) -> Iterator[CodeRecord]:
        """Yield the newest valid codes of the peers that have a capability now."""
        for record in self._capable.find(room, address):
            mine = self._by_room[room][record.peer.name]
            live = (each for each in reversed(mine) if self.is_live(each, now))
            newest = next(live, None)
            if newest is not None and newest.key_id == record.key_id:
                yield record

    def _replace(self, record: CodeRecord) -> None:
        """Replace a code by one that differs only in its capabilities and times."""
        mine = self._by_room[record.peer.room][record.peer.name]
        known = self._by_key[record.key_id]
        mine[mine.index(known)] = record
        self._by_code.replace(known, record)
        self._capable.remove(known)
        self._capable.add(record)
        self._by_key[record.key_id] = record
        is_stated = attrs.evolve(known, capabilities=record.capabilities) == record
        self._note_change(has_new_holders=not is_stated)
        self._touch(record.peer.room)

    def tick(self, now: Instant) -> None:
        """Note the codes that have expired since the last tick, or are valid again.

        Their peers are checked for dismissal; one with a valid code is left alone.
        """
        changed = self._lifetimes.expiry_changes(self, now)
        if changed:
            self._note_change(has_new_holders=True)
        for each in changed:
            self._touch(each.peer.room)
            self._departed[each.peer] = False

    def departed(self, now: Instant) -> list[Peer]:
        """Return the peers without a valid code that were not dismissed yet."""
        # Some hold another code, or were invited again.
        gone = [peer for peer in self._departed if not self.has_valid_code(peer, now)]
        self._departed = {peer: self._departed[peer] for peer in gone}
        return gone

    def forget(self, peer: Peer) -> None:
        """Note that a peer was dismissed."""
        self._departed.pop(peer, None)

    def postpone(self, peer: Peer) -> bool:
        """Note that a peer could not be dismissed, and move it behind the others.

        Returns:
            True for the first failure, which is worth a log line.
        """
        was_put_off = self._departed.pop(peer, False)
        self._departed[peer] = True
        return not was_put_off

    def __iter__(self) -> Iterator[CodeRecord]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)


def _audit_of(record: CodeRecord, actor: str, now: Instant) -> Audit:
    """Return the audit row of a new code."""
    if record.role is Role.AGENT:
        return Audit(now.wall_ms, "invite", actor, record.room, record.name)
    detail = f"{record.name} {record.key_id} {record.role.value}"
    return Audit(now.wall_ms, "guest", actor, record.room, detail)


def new_code(prefix: str = AGENT_PREFIX) -> str:
    """Return a random code."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARS))
    return format_code(random, prefix)
