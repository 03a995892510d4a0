"""Registry of one-use invites: each is exchanged once for an access code."""

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import attrs
import trio

from argybargy.domain.access_codes import (
    ALPHABET,
    INVITE_PREFIX,
    RANDOM_CHARS,
    CodeRecord,
    digest_code,
    format_code,
    is_well_formed,
    key_id_of,
)
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.invites import (
    InviteRecord,
    InviteState,
    check_open,
    invite_state,
)
from argybargy.domain.limits import Limits
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.writes import Audit
from argybargy.relay.access.code_lifetimes import CodeLifetimes
from argybargy.relay.access.code_registry import CodeRegistry, new_code
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.store_errors import shielded
from argybargy.store.errors import StoreError, Unknown
from argybargy.store.protocol import InviteStore
from argybargy.system.values import define, frozen

_FORGET_SECONDS = 24 * 3600
"""Time after its expiry for which an invite is remembered."""


@frozen
class Join:
    """One attempt to use an invite.

    Attributes:
        invite: The invite.
        code: The code that it is to be exchanged for.
        invitation: The properties of that code.
        is_newcomer: Whether nobody may hold a code with that name yet.
    """

    invite: InviteRecord
    code: str = attrs.field(repr=False)
    invitation: Invitation
    is_newcomer: bool


