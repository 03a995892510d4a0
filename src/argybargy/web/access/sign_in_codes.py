"""One-time sign-in codes, in memory."""

import hmac
from collections.abc import Callable

import attrs

from argybargy.domain.access_codes import (
    SIGN_IN_PREFIX,
    digest_code,
    is_well_formed,
    key_id_of,
)
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.clock import Clock
from argybargy.system.values import define
from argybargy.web.access.session import NewSignInCode, SignInCode
from argybargy.web.identity import OperatorIdentity


@define
class SignInCodes:
    """The open sign-in codes. A code ends with the identity that created it.

    The mutable state is `_codes`, by public id and oldest first. At the limit, a new
    code replaces the oldest.

    Args:
        limits: The limits of the relay.
        clock: The relay's clock.
        is_live: Tells whether an identity is still valid.
    """

    limits: Limits
    clock: Clock
    is_live: Callable[[OperatorIdentity], bool]
    _codes: dict[str, SignInCode] = attrs.field(factory=dict)

    def __len__(self) -> int:
        self.sweep()
        return len(self._codes)

    def make(self, by: OperatorIdentity, session_end_ms: int | None) -> NewSignInCode:
        """Create a code.

        Args:
            by: A valid identity.
            session_end_ms: End of that identity, as counted time; None for the token.
        """
        self.sweep()
        code = new_code(SIGN_IN_PREFIX)
        end_ms = self.clock.now().counted_ms + self.limits.sign_in_seconds * 1000
        if session_end_ms is not None:
            end_ms = min(end_ms, session_end_ms)
        record = SignInCode(digest_code(code), by, end_ms, session_end_ms)
        self._codes[key_id_of(record.digest)] = record
        while len(self._codes) > self.limits.sign_in_codes:
            del self._codes[next(iter(self._codes))]
        return NewSignInCode(code, record)

    def find(self, presented: str) -> SignInCode | None:
        """Return an open code. It is found by its public id, then compared in full."""
        self.sweep()
        if not is_well_formed(presented, SIGN_IN_PREFIX):
            return None
        digest = digest_code(presented)
        record = self._codes.get(key_id_of(digest))
        if record is None or not hmac.compare_digest(record.digest, digest):
            return None
        return record

    def remove(self, code: SignInCode) -> None:
        """Remove a code that was redeemed."""
        self._codes.pop(key_id_of(code.digest), None)

    def clear(self) -> None:
        """Remove all codes."""
        self._codes.clear()

    def sweep(self) -> None:
        """Remove expired codes, and those of ended identities."""
        now = self.clock.now()
        for key, code in list(self._codes.items()):
            if code.end_ms <= now.counted_ms or not self.is_live(code.made_by):
                del self._codes[key]
