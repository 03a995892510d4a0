"""The admin token of several nodes on one store.

The store has its digest. The first node that starts stores that of its own file; a node
with another token in its file accepts the stored one. Replacing the token writes the
file of the node that was asked, and all nodes refuse the old one from then on.

The store also has the secret that signs links in notifications, since every node has to
accept them. Whoever reads the store could forge such a link, which answers one
question; that is less than writing to the store allows.
"""

import hmac
import secrets
from typing import Final, Self

import attrs
import msgspec
import trio

from argybargy.domain.access_codes import ADMIN_PREFIX, digest_code, is_well_formed
from argybargy.domain.sessions import mark_token
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.issued_secrets import IssuedSecrets
from argybargy.relay.store_errors import shielded, translated
from argybargy.serve.admin_token import FileAdminToken
from argybargy.store.errors import Refused
from argybargy.store.protocol import NodeStore
from argybargy.system.logs import get_logger
from argybargy.system.values import define, frozen

log = get_logger(__name__)

SETTING: Final = "admin_token"
"""The name of the setting."""
TRIES: Final = 8
"""Times that a change is tried again because another node was faster."""
_SECRET_BYTES: Final = 32


@frozen
class StoredToken:
    """The admin token as it is stored.

    Attributes:
        digest: SHA-256 of the token, in hex digits.
        mark: Its mark, see `argybargy.domain.sessions.mark_token`.
        link_secret: What signs links in notifications; ends with the token.
        is_generated: Whether the relay has made it up, and nobody chose it.
    """

    digest: str = attrs.field(repr=False)
    mark: str = attrs.field(repr=False)
    link_secret: str = attrs.field(repr=False)
    is_generated: bool = True

    @classmethod
    def of(cls, token: str) -> Self:
        """Return what is stored of a token."""
        return cls(
            digest_code(token).hex(),
            mark_token(token),
            secrets.token_hex(_SECRET_BYTES),
            is_well_formed(token, ADMIN_PREFIX),
        )


def setting_of(token: str) -> bytes:
    """Return the setting that makes a token that of all nodes."""
    return msgspec.json.encode(StoredToken.of(token))


def is_token_of(setting: bytes, presented: str) -> bool:
    """Compare a token with the setting in constant time.

    A setting that a relay of another version has stored is that of another token.
    """
    try:
        digest = bytes.fromhex(_decode(setting).digest)
    except Refused:
        return False
    return hmac.compare_digest(digest, digest_code(presented))


_DECODER: Final = msgspec.json.Decoder(StoredToken)


def _decode(value: bytes) -> StoredToken:
    """Return what is stored of the token.

    Raises:
        Refused: A relay of another version has stored it.
    """
    try:
        return _DECODER.decode(value)
    except msgspec.MsgspecError as error:
        raise Refused(f"the stored admin token cannot be read: {error}") from error


@define
class SharedAdminToken:
    """The admin token of all nodes.

    The mutable state is what is stored of it, and digests of the tokens it replaced.

    Attributes:
        own: The token in the data directory of this node.
        store: The shared store.
        stored: What the store has of the token.
    """

    own: FileAdminToken
    store: NodeStore
    stored: StoredToken
    _former: IssuedSecrets = attrs.field(factory=IssuedSecrets)
    _rotating: trio.Lock = attrs.field(factory=trio.Lock)

    @classmethod
    async def open(cls, own: FileAdminToken, store: NodeStore) -> Self:
        """Read the token of the store, or store that of this node.

        Raises:
            StoreError: The store failed.
        """
        for _ in range(TRIES):
            found = await store.setting(SETTING)
            if found is not None:
                token = cls(own, store, _decode(found))
                if not token.matches(own.value):
                    log.warning("the nodes have another admin token", file=own.path)
                return token
            await store.set_setting(SETTING, setting_of(own.value), None)
        raise Refused("the admin token changes all the time")

    @property
    def mark(self) -> str:
        """Mark of the token; sessions opened under another one have ended."""
        return self.stored.mark

    @property
    def value(self) -> str:
        """The token in the file of this node, which may be an older one."""
        return self.own.value

    def matches(self, presented: str) -> bool:
        """Compare a presented token in constant time."""
        digest = bytes.fromhex(self.stored.digest)
        return hmac.compare_digest(digest, digest_code(presented))

    def is_guess(self, presented: str) -> bool:
        """Return whether a wrong token counts as an attempt to guess the right one."""
        if digest_code(presented) in self._former:
            return False
        is_ours = self.stored.is_generated
        return not is_ours or is_well_formed(presented, ADMIN_PREFIX)

    async def reread(self) -> bool:
        """Read the token again; return whether another node has replaced it.

        Raises:
            StoreError: The store could not be read.
        """
        async with self._rotating:
            found = await self.store.setting(SETTING)
            if found is None:
                return False
            return self._take(_decode(found))

    def _take(self, stored: StoredToken) -> bool:
        if stored.digest == self.stored.digest:
            return False
        self._former.add(bytes.fromhex(self.stored.digest))
        self.stored = stored
        return True

    async def rotate(self) -> str:
        """Replace the token at all nodes by a new one.

        Raises:
            OSError: The file could not be written; the old token stays valid.
            RelayError: ``storage_unavailable`` and the like; the same.
        """
        async with self._rotating:
            with shielded(), translated():
                token = new_code(ADMIN_PREFIX)
                made = StoredToken.of(token)
                before = await self._replace(made)
                failure = await self._keep(token)
                if failure is not None:
                    # Nobody would ever see the new token.
                    value = msgspec.json.encode(made)
                    await self.store.set_setting(SETTING, before, value)
                    raise failure
                self._take(made)
            return token

    async def _keep(self, token: str) -> OSError | None:
        """Write a new token to this node's file; return what went wrong."""
        try:
            await self.own.replace(token)
        except OSError as error:
            return error
        return None

    async def _replace(self, made: StoredToken) -> bytes:
        """Store a new token; return what was stored before.

        Raises:
            StoreError: The store failed; after an unknown outcome, the next reading
                shows which token is valid.
        """
        for _ in range(TRIES):
            before = await self.store.setting(SETTING)
            value = msgspec.json.encode(made)
            if await self.store.set_setting(SETTING, value, before):
                assert before is not None  # stored when this was opened
                return before
        raise Refused("the admin token changes all the time")
