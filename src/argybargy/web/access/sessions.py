"""Sessions and one-time sign-in codes of the operator.

The admin token is for the machine that the relay runs on. A browser exchanges it for a
session, which expires, is listed, and can be revoked. A phone gets a sign-in code in a
link, which is redeemed once for a session. Both are kept in memory only, as digests,
and end with the relay.

A session cannot prolong itself: it cannot open another session, and a sign-in code
that it creates, and the session opened with that code, expire no later than it does.
"""

import hmac
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import attrs

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
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.relay.clock import Clock
from argybargy.web.identity import IdentityKind, OperatorIdentity


@attrs.frozen
class End:
    """Deadline on two clocks; the earlier one counts.

    The steady clock stops while the machine is suspended, the counted time goes on.
    Setting the wall clock affects neither.

    Attributes:
        counted_ms: Counted time in milliseconds, time in suspension included.
        steady_seconds: Steady clock, in seconds.
    """

    counted_ms: int
    steady_seconds: float

    @classmethod
    def after(cls, seconds: float, now: Instant) -> Self:
        """Return the deadline `seconds` from now."""
        counted_ms = now.counted_ms + int(seconds * 1000)
        return cls(counted_ms, now.steady_seconds + seconds)

    def earlier(self, other: "End | None") -> "End":
        """Return the earlier of two deadlines; ``None`` is no deadline."""
        if other is None:
            return self
        return min(self, other, key=lambda end: end.counted_ms)

    def seconds_left(self, now: Instant) -> float:
        """Return the seconds until the deadline; zero or negative if it has passed."""
        counted = (self.counted_ms - now.counted_ms) / 1000
        return min(counted, self.steady_seconds - now.steady_seconds)


@attrs.define(eq=False)
class Session:
    """One open session.

    Attributes:
        digest: SHA-256 of the session's secret.
        address: IP address that opened it.
        created_ms: Time of creation, as counted time in milliseconds.
        end: Absolute deadline, however much it is used.
        used_at: Last use, in seconds of the steady clock.
        watchers: Number of open streams; it is not idle while there are any.
    """

    digest: bytes = attrs.field(repr=False)
    address: str
    created_ms: int
    end: End
    used_at: float
    watchers: int = 0

    @property
    def id(self) -> str:
        """Public id, derived from the digest."""
        return key_id_of(self.digest)


@attrs.frozen
class SignInCode:
    """One open sign-in code.

    Attributes:
        digest: SHA-256 of the code.
        made_by: Identity that created it; the code ends with that identity.
        end: Deadline of the code.
        session_end: Deadline of the session it opens; None for the usual one.
    """

    digest: bytes = attrs.field(repr=False)
    made_by: OperatorIdentity
    end: End
    session_end: End | None


@attrs.frozen
class NewSession:
    """A new session with its secret, which is not kept."""

    token: str = attrs.field(repr=False)
    session: Session


@attrs.frozen
class NewSignInCode:
    """A new sign-in code in clear text, which is not kept."""

    code: str = attrs.field(repr=False)
    record: SignInCode


