"""Sign-in codes that all nodes of a shared store accept, each once.

They are kept as digests in one setting of the store. A code is taken out of it before
its session is opened, so of two nodes that redeem it at once one does.
"""

import hmac
from typing import Final

import attrs
import msgspec

from argybargy.domain.access_codes import SIGN_IN_PREFIX, digest_code, is_well_formed
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.clock import Clock
from argybargy.relay.store_errors import translated
from argybargy.store.errors import Refused
from argybargy.store.protocol import NodeStore
from argybargy.system.values import define, frozen
from argybargy.web.access.session import SignInCode

SETTING: Final = "sign_in_codes"
"""The name of the setting."""
TRIES: Final = 8
"""Times that a change is tried again because another node was faster."""


@frozen
class SharedCode:
    """One open sign-in code, as it is stored. Times are on the wall clock.

    Attributes:
        digest: SHA-256 of the code, in hex digits.
        end_ms: Its end.
        session_end_ms: End of the session that it opens; ``None`` for the usual one.
        made_by: Public id of the session that created it; ``None`` for the token.
        token_mark: Mark of the admin token at its creation.
    """

    digest: str = attrs.field(repr=False)
    end_ms: int
    session_end_ms: int | None
    made_by: str | None
    token_mark: str = attrs.field(repr=False)


_DECODER: Final = msgspec.json.Decoder(tuple[SharedCode, ...])


def _decode(value: bytes) -> tuple[SharedCode, ...]:
    """Return the stored codes.

    Raises:
        Refused: A relay of another version has stored them.
    """
    try:
        return _DECODER.decode(value)
    except msgspec.MsgspecError as error:
        raise Refused(f"the sign-in codes cannot be read: {error}") from error


@define
class SharedSignInCodes:
    """The open sign-in codes of all nodes. At the limit, a new one ends the oldest.

    Args:
        store: The shared store.
        limits: The limits of the relay.
        clock: The relay's clock.
    """

    store: NodeStore
    limits: Limits
    clock: Clock

    async def add(self, code: SignInCode, token_mark: str) -> None:
        """Add a code that this node has created.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        now = self.clock.now()
        end_ms = code.session_end_ms
        shared = SharedCode(
            code.digest.hex(),
            now.on_wall(code.end_ms),
            None if end_ms is None else now.on_wall(end_ms),
            code.made_by.id,
            token_mark,
        )
        await self.put(shared)

    async def put(self, code: SharedCode) -> None:
        """Store a code, or put back one that was taken.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        for _ in range(TRIES):
            before, codes = await self._read()
            kept = [each for each in codes if each.digest != code.digest]
            if await self._replace(before, [*kept, code]):
                return
        raise RelayError(Problem.BUSY, retry_after=1)

    async def take(self, presented: str) -> SharedCode | None:
        """Take an open code out of the store; ``None`` if there is none such.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        if not is_well_formed(presented, SIGN_IN_PREFIX):
            return None
        digest = digest_code(presented).hex()
        for _ in range(TRIES):
            before, codes = await self._read()
            found = [e for e in codes if hmac.compare_digest(e.digest, digest)]
            if not found:
                return None
            rest = [each for each in codes if each is not found[0]]
            if await self._replace(before, rest):
                return found[0]
        raise RelayError(Problem.BUSY, retry_after=1)

    async def clear(self) -> None:
        """Remove all codes.

        Raises:
            RelayError: ``storage_unavailable`` and the like.
        """
        for _ in range(TRIES):
            before, _codes = await self._read()
            if before is None or await self._replace(before, []):
                return
        raise RelayError(Problem.BUSY, retry_after=1)

    async def _read(self) -> tuple[bytes | None, list[SharedCode]]:
        """Return the setting, and the codes in it that have not expired."""
        with translated():
            stored = await self.store.setting(SETTING)
            codes = () if stored is None else _decode(stored)
        wall_ms = self.clock.now().wall_ms
        return stored, [each for each in codes if each.end_ms > wall_ms]

    async def _replace(self, before: bytes | None, codes: list[SharedCode]) -> bool:
        value = msgspec.json.encode(codes[-self.limits.sign_in_codes :])
        with translated():
            return await self.store.set_setting(SETTING, value, before)
