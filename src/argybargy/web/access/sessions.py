"""Sessions and one-time sign-in codes of the operator.

The admin token is for the machine that the relay runs on. A browser exchanges it for a
session, which expires, is listed, and can be revoked. A phone gets a sign-in code in a
link, which is redeemed once for a session. Both are kept as digests; codes in memory
only, sessions in the store.

Rules:

1. A session is stored before its secret is shown. Ending one takes effect in memory
   first and is stored before it is confirmed. So a crash neither loses a session that
   somebody holds, nor brings one back that somebody was told has ended.
2. What may be stored and should not be (`_ending`) is deleted until the store confirms
   it, whatever failed before.
3. Authenticating a request touches memory alone. The last use is stored now and then.
4. A session cannot prolong itself: it cannot open another session, and a sign-in code
   that it creates, and the session opened with that code, expire no later than it does.
"""

import hmac
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs
import trio

from argybargy.domain.access_codes import (
    SESSION_PREFIX,
    SIGN_IN_PREFIX,
    digest_code,
    is_well_formed,
    key_id_of,
)
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.rate_limit import admit_into
from argybargy.domain.room.writes import Audit
from argybargy.domain.sessions import SessionRecord, digest_halves
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.relay.api.operator import OPERATOR_ACTOR
from argybargy.relay.clock import Clock
from argybargy.relay.store_errors import shielded, translated
from argybargy.store.errors import Unknown
from argybargy.store.protocol import SessionStore
from argybargy.system.logs import get_logger
from argybargy.system.values import define
from argybargy.web.access.admin_token import AdminToken
from argybargy.web.access.session import (
    NewSession,
    NewSignInCode,
    Session,
    SignInCode,
    Visitor,
)
from argybargy.web.access.sign_in_codes import SignInCodes
from argybargy.web.identity import IdentityKind, OperatorIdentity

if TYPE_CHECKING:
    from argybargy.web.access.shared_sign_in import SharedSignInCodes

log = get_logger(__name__)

USE_MS: Final = 60_000
"""Least time between two stored uses of a session in milliseconds, so that an open
dashboard costs a write a minute."""
READS_PER_SECOND: Final = 10
"""Most reads of the sessions in a second because of unknown ones."""
_DAY_MS: Final = 86_400_000