@attrs.define
class Sessions:
    """All sessions and sign-in codes of a relay.

    The mutable state is `_sessions` and `_codes`, both by public id and oldest first,
    `_issued`, which remembers ended ones too, `_watchers`, and `_era`, the number of
    token rotations. At the limit, a new session ends the one that is idle longest, and
    a new code replaces the oldest.
    """

    limits: Limits
    clock: Clock
    _sessions: dict[str, Session] = attrs.field(factory=dict)
    _codes: dict[str, SignInCode] = attrs.field(factory=dict)
    _issued: IssuedSecrets = attrs.field(factory=IssuedSecrets)
    _watchers: list[tuple[OperatorIdentity, Callable[[], None]]] = attrs.field(
        factory=list
    )
    _era: int = 0

    def __repr__(self) -> str:
        return f"<Sessions {len(self._sessions)} open, {len(self._codes)} codes>"

    # -- authentication --------------------------------------------------------

    def token_identity(self) -> OperatorIdentity:
        """Return the identity of a caller with the admin token."""
        return OperatorIdentity(IdentityKind.TOKEN, self._era)

    def resolve(self, presented: str) -> OperatorIdentity | None:
        """Return the identity of a valid session, and record its use.

        The session is found by its public id, then compared in constant time.

        Args:
            presented: Secret that the client sent, in any form.
        """
        if not is_well_formed(presented, SESSION_PREFIX):
            return None
        digest, now = digest_code(presented), self.clock.now()
        session = self._sessions.get(key_id_of(digest))
        if session is None or not hmac.compare_digest(session.digest, digest):
            return None
        if not self._is_valid(session, now):
            return None
        session.used_at = now.steady_seconds
        return self._identity(session)

    def is_guess(self, presented: str, prefix: str) -> bool:
        """Tell whether an invalid secret is a guess: well formed, but never issued.

        Args:
            presented: Secret that the client sent.
            prefix: Prefix of a session, or of a sign-in code.
        """
        if not is_well_formed(presented, prefix):
            return False
        return digest_code(presented) not in self._issued

    def _identity(self, session: Session) -> OperatorIdentity:
        return OperatorIdentity(IdentityKind.SESSION, self._era, session.id)

    def _is_valid(self, session: Session, now: Instant) -> bool:
        return self._left(session, now) > 0

    def _left(self, session: Session, now: Instant) -> float:
        left = session.end.seconds_left(now)
        if session.watchers:
            return left
        idle = now.steady_seconds - session.used_at
        return min(left, self.limits.session_idle_seconds - idle)

    def is_live(self, identity: OperatorIdentity) -> bool:
        """Tell whether an identity is still valid."""
        return self.seconds_left(identity) > 0

    def seconds_left(self, identity: OperatorIdentity) -> float:
        """Return how long an identity stays valid without further use.

        Returns:
            Seconds; ``inf`` for the token, zero or negative if it has ended.
        """
        if identity.era != self._era:
            return 0
        if identity.id is None:
            return math.inf
        session = self._sessions.get(identity.id)
        return 0 if session is None else self._left(session, self.clock.now())

    def find(self, identity: OperatorIdentity) -> Session | None:
        """Return the session of an identity; ``None`` for the token."""
        return None if identity.id is None else self._sessions.get(identity.id)

    def live(self) -> list[Session]:
        """Return the open sessions, oldest first."""
        self._sweep()
        return list(self._sessions.values())

    def open_codes(self) -> int:
        """Return the number of open sign-in codes."""
        self._sweep()
        return len(self._codes)

    # -- opening ---------------------------------------------------------------

    def open(self, by: OperatorIdentity, address: str) -> NewSession:
        """Open a session for a caller with the admin token.

        Raises:
            RelayError: ``token_required`` for a session, or ``admin_unauthorized``
                if the token was replaced since it was presented.
        """
        if by.kind is not IdentityKind.TOKEN:
            raise RelayError(Problem.TOKEN_REQUIRED)
        self._check_live(by)
        return self._open(address, None)

    def make_code(self, by: OperatorIdentity) -> NewSignInCode:
        """Create a sign-in code, which can be redeemed once.

        Raises:
            RelayError: ``admin_unauthorized``, if `by` is no longer valid.
        """
        self._check_live(by)
        self._sweep()
        code, parent = new_code(SIGN_IN_PREFIX), self.find(by)
        end = End.after(self.limits.sign_in_seconds, self.clock.now())
        session_end = None if parent is None else parent.end
        record = SignInCode(
            digest_code(code), by, end.earlier(session_end), session_end
        )
        self._codes[key_id_of(record.digest)] = record
        self._issued.add(record.digest)
        while len(self._codes) > self.limits.sign_in_codes:
            del self._codes[next(iter(self._codes))]
        return NewSignInCode(code, record)

    def redeem(self, presented: str, address: str) -> NewSession | None:
        """Open a session with a sign-in code; ``None`` if the code is invalid."""
        self._sweep()
        if not is_well_formed(presented, SIGN_IN_PREFIX):
            return None
        digest = digest_code(presented)
        record = self._codes.get(key_id_of(digest))
        if record is None or not hmac.compare_digest(record.digest, digest):
            return None
        del self._codes[key_id_of(digest)]
        return self._open(address, record.session_end)

    def _check_live(self, by: OperatorIdentity) -> None:
        if not self.is_live(by):
            raise RelayError(Problem.ADMIN_UNAUTHORIZED)

    def _open(self, address: str, latest: End | None) -> NewSession:
        self._sweep()
        now, token = self.clock.now(), new_code(SESSION_PREFIX)
        session = Session(
            digest=digest_code(token),
            address=address,
            created_ms=now.counted_ms,
            end=End.after(self.limits.session_seconds, now).earlier(latest),
            used_at=now.steady_seconds,
        )
        while len(self._sessions) >= self.limits.sessions:
            idlest = min(self._sessions.values(), key=_use)
            self.end(idlest.id)
        self._sessions[session.id] = session
        self._issued.add(session.digest)
        return NewSession(token, session)

    # -- ending ----------------------------------------------------------------

    def end(self, session_id: str) -> bool:
        """End a session and the codes it created; False if it is unknown."""
        self._sweep()
        found = self._sessions.pop(session_id, None) is not None
        self._sweep()
        self._wake_ended()
        return found

    def end_all(self) -> None:
        """End sessions, sign-in codes, and the identities of the replaced token."""
        self._era += 1
        self.end_sessions()

    def end_sessions(self) -> int:
        """End every session and sign-in code.

        Returns:
            Number of ended sessions.
        """
        ended = len(self.live())
        self._sessions.clear()
        self._codes.clear()
        self._wake_ended()
        return ended

    def _sweep(self) -> None:
        """Remove expired sessions and codes, and the codes of ended sessions."""
        now = self.clock.now()
        for key, session in list(self._sessions.items()):
            if not self._is_valid(session, now):
                del self._sessions[key]
        for key, code in list(self._codes.items()):
            if code.end.seconds_left(now) <= 0 or not self.is_live(code.made_by):
                del self._codes[key]

    # -- watching --------------------------------------------------------------

    @contextmanager
    def watching(
        self, identity: OperatorIdentity, wake: Callable[[], None]
    ) -> Iterator[None]:
        """Call `wake` when an identity is revoked, and keep its session from idling.

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
                session.used_at = self.clock.now().steady_seconds

    def _wake_ended(self) -> None:
        for identity, wake in list(self._watchers):
            if not self.is_live(identity):
                wake()


def _use(session: Session) -> tuple[bool, float]:
    """Return the sort key of eviction: idle longest first, open streams last."""
    return session.watchers > 0, session.used_at