@define
class InviteRegistry:
    """All invites that are open or ended lately.

    Every change is stored first and made in memory after, under a lock and shielded
    from cancellation: of many racing joins exactly one gets a code. If the outcome of
    a change is unknown, the invites are read again before the next one.

    Mutable state: `_by_key`, bounded by `Limits.invites_kept`.

    Args:
        store: Durable storage.
        codes: The access codes.
        limits: The relay's limits.
    """

    store: InviteStore
    codes: CodeRegistry
    limits: Limits
    _by_key: dict[str, InviteRecord] = attrs.field(factory=dict)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)
    _is_in_doubt: bool = False
    _lifetimes: CodeLifetimes[InviteRecord] = attrs.field(factory=CodeLifetimes)
    _secret: bytes = attrs.field(factory=partial(secrets.token_bytes, 32), repr=False)

    async def load(self) -> None:
        """Load every invite from the store.

        Raises:
            StoreError: The store could not be read.
        """
        self._by_key = {each.key_id: each for each in await self.store.invites()}

    def find(self, presented: str) -> InviteRecord | None:
        """Return the record of a presented invite, open or not.

        It is found by its public id and then compared in constant time.
        """
        if not is_well_formed(presented, INVITE_PREFIX):
            return None
        digest = digest_code(presented)
        record = self._by_key.get(key_id_of(digest))
        return record if record is not None and record.is_invite(digest) else None

    def state(self, record: InviteRecord, now: Instant) -> InviteState:
        """Return the state of an invite now."""
        known = self._by_key.get(record.key_id, record)
        return invite_state(known, self._lifetimes.seconds_left(known, now))

    def has_open(self, found: Iterable[str], now: Instant) -> bool:
        """Tell whether one of the codes found in a text is an open invite."""
        known = map(self.find, found)
        return any(each and self.state(each, now) is InviteState.OPEN for each in known)

    async def create(
        self, invitation: Invitation, seconds: float, actor: str, now: Instant
    ) -> tuple[str, InviteRecord]:
        """Create an invite and return it with its record.

        Only its digest is kept, so this is the only time that the invite is seen.

        Args:
            invitation: The properties of the code that it gives; the name may be empty.
            seconds: Time for which it can be used.
            actor: The operator, for the audit log.
            now: The current time.

        Raises:
            RelayError: ``invite_quota``.
            StoreError: The store refused, or the outcome is unknown.
        """
        async with self._changing:
            await self._settle()
            self._check_quota(now)
            await self._forget(self._surplus(now))
            invite = new_code(INVITE_PREFIX)
            record = InviteRecord(
                digest=digest_code(invite),
                room=invitation.room,
                name=invitation.name,
                capabilities=invitation.capabilities,
                client=invitation.client,
                created_ms=now.wall_ms,
                expires_ms=now.wall_ms + round(seconds * 1000),
                code_seconds=invitation.lifetime_seconds,
            )
            await self._save([record], "invite_create", actor, now)
            self._lifetimes.begin(record, now)
            return invite, record

    async def revoke(self, key_id: str, actor: str, now: Instant) -> InviteRecord:
        """Revoke an open invite, by its public id.

        Raises:
            RelayError: ``invite_not_found``, also when it has ended.
            StoreError: The store refused, or the outcome is unknown.
        """
        async with self._changing:
            await self._settle()
            record = self._by_key.get(key_id)
            if record is None or self.state(record, now) is not InviteState.OPEN:
                raise RelayError(Problem.INVITE_NOT_FOUND)
            revoked = record.revoked(now.wall_ms)
            await self._save([revoked], "invite_revoke", actor, now)
            return revoked

    async def revoke_all(self, room: RoomKey, actor: str, now: Instant) -> None:
        """Revoke the open invites of a room.

        Raises:
            StoreError: The store refused, or the outcome is unknown.
        """
        async with self._changing:
            await self._settle()
            revoked = [
                each.revoked(now.wall_ms)
                for each in self
                if room_key(each.room) == room
                and self.state(each, now) is InviteState.OPEN
            ]
            await self._save(revoked, "invite_revoke", actor, now)

    async def forget_room(self, room: RoomKey) -> None:
        """Drop the invites of a room that was deleted; the store has deleted them."""
        async with self._changing:
            gone = [each for each in self if room_key(each.room) == room]
            for record in gone:
                del self._by_key[record.key_id]
                self._lifetimes.forget(record)

    def doubt(self) -> None:
        """Note that the outcome of a change to the invites is unknown.

        :meth:`resolve_doubt` reads them again.
        """
        self._is_in_doubt = True

    async def exchange(self, join: Join, now: Instant) -> CodeRecord:
        """Exchange an invite for a code, once.

        The use of the invite and the code are stored in one transaction.

        Raises:
            RelayError: The invite has ended; ``code_quota``; ``name_taken``. The
                invite can still be used in the last two cases.
            StoreError: The store refused, or the outcome is unknown.
        """
        async with self._changing:
            await self._settle()
            invite = self._by_key.get(join.invite.key_id)
            if invite is None:
                raise RelayError(Problem.INVITE_UNKNOWN)
            check_open(self.state(invite, now))

            async def store(code: CodeRecord) -> None:
                used = invite.used(now.wall_ms, code.key_id)
                detail = f"{code.key_id} by invite {invite.key_id}"
                audit = Audit(now.wall_ms, "join", code.name, code.room, detail)
                await self.store.redeem_invite(used, code, [audit])

            with shielded(), self._noting_doubt():
                record = await self.codes.admit(
                    join.code,
                    join.invitation,
                    store,
                    now,
                    is_newcomer=join.is_newcomer,
                )
                self._by_key[invite.key_id] = invite.used(now.wall_ms, record.key_id)
            return record

    def derived_code(self, invite: str, key: str, *parts: str) -> str:
        """Return the code that one repeatable join gets, always the same one.

        It follows from the invite, the idempotency key and the rest of the request,
        and from a secret of this process. So a join can be repeated although its code
        is stored nowhere, and an invite alone does not reveal the code.
        """
        message = "\0".join((invite, key, *parts)).encode()
        number = int.from_bytes(
            hmac.digest(self._secret, message, hashlib.sha256), "big"
        )
        random = ""
        for _ in range(RANDOM_CHARS):
            number, digit = divmod(number, len(ALPHABET))
            random += ALPHABET[digit]
        return format_code(random)

    def repeated(
        self, invite: InviteRecord, code: str, now: Instant
    ) -> CodeRecord | None:
        """Return the code's record, if the invite was exchanged for it a moment ago."""
        known = self._by_key.get(invite.key_id, invite)
        if known.ended_ms is None:
            return None
        age = (now.counted_ms - now.counted(known.ended_ms)) / 1000
        record = self.codes.resolve(code, now)
        is_same = record is not None and record.key_id == known.code_key_id
        return record if is_same and age <= self.limits.join_repeat_seconds else None

    # -- the store --------------------------------------------------------------

    async def _save(
        self, records: Sequence[InviteRecord], action: str, actor: str, now: Instant
    ) -> None:
        if not records:
            return
        audits = [
            Audit(
                now.wall_ms,
                action,
                actor,
                each.room,
                f"{each.key_id} {each.name}".strip(),
            )
            for each in records
        ]
        with shielded(), self._noting_doubt():
            await self.store.save_invites(records, audits)
            self._by_key.update((each.key_id, each) for each in records)

    @contextlib.contextmanager
    def _noting_doubt(self) -> Iterator[None]:
        try:
            yield
        except Unknown:
            self._is_in_doubt = True
            raise

    async def _settle(self) -> None:
        """Read the invites again if the outcome of a change is unknown.

        The probe is a durable write; a read behind it is final.

        Raises:
            Unknown: It still is.
        """
        if not self._is_in_doubt:
            return
        with shielded():
            try:
                await self.store.probe()
                stored = await self.store.invites()
            except StoreError as error:
                raise Unknown(str(error)) from error
            self._follow(stored)
            self._is_in_doubt = False

    def _follow(self, stored: Sequence[InviteRecord]) -> None:
        """Make memory equal to the invites of the store."""
        for record in stored:
            known = self._by_key.get(record.key_id)
            if known is not None:
                self._lifetimes.carry_over(record, known)
        self._by_key = {each.key_id: each for each in stored}

    async def reread(self) -> None:
        """Read the invites again, which other nodes may have changed.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._changing:
            self._follow(await self.store.invites())

    async def resolve_doubt(self) -> None:
        """Read the invites again if the outcome of a change is unknown.

        Raises:
            Unknown: It still is.
        """
        if self._is_in_doubt:
            async with self._changing:
                await self._settle()

    async def correct(self, now: Instant) -> None:
        """Store corrected times of this process's invites after a clock step.

        Raises:
            StoreError: The store failed; the next call tries again.
        """
        async with self._changing:
            moved = self._lifetimes.corrected(self, now)
            if not moved:
                return
            with shielded(), self._noting_doubt():
                await self.store.save_invites(moved, [])
                for record in moved:
                    self._by_key[record.key_id] = record
                    self._lifetimes.begin(record, now)

    async def remove_stale(self, now: Instant) -> None:
        """Delete the invites that expired long ago, beyond doubt.

        Raises:
            StoreError: The store failed; the next round tries again.
        """
        async with self._changing:
            await self._forget(self._lifetimes.stale(self, _FORGET_SECONDS, now))

    async def _forget(self, records: Sequence[InviteRecord]) -> None:
        if not records:
            return
        with shielded(), self._noting_doubt():
            await self.store.delete_invites(records)
            for record in records:
                self._by_key.pop(record.key_id, None)
                self._lifetimes.forget(record)

    def _check_quota(self, now: Instant) -> None:
        limit = self.limits.invites
        is_open = (self.state(each, now) is InviteState.OPEN for each in self)
        if sum(is_open) >= limit:
            raise RelayError(Problem.INVITE_QUOTA, limit=limit)

    def _surplus(self, now: Instant) -> list[InviteRecord]:
        """Return the oldest ended invites that leave no room for one more."""
        count = len(self._by_key) + 1 - self.limits.invites_kept
        ended = [each for each in self if self.state(each, now) is not InviteState.OPEN]
        return ended[: max(0, count)]

    def __iter__(self) -> Iterator[InviteRecord]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)