@define
class Sessions:
    """All sessions and sign-in codes of a relay.

    The mutable state is `_sessions`, by public id and oldest first; `_ending`, the
    sessions that the store may still have though they have ended; `_issued`, which
    remembers ended sign-in codes too; `_watchers`; and `_era`, the number of token
    rotations. At the limit, a new session ends the one that is unused longest.

    Args:
        store: Durable storage of the sessions.
        limits: The limits of the relay.
        clock: The relay's clock.
        admin_token: The admin token; its mark ties the stored sessions to it.

    Attributes:
        codes: The open sign-in codes that only this node accepts.
        shared_codes: Those that all nodes accept; ``None`` where there is one node.
    """

    store: SessionStore
    limits: Limits
    clock: Clock
    admin_token: AdminToken
    _sessions: dict[str, Session] = attrs.field(factory=dict)
    _ending: dict[str, SessionRecord] = attrs.field(factory=dict)
    _issued: IssuedSecrets = attrs.field(factory=IssuedSecrets)
    _watchers: list[tuple[OperatorIdentity, Callable[[], None]]] = attrs.field(
        factory=list
    )
    shared_codes: "SharedSignInCodes | None" = None
    _era: int = 0
    _reads: deque[float] = attrs.field(factory=deque)
    _changing: trio.Lock = attrs.field(factory=trio.Lock)
    codes: SignInCodes = attrs.field(init=False)

    @codes.default
    def _make_codes(self) -> SignInCodes:
        return SignInCodes(self.limits, self.clock, self.is_live)

    def __repr__(self) -> str:
        return f"<Sessions {len(self._sessions)} open, {len(self.codes)} codes>"

    async def load(self) -> None:
        """Load the stored sessions that were opened under the current admin token.

        Of more than the limit, the oldest end. A shorter `session_days` than before
        applies to them too.

        Raises:
            StoreError: The store could not be read.
        """
        now, mark = self.clock.now(), self.admin_token.mark
        stored = await self.store.sessions()
        kept = [each for each in stored if each.token_mark == mark]
        kept = kept[-self.limits.sessions :]
        known = {each.digest for each in kept}
        self._note_ending(each for each in stored if each.digest not in known)
        for each in kept:
            record = _shortened(each, each.created_ms + self._lifetime_ms)
            self._sessions[record.id] = Session.stored(record, now)

    async def reread(self) -> None:
        """Read the sessions again, which other nodes may have opened or ended.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._changing:
            found = await self.store.sessions()
            now, mark = self.clock.now(), self.admin_token.mark
            stored = {each.id: each for each in found if each.token_mark == mark}
            for record in stored.values():
                known = self._sessions.get(record.id)
                if known is not None:
                    known.used_ms = max(known.used_ms, now.counted(record.used_ms))
                elif record.id not in self._ending:
                    self._sessions[record.id] = Session.stored(record, now)
                    self._issued.add(record.digest)
            gone = [each for each in self._sessions if each not in stored]
            self._drop([self._sessions[each].record for each in gone], is_stored=True)

    async def learn(self, presented: str, cookies: Iterable[str] = ()) -> None:
        """Read the sessions again if one is presented that this node does not know.

        A node hears of new sessions before anybody uses them, unless a hint was lost.
        Guesses make it read :data:`READS_PER_SECOND` times a second at most.

        Raises:
            RelayError: ``busy``, after so many; ``storage_unavailable`` and the like.
        """
        if self.shared_codes is None or not is_well_formed(presented, SESSION_PREFIX):
            return
        digests = [digest_halves(presented, each) for each in (None, *cookies)]
        if any(
            key_id_of(each) in self._sessions or each in self._issued
            for each in digests
        ):
            return
        if admit_into(self._reads, trio.current_time(), READS_PER_SECOND, 1.0):
            raise RelayError(Problem.BUSY, retry_after=1)
        with translated():
            await self.reread()

    def forget_token(self) -> None:
        """End what the admin token allowed: another node has replaced it."""
        self._era += 1
        self._drop_all()

    # -- authentication --------------------------------------------------------

    def token_identity(self) -> OperatorIdentity:
        """Return the identity of a caller with the admin token."""
        return OperatorIdentity(IdentityKind.TOKEN, self._era)

    def resolve(
        self, presented: str, cookie: str | None = None
    ) -> OperatorIdentity | None:
        """Return the identity of a valid session, and record its use.

        The session is found by its public id, then compared in constant time.

        Args:
            presented: Secret that the client sent, in any form.
            cookie: The other half of it, from a cookie.
        """
        if not is_well_formed(presented, SESSION_PREFIX):
            return None
        digest, now = digest_halves(presented, cookie), self.clock.now()
        session = self._sessions.get(key_id_of(digest))
        if session is None or not hmac.compare_digest(session.record.digest, digest):
            return None
        if session.seconds_left(now) <= 0:
            return None
        session.used_ms = now.counted_ms
        return OperatorIdentity(IdentityKind.SESSION, self._era, session.id)

    def is_guess(self, presented: str) -> bool:
        """Tell whether an invalid sign-in code is a guess: well formed, never issued.

        Secrets of sessions are never guesses. Browsers keep them for longer than the
        relay knows ended ones, and their 190 random bits need no throttle.
        """
        if not is_well_formed(presented, SIGN_IN_PREFIX):
            return False
        return digest_code(presented) not in self._issued

    def is_live(self, identity: OperatorIdentity) -> bool:
        """Tell whether an identity is still valid."""
        return self.seconds_left(identity) > 0

    def seconds_left(self, identity: OperatorIdentity) -> float:
        """Return how long an identity stays valid.

        Returns:
            Seconds; ``inf`` for the token, zero or negative if it has ended.
        """
        if identity.era != self._era:
            return 0
        if identity.id is None:
            return math.inf
        session = self._sessions.get(identity.id)
        return 0 if session is None else session.seconds_left(self.clock.now())

    def find(self, identity: OperatorIdentity) -> Session | None:
        """Return the session of an identity; ``None`` for the token."""
        return None if identity.id is None else self._sessions.get(identity.id)

    def live(self) -> list[Session]:
        """Return the open sessions, oldest first."""
        now = self.clock.now()
        return [each for each in self._sessions.values() if each.seconds_left(now) > 0]

    # -- opening ---------------------------------------------------------------

    async def open(self, by: OperatorIdentity, visitor: Visitor) -> NewSession:
        """Open a session for a caller with the admin token.

        Raises:
            RelayError: ``token_required`` for a session; ``admin_unauthorized`` if the
                token was replaced since it was presented; ``storage_unavailable`` and
                the like.
        """
        if by.kind is not IdentityKind.TOKEN:
            raise RelayError(Problem.TOKEN_REQUIRED)
        async with self._changing:
            self._check_live(by)
            return await self._open(visitor, "token", None)

    def make_code(self, by: OperatorIdentity) -> NewSignInCode:
        """Create a sign-in code, which can be redeemed once.

        Raises:
            RelayError: ``admin_unauthorized``, if `by` is no longer valid.
        """
        self._check_live(by)
        parent = self.find(by)
        end_ms = None if parent is None else parent.ends_ms(self.clock.now())
        made = self.codes.make(by, end_ms)
        self._issued.add(made.record.digest)
        return made

    async def publish_code(self, code: SignInCode) -> None:
        """Let all nodes accept a sign-in code.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        if self.shared_codes is not None:
            await self.shared_codes.add(code, self.admin_token.mark)
            self.codes.remove(code)

    async def _redeem_shared(
        self, shared: "SharedSignInCodes", presented: str, visitor: Visitor
    ) -> NewSession | None:
        """Open a session with a sign-in code of any node."""
        code = await shared.take(presented)
        if code is None:
            return None
        self._issued.add(bytes.fromhex(code.digest))
        if code.made_by is not None and code.made_by not in self._sessions:
            with translated():
                await self.reread()
        async with self._changing:
            is_known = code.made_by is None or code.made_by in self._sessions
            if code.token_mark != self.admin_token.mark or not is_known:
                return None
            now, end_ms = self.clock.now(), code.session_end_ms
            if end_ms is not None:
                end_ms = end_ms - now.stepped_ms
            try:
                return await self._open(visitor, "link", end_ms)
            except RelayError as error:
                failure = error
            # Outside of the handler, where a cancellation would replace the error.
            await shared.put(code)
            raise failure

    async def redeem(self, presented: str, visitor: Visitor) -> NewSession | None:
        """Open a session with a sign-in code; ``None`` if the code is invalid.

        The code stays valid if the session could not be stored.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        if self.shared_codes is not None and self.codes.find(presented) is None:
            return await self._redeem_shared(self.shared_codes, presented, visitor)
        if self.codes.find(presented) is None:
            return None
        async with self._changing:
            record = self.codes.find(presented)  # another request may have been faster
            if record is None:
                return None
            made = await self._open(visitor, "link", record.session_end_ms)
            self.codes.remove(record)
            return made

    def _check_live(self, by: OperatorIdentity) -> None:
        if not self.is_live(by):
            raise RelayError(Problem.ADMIN_UNAUTHORIZED)

    @property
    def _lifetime_ms(self) -> int:
        return round(self.limits.session_days * _DAY_MS)

    async def _open(
        self, visitor: Visitor, way: str, latest_ms: int | None
    ) -> NewSession:
        """Store a new session and keep it. The caller holds the lock."""
        now, token = self.clock.now(), new_code(SESSION_PREFIX)
        cookie = new_code(SESSION_PREFIX) if visitor.keeps_cookie else None
        record = SessionRecord(
            digest=digest_halves(token, cookie),
            address=visitor.address,
            device=visitor.device,
            created_ms=now.wall_ms,
            expires_ms=now.wall_ms + self._lifetime_ms,
            used_ms=now.wall_ms,
            token_mark=self.admin_token.mark,
        )
        if latest_ms is not None:
            record = _shortened(record, now.on_wall(latest_ms))
        crowded = self._crowded_out(now)
        detail = f"{record.id} by {way} from {visitor.address}"
        audits = [_audit(now, "sign_in", detail)]
        with shielded(), translated():
            try:
                await self.store.open_session(record, crowded, audits)
            except Unknown:
                # Nobody will get its secret, and the others may be gone.
                self._note_ending([record])
                self._drop(crowded)
                raise
            session = self._sessions[record.id] = Session.opened(record, now)
            self._drop(crowded, is_stored=True)
        return NewSession(token, cookie, session)

    def _crowded_out(self, now: Instant) -> list[SessionRecord]:
        """Return the sessions that leave no room for one more."""

        def rank(session: Session) -> tuple[bool, bool, float]:
            is_open = session.seconds_left(now) > 0
            return is_open, session.watchers > 0, session.used_ms

        surplus = len(self._sessions) + 1 - self.limits.sessions
        ranked = sorted(self._sessions.values(), key=rank)
        return [each.record for each in ranked[: max(0, surplus)]]

    # -- ending ----------------------------------------------------------------

    async def end(self, session_id: str, action: str) -> bool:
        """End a session and the codes it created; False if it is unknown.

        It has ended even if storing that fails: then it is tried again, and only a
        crash before that can bring the session back.

        Args:
            session_id: Public id of the session.
            action: The action for the audit log.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        async with self._changing:
            session = self._sessions.get(session_id)
            now = self.clock.now()
            is_open = session is not None and session.seconds_left(now) > 0
            if session is not None:
                self._drop([session.record])
            if not is_open and session_id not in self._ending:
                return False
            await self._delete_ending([_audit(now, action, session_id)])
            return True

    async def end_sessions(self) -> int:
        """End every session and sign-in code.

        Returns:
            Number of ended sessions.

        Raises:
            RelayError: As :meth:`end`.
        """
        async with self._changing:
            ended, now = len(self.live()), self.clock.now()
            self._drop_all()
            if self.shared_codes is not None:
                await self.shared_codes.clear()
            await self._delete_ending([_audit(now, "session_revoke", f"all {ended}")])
            return ended

    async def rotate_token(self) -> str:
        """Replace the admin token; end sessions, codes and identities of the old one.

        If the sessions cannot be deleted now, that is tried again; a relay that starts
        before it succeeds ignores them, since the mark of their token is another.

        Raises:
            OSError: The token could not be stored. Nothing was changed.
        """
        async with self._changing:
            # Shielded, or the sessions of a replaced token could stay.
            with shielded():
                token = await self.admin_token.rotate()
                self._era += 1
                self._drop_all()
                try:
                    await self._delete_ending([])
                except RelayError as error:
                    log.warning("sessions are deleted later", reason=str(error))
            return token

    def _note_ending(self, records: Iterable[SessionRecord]) -> None:
        self._ending.update((record.id, record) for record in records)

    def _drop(
        self, records: Iterable[SessionRecord], *, is_stored: bool = False
    ) -> None:
        """End sessions in memory.

        Args:
            records: Their records.
            is_stored: Whether the store has deleted them already.
        """
        for record in records:
            self._sessions.pop(record.id, None)
            if not is_stored:
                self._ending[record.id] = record
        self.codes.sweep()
        self._wake_ended()

    def _drop_all(self) -> None:
        self.codes.clear()
        self._drop([each.record for each in self._sessions.values()])

    async def _delete_ending(self, audits: Sequence[Audit]) -> None:
        """Delete ended sessions from the store, with audit rows, and forget them."""
        ended = list(self._ending.values())
        if not (ended or audits):
            return
        with shielded(), translated():
            await self.store.end_sessions(ended, audits)
            for record in ended:
                self._ending.pop(record.id, None)

    # -- storing ---------------------------------------------------------------

    async def save(self, *, has_all_uses: bool = False) -> None:
        """Store the last uses and corrected times, and delete what has ended.

        Args:
            has_all_uses: Whether to store uses of less than `USE_MS` ago too.

        Raises:
            StoreError: The store failed; the next call tries again.
        """
        async with self._changing:
            now = self.clock.now()
            known = list(self._sessions.values())
            self._drop([each.record for each in known if each.is_past_doubt(now)])
            least_ms = 1 if has_all_uses else USE_MS
            changed = [
                (each, each.current_record(now))
                for each in self._sessions.values()
                if each.has_changed(now, least_ms)
            ]
            with shielded():
                if self._ending:
                    await self.store.end_sessions(list(self._ending.values()), [])
                    self._ending.clear()
                if changed:
                    await self.store.update_sessions([record for _, record in changed])
                for session, record in changed:
                    session.note_stored(record, now)

    # -- watching --------------------------------------------------------------

    @contextmanager
    def watching(
        self, identity: OperatorIdentity, wake: Callable[[], None]
    ) -> Iterator[None]:
        """Call `wake` when an identity is revoked, and keep its session in use.

        Check :meth:`is_live` after entering, and wait no longer than
        :meth:`seconds_left`: expiry has no timer of its own and calls nothing.

        Args:
            identity: Identity to watch.
            wake: Called synchronously from the task that ends the session; it must
                not block or raise.
        """
        session, watcher = self.find(identity), (identity, wake)
        self._watchers.append(watcher)
        if session is not None:
            session.watchers += 1
        try:
            yield
        finally:
            self._watchers.remove(watcher)
            if session is not None:
                session.watchers -= 1
                session.used_ms = self.clock.now().counted_ms

    def _wake_ended(self) -> None:
        for identity, wake in list(self._watchers):
            if not self.is_live(identity):
                wake()


def _shortened(record: SessionRecord, latest_ms: int) -> SessionRecord:
    """Return a record that expires no later than a wall time, nor before its use."""
    expires_ms = min(record.expires_ms, max(latest_ms, record.used_ms))
    return attrs.evolve(record, expires_ms=expires_ms)


def _audit(now: Instant, action: str, detail: str) -> Audit:
    return Audit(now.wall_ms, action, OPERATOR_ACTOR, detail=detail)
