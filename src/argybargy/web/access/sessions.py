"""Who acts as the operator: the token, sessions traded for it, and sign-in codes.

The admin token is for the machine that the relay runs on. A browser gets a session
in its place: it ends by itself, is listed, and can be taken back. A phone gets a
sign-in code in a link, which buys one session, once. Both live in memory only, as
digests, and end with the relay.

A session cannot make itself last: it buys no other session, a code that it makes
works no longer than it does itself, and so does the session which that code buys.
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
    """When something ends, on both clocks: whichever gets there first.

    The steady clock stands still while the machine sleeps, the other does not.
    Neither minds when the wall clock is set.

    Attributes:
        counted_ms: As the process counts the time, sleep included.
        steady_seconds: On the steady clock.
    """

    counted_ms: int
    steady_seconds: float

    @classmethod
    def after(cls, seconds: float, now: Instant) -> Self:
        """Return the end of so much time."""
        counted_ms = now.counted_ms + int(seconds * 1000)
        return cls(counted_ms, now.steady_seconds + seconds)

    def earlier(self, other: "End | None") -> "End":
        """Return whichever comes first."""
        if other is None:
            return self
        return min(self, other, key=lambda end: end.counted_ms)

    def seconds_left(self, now: Instant) -> float:
        """Return how long it is until then; nothing or less when it is over."""
        counted = (self.counted_ms - now.counted_ms) / 1000
        return min(counted, self.steady_seconds - now.steady_seconds)


@attrs.define(eq=False)
class Session:
    """One sign-in.

    Attributes:
        digest: SHA-256 of what the browser holds.
        address: Where it was made from.
        created_ms: When, as the process counts the time.
        end: When it ends, however much it is used.
        used_at: When it was last used, on the steady clock.
        watchers: How many streams it keeps open; it is in use while there are any.
    """

    digest: bytes = attrs.field(repr=False)
    address: str
    created_ms: int
    end: End
    used_at: float
    watchers: int = 0

    @property
    def id(self) -> str:
        """The public handle."""
        return key_id_of(self.digest)


@attrs.frozen
class SignInCode:
    """One open sign-in code.

    Attributes:
        digest: SHA-256 of the code.
        made_by: Whoever asked for it; it ends with them.
        end: When it ends.
        session_end: When the session that it buys ends, if that is sooner than usual.
    """

    digest: bytes = attrs.field(repr=False)
    made_by: OperatorIdentity
    end: End
    session_end: End | None


@attrs.frozen
class NewSession:
    """A session, on the one occasion that its secret is seen."""

    token: str = attrs.field(repr=False)
    session: Session


@attrs.frozen
class NewSignInCode:
    """A sign-in code, on the one occasion that it is seen."""

    code: str = attrs.field(repr=False)
    record: SignInCode


@attrs.define
class Sessions:
    """All sessions and sign-in codes of a relay.

    The mutable state is `_sessions` and `_codes`, both by public handle and oldest
    first, `_issued`, which remembers those that have ended too, `_watchers`, and
    `_era`. One session too many ends the one that has been idle for longest; one code
    too many makes the oldest worthless.
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

    # -- who is it -------------------------------------------------------------

    def token_identity(self) -> OperatorIdentity:
        """Return who it is that has shown the admin token."""
        return OperatorIdentity(IdentityKind.TOKEN, self._era)

    def resolve(self, presented: str) -> OperatorIdentity | None:
        """Return who presents a session, if it is valid now, and note its use.

        Found by its public handle, then compared in constant time.
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
        """Tell whether what opens nothing may have been meant to find what does.

        Args:
            presented: What was shown.
            prefix: That of a session, or of a sign-in code.
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
        """Tell whether an operator who was let in earlier still would be."""
        return self.seconds_left(identity) > 0

    def seconds_left(self, identity: OperatorIdentity) -> float:
        """Return how long an operator stays let in if nothing happens meanwhile.

        Returns:
            Seconds; ``inf`` for the token, nothing or less when it is over.
        """
        if identity.era != self._era:
            return 0
        if identity.id is None:
            return math.inf
        session = self._sessions.get(identity.id)
        return 0 if session is None else self._left(session, self.clock.now())

    def find(self, identity: OperatorIdentity) -> Session | None:
        """Return the session behind an identity; the token has none."""
        return None if identity.id is None else self._sessions.get(identity.id)

    def live(self) -> list[Session]:
        """Return the sessions there are, oldest first."""
        self._sweep()
        return list(self._sessions.values())

    def open_codes(self) -> int:
        """Return how many sign-in codes could still be used."""
        self._sweep()
        return len(self._codes)

    # -- in --------------------------------------------------------------------

    def open(self, by: OperatorIdentity, address: str) -> NewSession:
        """Trade the token for a session.

        Raises:
            RelayError: ``token_required`` for a session, or ``admin_unauthorized``
                when the token has become another one since it was shown.
        """
        if by.kind is not IdentityKind.TOKEN:
            raise RelayError(Problem.TOKEN_REQUIRED)
        self._check_live(by)
        return self._open(address, None)

    def make_code(self, by: OperatorIdentity) -> NewSignInCode:
        """Make a code that buys one session, once.

        Raises:
            RelayError: ``admin_unauthorized``, when `by` is over.
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
        """Trade a sign-in code for a session; ``None`` when it is worth nothing."""
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

    # -- out -------------------------------------------------------------------

    def end(self, session_id: str) -> bool:
        """End a session and the codes that it has made; False if there is none."""
        self._sweep()
        found = self._sessions.pop(session_id, None) is not None
        self._sweep()
        self._wake_ended()
        return found

    def end_all(self) -> None:
        """End everything: sessions, sign-in codes, and whoever came by the token."""
        self._era += 1
        self.end_sessions()

    def end_sessions(self) -> int:
        """End every session and sign-in code.

        Returns:
            How many sessions that were.
        """
        ended = len(self.live())
        self._sessions.clear()
        self._codes.clear()
        self._wake_ended()
        return ended

    def _sweep(self) -> None:
        """Forget what is over, codes of sessions that are over included."""
        now = self.clock.now()
        for key, session in list(self._sessions.items()):
            if not self._is_valid(session, now):
                del self._sessions[key]
        for key, code in list(self._codes.items()):
            if code.end.seconds_left(now) <= 0 or not self.is_live(code.made_by):
                del self._codes[key]

    # -- whoever has to know ---------------------------------------------------

    @contextmanager
    def watching(
        self, identity: OperatorIdentity, wake: Callable[[], None]
    ) -> Iterator[None]:
        """Have `wake` called when an operator is let in no more; keep them in use.

        Ask :meth:`is_live` after entering, and wait no longer than
        :meth:`seconds_left`: nothing is called when a session ends by the clock.

        Args:
            identity: Who has to stay let in.
            wake: Called at most once for each reason, from anywhere; it must not
                block and not fail.
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
    """Return what orders sessions by their use: those with streams open come last."""
    return session.watchers > 0, session.used_at
