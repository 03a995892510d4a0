"""One open session, one sign-in code, and where a client is."""

from typing import Final

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.sessions import SessionRecord, latest_end_ms
from argybargy.system.values import define, frozen
from argybargy.web.identity import OperatorIdentity

CERTAIN_SECONDS: Final = 3_600.0
"""Time for which a session must have counted as expired before it is deleted. A wall
clock that is wrong for a shorter time, as after a start, ends no session."""


@frozen
class Visitor:
    """A client that signs in.

    Attributes:
        address: Its IP address.
        device: What it is, such as ``Firefox on Linux``; may be empty.
        keeps_cookie: Whether half of the secret goes into a cookie.
    """

    address: str
    device: str = ""
    keeps_cookie: bool = False


@define(eq=False)
class Session:
    """One session, open or expired lately. Its times are counted by this process.

    Attributes:
        record: The record as it is stored.
        is_own: Whether this process opened it. A session of an earlier process ends by
            the wall clock, see :mod:`argybargy.domain.sessions`.
        end_ms: Latest end, however much it is used.
        used_ms: Last use.
        stepped_ms: The clock steps that the times of the record include.
        watchers: Number of open streams.
        expired_at: Steady time since which it has counted as expired; None before.
    """

    record: SessionRecord
    is_own: bool
    end_ms: int
    used_ms: int
    stepped_ms: int
    watchers: int = 0
    expired_at: float | None = None

    @classmethod
    def opened(cls, record: SessionRecord, now: Instant) -> "Session":
        """Return a session that was opened now."""
        end_ms = record.expires_ms - now.stepped_ms
        return cls(
            record,
            is_own=True,
            end_ms=end_ms,
            used_ms=now.counted_ms,
            stepped_ms=now.stepped_ms,
        )

    @classmethod
    def stored(cls, record: SessionRecord, now: Instant) -> "Session":
        """Return a session of an earlier process."""
        return cls(
            record,
            is_own=False,
            end_ms=latest_end_ms(record, now),
            used_ms=now.counted(record.used_ms),
            stepped_ms=now.stepped_ms,
        )

    @property
    def id(self) -> str:
        """Public id, derived from the digest."""
        return self.record.id

    def ends_ms(self, now: Instant) -> int:
        """Return the end as counted time."""
        if self.is_own:
            return self.end_ms
        return min(self.end_ms, self.record.expires_ms - now.stepped_ms)

    def seconds_left(self, now: Instant) -> float:
        """Return the seconds until the end; zero or negative if it has passed."""
        return (self.ends_ms(now) - now.counted_ms) / 1000

    def created_ms(self, now: Instant) -> int:
        """Return the time of creation on the current wall clock."""
        return self.record.created_ms + self._stepped_by_ms(now)

    def _stepped_by_ms(self, now: Instant) -> int:
        """Return the clock steps that the times of the record do not include."""
        return now.stepped_ms - self.stepped_ms if self.is_own else 0

    def seconds_since_used(self, now: Instant) -> float:
        """Return the time since the last use; zero while a stream is open."""
        if self.watchers:
            return 0.0
        return max(0, now.counted_ms - self.used_ms) / 1000

    def current_record(self, now: Instant) -> SessionRecord:
        """Return the record to store: with the last use, and after a clock step.

        The last use is never before what this process has counted: after a restart, it
        is the least time that has passed.
        """
        by_ms = self._stepped_by_ms(now)
        expires_ms = self.record.expires_ms + by_ms
        used_ms = now.counted_ms if self.watchers else self.used_ms
        counted_ms = expires_ms - (self.end_ms - used_ms)
        least_ms = max(counted_ms, self.record.used_ms + by_ms)
        return attrs.evolve(
            self.record,
            created_ms=self.created_ms(now),
            expires_ms=expires_ms,
            used_ms=min(max(now.on_wall(used_ms), least_ms), expires_ms),
        )

    def has_changed(self, now: Instant, least_ms: int) -> bool:
        """Tell whether to store the record: corrected, or used `least_ms` later."""
        current = self.current_record(now)
        is_used = current.used_ms - self.record.used_ms >= least_ms
        return is_used or current.created_ms != self.record.created_ms

    def note_stored(self, record: SessionRecord, now: Instant) -> None:
        """Note that `record`, made at `now`, is stored."""
        self.record, self.stepped_ms = record, now.stepped_ms

    def is_past_doubt(self, now: Instant) -> bool:
        """Tell whether it has counted as expired for :data:`CERTAIN_SECONDS`.

        Call it now and then: it notes when the session expired, or was valid again.
        """
        if self.seconds_left(now) > 0:
            self.expired_at = None
        elif self.expired_at is None:
            self.expired_at = now.steady_seconds
        since = self.expired_at
        return since is not None and now.steady_seconds - since >= CERTAIN_SECONDS


@frozen
class SignInCode:
    """One open sign-in code.

    Attributes:
        digest: SHA-256 of the code.
        made_by: Identity that created it; the code ends with that identity.
        end_ms: End of the code, as counted time.
        session_end_ms: End of the session it opens, as counted time; None for the
            usual one.
    """

    digest: bytes = attrs.field(repr=False)
    made_by: OperatorIdentity
    end_ms: int
    session_end_ms: int | None


@frozen
class NewSession:
    """A new session with its secret, which is not kept.

    Attributes:
        token: The secret, or the half of it that the page keeps.
        cookie: The half for the cookie; None if `token` is the whole secret.
        session: The session.
    """

    token: str = attrs.field(repr=False)
    cookie: str | None = attrs.field(repr=False)
    session: Session


@frozen
class NewSignInCode:
    """A new sign-in code in clear text, which is not kept."""

    code: str = attrs.field(repr=False)
    record: SignInCode
