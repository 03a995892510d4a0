"""The codes, in memory: who may enter, under which name, and until when."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import attrs
import trio

from argybargy.domain.access_codes import (
    AGENT_PREFIX,
    ALPHABET,
    CODE_PATTERN,
    RANDOM_CHARS,
    CodeRecord,
    Peer,
    digest_code,
    format_code,
    is_operator_secret,
    is_well_formed,
    key_id_of,
    may_be_agents,
)
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.names import RoomKey, fold
from argybargy.domain.room.writes import Audit
from argybargy.relay.access.code_lifetimes import CodeLifetimes
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.relay.access.name_reservations import NameReservations
from argybargy.relay.store_errors import shielded
from argybargy.store.errors import StoreError, Unknown
from argybargy.store.protocol import CodeStore

T = TypeVar("T")


@attrs.define
class CodeRegistry:
    """All codes of the relay.

    The mutable state is `_by_key` and, derived from it, `_by_room` and `_names`;
    `_departed`, the peers that have lost a code and may have to be let go, no more
    than held one since housekeeping last got through; and `_ended`, the digests of
    codes that were removed. The store has every code first: what is in memory is on
    the disk, unless a change is in doubt that the store could neither make nor deny.
    Then memory stays as it was until :meth:`resolve_doubt` has read it.

    Attributes:
        version: Changes whenever the set of valid codes does.
        reservations: The names that are about to be given.

    Args:
        store: Where the codes last.
        limits: How many there may be.
        touch: Told the folded name of a room that may look different now.
    """

    store: CodeStore
    limits: Limits
    _touch: Callable[[RoomKey], None]
    version: int = 0
    reservations: NameReservations = attrs.field(factory=NameReservations)
    _by_key: dict[str, CodeRecord] = attrs.field(factory=dict)
    _by_room: dict[str, dict[PeerKey, list[CodeRecord]]] = attrs.field(factory=dict)
    _names: dict[str, tuple[int, frozenset[PeerKey]]] = attrs.field(factory=dict)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)
    _is_in_doubt: bool = False
    _lifetimes: CodeLifetimes = attrs.field(factory=CodeLifetimes)
    _departed: dict[Peer, bool] = attrs.field(factory=dict)
    _ended: IssuedSecrets = attrs.field(factory=IssuedSecrets)

    async def load(self, now: Instant) -> None:
        """Read every code from the store.

        Those whose codes ran out while no relay was there to see it are to be let go.
        """
        for digest in await self.store.revoked(self._ended.most):
            self._ended.add(digest)
        for record in await self.store.codes():
            self._add(record)
        for record in self._lifetimes.look(self, now):
            self._departed[record.peer] = False

    def _add(self, record: CodeRecord) -> None:
        self._by_key[record.key_id] = record
        room = self._by_room.setdefault(fold(record.room), {})
        room.setdefault(peer_key(record.name), []).append(record)
        self.version += 1
        self._touch(record.peer.room)

    def _remove(self, record: CodeRecord) -> None:
        del self._by_key[record.key_id]
        self._lifetimes.forget(record)
        self._ended.add(record.digest)
        room = self._by_room[record.peer.room]
        room[record.peer.name].remove(record)
        if not room[record.peer.name]:
            del room[record.peer.name]
        if not room:
            del self._by_room[record.peer.room]
            self._names.pop(record.peer.room, None)
        self.version += 1
        self._touch(record.peer.room)
        self._departed[record.peer] = False

    def resolve(self, code: str, now: Instant) -> CodeRecord | None:
        """Return what a presented code stands for, if it is valid now.

        Found by its public handle, then compared in constant time. The stored
        digest itself opens nothing: it is hashed once more like anything else.
        """
        digest = digest_code(code)
        record = self._by_key.get(key_id_of(digest))
        if record is None or not record.is_code(digest):
            return None
        return record if self._lifetimes.is_live(record, now) else None

    def is_guess(self, code: str) -> bool:
        """Tell whether a code that is not valid may have been meant to find one.

        It was not if it has the form of none, or was one that ended.
        """
        digest = digest_code(code)
        known = self._by_key.get(key_id_of(digest))
        has_ended = digest in self._ended or (
            known is not None and known.is_code(digest)
        )
        return may_be_agents(code) and not has_ended

    def is_live(self, record: CodeRecord, now: Instant) -> bool:
        """Tell whether a code resolved earlier is still valid."""
        return self.seconds_left(record, now) > 0

    def seconds_left(self, record: CodeRecord, now: Instant) -> float:
        """Return how long a code resolved earlier goes on; ``inf`` is for ever.

        Nothing or less when it is over.
        """
        known = self._by_key.get(record.key_id)
        return 0.0 if known is None else self._lifetimes.seconds_left(known, now)

    def contains_live_code(self, text: str, now: Instant) -> bool:
        """Tell whether a text gives away a code that would open a room.

        What signs the operator in is not for any text, whether it still works or not.
        """
        found = filter(is_well_formed, CODE_PATTERN.findall(text))
        return any(
            is_operator_secret(code) or self.resolve(code, now) is not None
            for code in found
        )

    async def mint(
        self, invitations: Sequence[Invitation], audit_actor: str, now: Instant
    ) -> list[tuple[str, CodeRecord]]:
        """Make codes, all or none, and return each with its record.

        This is the only time that the codes themselves are seen.

        Raises:
            RelayError: ``code_quota``.
            Refused: The store did not take them; no code was made.
        """
        async with self._changing:
            self.check_quota(len(invitations))
            minted = [self._mint(invitation, now) for invitation in invitations]
            records = [record for _, record in minted]
            audits = [
                Audit(now.wall_ms, "invite", audit_actor, record.room, record.name)
                for record in records
            ]
            with shielded():
                await self._store(partial(self.store.add_codes, records, audits))
                for record in records:
                    self._add(record)
                    self._lifetimes.begin(record, now)
            return minted

    def check_quota(self, more: int) -> None:
        """Refuse more codes than there may be.

        Raises:
            RelayError: ``code_quota``.
        """
        limit = self.limits.codes
        if limit and len(self._by_key) + more > limit:
            raise RelayError(Problem.CODE_QUOTA, limit=limit)

    async def _store(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make a change to the codes durable; where that is unsure, read them all."""
        with contextlib.suppress(Unknown):
            return await change()
        self._is_in_doubt = True
        await self._reload()
        raise Unknown

    async def resolve_doubt(self) -> None:
        """Read the codes again if it is in doubt what became of a change to them.

        Raises:
            Unknown: It still is.
        """
        if self._is_in_doubt:
            async with self._changing:
                await self._reload()

    async def _reload(self) -> None:
        stored = await self._read_settled()
        self._is_in_doubt = False
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
        """Take over codes of another relay, each once; return how many are new.

        Args:
            records: The codes.
            audits: By handle, the row that is written with each. A code whose row is
                in the log already was taken over before, and is left out.

        Raises:
            RelayError: ``code_quota``.
            Refused: The store did not take them.
            Unknown: It may have; what is in memory is what is on the disk.
        """
        async with self._changing:
            fresh = {
                audits[record.key_id].tally: record
                for record in records
                if record.key_id not in self._by_key
            }
            self.check_quota(len(fresh))
            rows = [audits[record.key_id] for record in fresh.values()]
            with shielded():
                new = await self._store(partial(self.store.adopt, rows, fresh))
                for tally in fresh.keys() & new:
                    self._add(fresh[tally])
            return len(new)

    async def _read_settled(self) -> Sequence[CodeRecord]:
        """Read the codes once something is durable: what can be read then is final.

        Raises:
            Unknown: The store cannot, and nobody knows what became of the change.
        """
        try:
            await self.store.probe()
            return await self.store.codes()
        except StoreError as error:
            raise Unknown(str(error)) from error

    def _mint(self, invitation: Invitation, now: Instant) -> tuple[str, CodeRecord]:
        while True:
            code = new_code()
            digest = digest_code(code)
            if key_id_of(digest) not in self._by_key:
                break
        return code, invitation.record(digest, now)

    async def remove(
        self, records: Sequence[CodeRecord], audits: Sequence[Audit], now: Instant
    ) -> list[Peer]:
        """Remove codes for good.

        Returns:
            The peers that hold no valid code any more.

        Raises:
            Refused: The store did not; every code stays.
            Unknown: It may have; what is in memory is what is on the disk.
        """
        async with self._changing:
            with shielded():
                await self._store(partial(self.store.remove_codes, records, audits))
                for record in records:
                    if record.key_id in self._by_key:
                        self._remove(record)
        peers = {record.peer for record in records}
        return [peer for peer in peers if not self.has_valid_code(peer, now)]

    def has_valid_code(self, peer: Peer, now: Instant) -> bool:
        """Tell whether a peer holds a valid code."""
        return any(self._lifetimes.is_live(each, now) for each in self.codes_of(peer))

    def match(self, target: str) -> list[CodeRecord]:
        """Return the codes that `target` means: a handle, a code, or a name."""
        by_handle = self._by_key.get(target) or self._by_key.get(
            key_id_of(digest_code(target))
        )
        if by_handle is not None:
            return [by_handle]
        name = fold(target)
        return [each for each in self._by_key.values() if each.peer.name == name]

    def codes_of(self, peer: Peer) -> list[CodeRecord]:
        """Return every code of a peer, valid or not."""
        return list(self._by_room.get(peer.room, {}).get(peer.name, ()))

    def live_codes(self, room: str, now: Instant) -> tuple[CodeRecord, ...]:
        """Return the newest valid code of each peer of a room (folded)."""
        peers = self._by_room.get(room, {}).values()
        is_live = partial(self._lifetimes.is_live, now=now)
        live = (list(filter(is_live, mine)) for mine in peers)
        return tuple(mine[-1] for mine in live if mine)

    def live_names(self, room: str, now: Instant) -> frozenset[PeerKey]:
        """Return the folded names in a room (folded) that hold a valid code."""
        cached = self._names.get(room)
        if cached is None or cached[0] != self.version:
            names = frozenset(code.peer.name for code in self.live_codes(room, now))
            cached = self._names[room] = (self.version, names)
        return cached[1]

    def expired_names(self, room: str, now: Instant) -> frozenset[str]:
        """Return the folded names in a room whose codes have all run out."""
        return frozenset(
            name
            for name, mine in self._by_room.get(room, {}).items()
            if not any(self._lifetimes.is_live(each, now) for each in mine)
        )

    def spelling(self, room: str, name: str) -> str | None:
        """Return how a peer of a room (folded) is spelled, if it holds a code."""
        mine = self._by_room.get(room, {}).get(peer_key(name))
        return mine[0].name if mine else None

    def rooms(self) -> tuple[str, ...]:
        """Return the folded names of all rooms that somebody holds a code for."""
        return tuple(self._by_room)

    async def remove_stale(self, now: Instant) -> None:
        """Remove the codes that ran out long ago, once there is no doubt of it.

        Raises:
            StoreError: The store did not; they stay, or are read again.
        """
        stale = self._lifetimes.stale(self, self.limits.expired_code_seconds, now)
        if stale:
            await self.remove(stale, [], now)

    async def correct(self, now: Instant) -> None:
        """Write down the times of this process's codes anew if the clock was set.

        A restart must neither revive such a code nor end it early.

        Raises:
            StoreError: The store did not; the next call does.
        """
        async with self._changing:
            moved = self._lifetimes.outdated(self, now)
            if not moved:
                return
            with shielded():
                await self._store(partial(self.store.retime_codes, moved))
                for record in moved:
                    self._replace(record)
                    self._lifetimes.begin(record, now)

    def _replace(self, record: CodeRecord) -> None:
        """Take over a code of which only the times are others."""
        mine = self._by_room[record.peer.room][record.peer.name]
        mine[mine.index(self._by_key[record.key_id])] = record
        self._by_key[record.key_id] = record
        self.version += 1
        self._touch(record.peer.room)

    def tick(self, now: Instant) -> None:
        """See which codes have run out since the last tick.

        One that had is valid again if the wall clock was set back since.
        """
        changed = self._lifetimes.look(self, now)
        if changed:
            self.version += 1
        for each in changed:
            self._touch(each.peer.room)
            self._departed[each.peer] = False

    def departed(self, now: Instant) -> list[Peer]:
        """Return the peers that hold no valid code and were not let go yet."""
        # Some have another code, or were invited again.
        gone = [peer for peer in self._departed if not self.has_valid_code(peer, now)]
        self._departed = {peer: self._departed[peer] for peer in gone}
        return gone

    def forget(self, peer: Peer) -> None:
        """Take note that a peer was let go."""
        self._departed.pop(peer, None)

    def postpone(self, peer: Peer) -> bool:
        """Take note that a peer could not be let go yet: others come first now.

        Returns:
            Whether that is news, and not the same as the last time.
        """
        was_put_off = self._departed.pop(peer, False)
        self._departed[peer] = True
        return not was_put_off

    def __iter__(self) -> Iterator[CodeRecord]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)


def new_code(prefix: str = AGENT_PREFIX) -> str:
    """Return a code that nobody can guess."""
    random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARS))
    return format_code(random, prefix)
